import { expect, test } from "vitest";
import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { delivery, testDeps, UNLIMITED } from "./fixtures.ts";

const id = { type: "Counter", name: "one" };

class Counter extends StatefulActor<unknown> {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
}

test("I7: a worker from before a restore does not take its own state for the restored one, though the version is the same", async () => {
  const deps = testDeps({ Counter });
  const before = createMemoryStore();
  const restored = createMemoryStore();
  const run = async (each: ReturnType<typeof delivery>, more: Partial<typeof deps>) => {
    expect(await runBatch(id, [each], { times: UNLIMITED, deps: { ...deps, ...more } })).toEqual([]);
    return deps.replies.outcome(each.envelope.id);
  };
  const old = new Activations(10);
  const next = new Activations(10);
  const first = delivery(id, "add", 1);
  await run(first, { store: before, activations: old });
  // The backup is of this moment: one more commit was made, and is gone with the restore.
  await run(first, { store: restored, activations: next });
  await run(delivery(id, "add", 10), { store: before, activations: old });
  await run(delivery(id, "add", 100), { store: restored, activations: next });
  expect((await before.hydrate(id))?.version).toBe((await restored.hydrate(id))?.version);

  expect(await run(delivery(id, "add", 1_000), { store: restored, activations: old })).toMatchObject({
    result: "[1101]",
  });
});
