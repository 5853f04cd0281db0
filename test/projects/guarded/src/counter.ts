import { StatefulActor } from "stateful-actors";

/** No fetch handler: the built-in door stands before it. */
export class Counter extends StatefulActor {
  async increment() {
    const count = ((await this.ctx.storage.get<number>("count")) ?? 0) + 1;
    await this.ctx.storage.put("count", count);
    return count;
  }
}
