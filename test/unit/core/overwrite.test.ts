import { expect, test } from "vitest";
import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { overwrite } from "../../../runtime/core/overwrite.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Wake } from "../../../runtime/ports/alarm-clock.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import { delivery, redelivered, testDeps, UNLIMITED } from "./fixtures.ts";

const id = { type: "Counter", name: "one" };

class Counter extends StatefulActor<unknown> {
  #adds = 0;
  async add(amount: number) {
    this.#adds++;
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async adds() {
    return this.#adds;
  }
  async spill() {
    for (let n = 0; n < 5; n++) await this.ctx.storage.put(`big${n}`, "x".repeat(3_000));
    await this.ctx.storage.setAlarm(5_000_000);
  }
}

function start() {
  const store = createMemoryStore();
  const armed: Wake[] = [];
  const alarmClock = { arm: async (_: unknown, wake: Wake) => void armed.push(wake) };
  const deps = { ...testDeps({ Counter }), store, alarmClock, activations: new Activations(10) };
  const run = async (...deliveries: Delivery[]) => {
    expect(await runBatch(id, deliveries, { times: UNLIMITED, deps })).toEqual([]);
  };
  const put = (expected: number, values: Record<string, string> = {}, alarm?: number) =>
    overwrite(id, { expected, values: new Map(Object.entries(values)), alarm }, deps);
  return { store, deps, armed, run, put };
}

test("I24: a deleted instance holds nothing and is listed nowhere; what was applied before is not applied again", async () => {
  const { store, run, put } = start();
  const first = delivery(id, "add", 5);
  await run(first, delivery(id, "spill"));
  const before = await store.hydrate(id);
  expect(await put(before?.version ?? 0)).toEqual({ status: "committed" });
  const after = await store.snapshot(id);
  expect(after?.values.size).toBe(0);
  expect(after?.head).toMatchObject({
    version: (before?.version ?? 0) + 1,
    mark: before?.mark,
    settled: before?.settled,
    alarm: undefined,
    spilled: false,
  });
  expect(await store.list({ type: "Counter", prefix: "", after: undefined, limit: 9 })).toMatchObject({
    instances: [],
  });
  expect(await store.sweep(id, after?.head ?? (undefined as never), 0)).toBe(true);

  await run(redelivered(first));
  expect((await store.snapshot(id))?.values.size).toBe(0);
  await run(delivery(id, "add", 2));
  expect((await store.snapshot(id))?.values.get("sum")).toBe("[2]");
});

test("I24: a version that has moved on is left alone", async () => {
  const { store, run, put } = start();
  await run(delivery(id, "add", 5));
  await run(delivery(id, "add", 5));
  expect(await put(1)).toEqual({ status: "fenced" });
  expect((await store.snapshot(id))?.values.get("sum")).toBe("[10]");
});

test("I24: a worker in the middle of a turn is fenced, and runs it again on what is there then", async () => {
  const { store, deps, run, put } = start();
  await run(delivery(id, "add", 5));
  let raced = false;
  const racing = {
    ...store,
    commit: async (commit: Parameters<typeof store.commit>[0]) => {
      if (!raced) {
        raced = true;
        expect(await put(1, { sum: "[100]" })).toEqual({ status: "committed" });
      }
      return store.commit(commit);
    },
  };
  const deliveries = [delivery(id, "add", 1), delivery(id, "adds")];
  const left = await runBatch(id, deliveries, { times: UNLIMITED, deps: { ...deps, store: racing } });
  expect(left).toEqual([]);
  expect((await store.snapshot(id))?.values.get("sum")).toBe("[101]");
});

test("I24: a commit whose answer got lost, and that finds itself when it is sent again, has landed", async () => {
  const { store, deps, run } = start();
  await run(delivery(id, "add", 5));
  const again = {
    ...store,
    commit: async (commit: Parameters<typeof store.commit>[0]) => {
      await store.commit(commit);
      return store.commit(commit);
    },
  };
  const put = { expected: 1, values: new Map([["sum", "[8]"]]), alarm: undefined };
  expect(await overwrite(id, put, { ...deps, store: again })).toEqual({ status: "committed" });
  expect((await store.snapshot(id))?.head.version).toBe(2);
  // A rival's commit at the same version is none of it.
  const rival = {
    ...store,
    commit: async (commit: Parameters<typeof store.commit>[0]) => {
      const { head } = commit;
      await store.commit({ ...commit, head: { ...head, inline: new Map([["sum", "[9]"]]) } });
      return store.commit(commit);
    },
  };
  expect(await overwrite(id, { ...put, expected: 2 }, { ...deps, store: rival })).toEqual({
    status: "fenced",
  });
});

test.each<[string, { values: Map<string, string>; alarm: number | undefined }[]]>([
  [
    "values that lie beside the head",
    ["a", "b"].map((each) => ({ values: new Map([["big", `["${each.repeat(5_000)}"]`]]), alarm: undefined })),
  ],
  ["an alarm alone", [5_000_000, undefined].map((alarm) => ({ values: new Map(), alarm }))],
])("I24: of two operators that put %s at once one is told that he came too late", async (_, puts) => {
  const { deps, store } = start();
  const told = await Promise.all(puts.map((put) => overwrite(id, { expected: 0, ...put }, deps)));
  expect(told.map(({ status }) => status).sort()).toEqual(["committed", "fenced"]);
  const won = puts[told.findIndex(({ status }) => status === "committed")];
  const { values, head } = (await store.snapshot(id)) ?? {};
  expect([values, head?.alarm?.at]).toEqual([won?.values, won?.alarm]);
});

test("values and an alarm come into an instance that never was, the wake before the commit", async () => {
  const { store, armed, put, deps } = start();
  const at = deps.clock.now() + 60_000;
  expect(await put(0, { sum: "[7]", big: JSON.stringify(["x".repeat(4_000)]) }, at)).toEqual({
    status: "committed",
  });
  expect(armed).toEqual([{ at, version: 1 }]);
  const snapshot = await store.snapshot(id);
  expect(snapshot?.head).toMatchObject({
    alarm: { at, retries: 0 },
    wake: { at, version: 1 },
    spilled: true,
  });
  expect([...(snapshot?.values.keys() ?? [])]).toEqual(["big", "sum"]);
});

test("a message that committed turns have sent is not lost with its sender", async () => {
  const { store, put } = start();
  const head = await (async () => {
    await put(0, { sum: "[1]" });
    return store.hydrate(id);
  })();
  await store.commit({
    id,
    expected: 1,
    head: { ...(head as NonNullable<typeof head>), version: 2, outbox: ["m1"] },
    entries: new Map(),
  });
  expect(await put(2)).toEqual({ status: "committed" });
  expect((await store.hydrate(id))?.outbox).toEqual(["m1"]);
});
