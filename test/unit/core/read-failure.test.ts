import { expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { delivery, testDeps, UNLIMITED } from "./fixtures.ts";

class Counter extends StatefulActor<unknown> {
  async init() {
    await this.ctx.storage.put("large", "x".repeat(5000));
  }
  async length() {
    return (await this.ctx.storage.get<string>("large"))?.length;
  }
  /** Takes a failed read for an empty key, and writes. */
  async careless() {
    const text = await this.ctx.storage.get<string>("large").catch(() => "");
    await this.ctx.storage.put("large", `${text}!`);
  }
  async listed() {
    return (await this.ctx.storage.list()).size;
  }
}
const id = { type: "Counter", name: "one" };

test.each(["length", "careless", "listed"])(
  "a read that the store fails is no failure of the method: the turn runs again (%s)",
  async (method) => {
    const deps = testDeps({ Counter });
    expect(await runBatch(id, [delivery(id, "init")], { times: UNLIMITED, deps })).toEqual([]);
    let failures = 1;
    const failing = async () => {
      if (failures-- > 0) throw new Error("throttled: arn:aws:dynamodb:eu-west-1:123456789012:table/x");
    };
    const store: typeof deps.store = {
      ...deps.store,
      readEntry: (...args) => failing().then(() => deps.store.readEntry(...args)),
      listEntries: (...args) => failing().then(() => deps.store.listEntries(...args)),
    };
    const one = delivery(id, method);
    // Fresh memory: nothing is known yet.
    const fresh = { ...deps, store, activations: testDeps({}).activations };
    expect(await runBatch(id, [one], { times: UNLIMITED, deps: fresh })).toEqual([]);
    expect(deps.replies.outcome(one.envelope.id)).toMatchObject({ ok: true });
    const check = delivery(id, "length");
    await runBatch(id, [check], { times: UNLIMITED, deps: fresh });
    const length = method === "careless" ? 5001 : 5000;
    expect(deps.replies.outcome(check.envelope.id)).toEqual({ ok: true, result: `[${length}]` });
  },
);
