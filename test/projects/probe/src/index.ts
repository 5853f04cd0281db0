import { type ActorNamespace, env as ambientEnv, StatefulActor } from "stateful-actors";

export { Clerk } from "./clerk.ts";
export { Desk } from "./desk.ts";
export { Loader, Script } from "./script.ts";
export { Sleeper } from "./sleeper.ts";

interface Env {
  PROBE: ActorNamespace<Probe>;
  RELAY: ActorNamespace<Relay>;
}

/** Does whatever the acceptance tests need to see; no fetch handler, so the RPC door answers. */
export class Probe extends StatefulActor<Env> {
  async get(key: string) {
    return this.ctx.storage.get(key);
  }
  async put(key: string, value: unknown) {
    await this.ctx.storage.put(key, value);
  }
  async delete(key: string) {
    return this.ctx.storage.delete(key);
  }
  async increment() {
    const count = ((await this.ctx.storage.get<number>("count")) ?? 0) + 1;
    await this.ctx.storage.put("count", count);
    return count;
  }
  async name() {
    return this.ctx.id;
  }
  async greeting() {
    return process.env.PROBE_GREETING;
  }
  async putThenThrow(key: string) {
    await this.ctx.storage.put(key, "must not stay");
    throw new TypeError("thrown on purpose");
  }
  async putThenHang(key: string, ms: number) {
    await this.ctx.storage.put(key, "must not stay");
    await new Promise((resolve) => setTimeout(resolve, ms));
    await this.ctx.storage.put(key, "must not stay either");
  }
  /** Waits until another instance holds something under a key. */
  async holdUntil(name: string, key: string) {
    while (!(await this.env.PROBE.idFromName(name).get(key))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  strayRejection() {
    void Promise.reject(new Error("nobody catches this"));
    return "answered";
  }
  async large(length: number) {
    return "x".repeat(length);
  }
  async storeKinds() {
    await this.ctx.storage.put("kinds", {
      date: new Date(5),
      map: new Map([[1, new Set(["a"])]]),
      big: 2n ** 70n,
    });
    await this.ctx.storage.put("large", "y".repeat(100_000));
  }
  async readKinds() {
    const kinds = await this.ctx.storage.get<{ date: Date; map: Map<number, Set<string>>; big: bigint }>(
      "kinds",
    );
    const large = await this.ctx.storage.get<string>("large");
    return {
      date: kinds?.date instanceof Date && kinds.date.getTime(),
      map: kinds?.map.get(1)?.has("a"),
      big: kinds?.big === 2n ** 70n,
      large: large?.length,
    };
  }
  async _private() {
    return "secret";
  }
}

/** Calls other actors. */
export class Relay extends StatefulActor<Env> {
  async increment(name: string, times: number) {
    const stub = this.env.PROBE.idFromName(name);
    let count = 0;
    for (let n = 0; n < times; n++) count = await stub.increment();
    return count;
  }
  async catchError(name: string) {
    try {
      await this.env.PROBE.idFromName(name).putThenThrow("k");
      return "no error";
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  }
  async freshNames() {
    const [one, two] = [this.env.PROBE.newUniqueId(), this.env.PROBE.newUniqueId()];
    await one.increment();
    const again = this.env.PROBE.idFromName(one.id);
    return {
      different: one.id !== two.id,
      length: one.id.length,
      name: await one.name(),
      again: await again.increment(),
      other: await two.increment(),
    };
  }
  async around(names: string[]): Promise<string> {
    const [next, ...rest] = names;
    if (next === undefined) return this.ctx.id;
    return this.env.RELAY.idFromName(next)
      .around(rest)
      .catch((error: Error) => `${error.name}: ${error.message}`);
  }
  async throughAmbientEnv(name: string) {
    return (ambientEnv as Env).PROBE.idFromName(name).name();
  }
}
