import { type ActorNamespace, StatefulActor } from "stateful-actors";

interface Env {
  MEMBER: ActorNamespace<Member>;
}

/** What all instances of this process share: the test's way to hold turns, and to count them. */
let gate = closedGate();
let worked = 0;

function closedGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** One of many that are called at once; no fetch handler, so the RPC door answers. */
export class Member extends StatefulActor<Env> {
  /** Counts itself, and waits for `release`. */
  async hold(_load?: string) {
    await gate.opened;
    const count = ((await this.ctx.storage.get<number>("count")) ?? 0) + 1;
    await this.ctx.storage.put("count", count);
    return count;
  }
  async count() {
    return (await this.ctx.storage.get<number>("count")) ?? 0;
  }
  /** Lets all go that wait, here and everywhere. */
  async release() {
    gate.open();
  }
  /** From here on calls are held again. */
  async close() {
    gate = closedGate();
  }
  /** Keeps the processor busy, and waits for nothing. */
  async work(ms: number) {
    const end = performance.now() + ms;
    while (performance.now() < end);
    worked++;
  }
  /** How many calls of `work` have ended, of all instances. */
  async worked() {
    return worked;
  }
  /** Calls another instance so many times. Answers how many calls of `work`, of all instances, have ended during each of them. */
  async watch(name: string, times: number) {
    const other = this.env.MEMBER.idFromName(name);
    const meanwhile: number[] = [];
    for (let n = 0; n < times; n++) {
      const before = worked;
      await other.count();
      meanwhile.push(worked - before);
    }
    return meanwhile;
  }
  /** The most that this process has taken, in MB. */
  async memory() {
    return process.resourceUsage().maxRSS / 1024;
  }
}
