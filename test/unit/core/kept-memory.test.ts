import { expect, test } from "vitest";
import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { delivery, testDeps, UNLIMITED } from "./fixtures.ts";

const MIB = 1024 * 1024;

class Blob extends StatefulActor<unknown> {
  async answer() {
    await this.ctx.storage.put("asked", true);
    return "x".repeat(MIB);
  }
  async fill() {
    for (let n = 0; n < 10; n++) await this.ctx.storage.put(`k${n}`, "x".repeat(380_000));
  }
}

test("idle activations together keep no more than a small worker can hold", async () => {
  const deps = { ...testDeps({ Blob }), store: createMemoryStore(), activations: new Activations(1000) };
  const ids = Array.from({ length: 40 }, (_, n) => ({ type: "Blob", name: String(n) }));
  for (const id of ids) {
    expect(await runBatch(id, [delivery(id, "fill")], { times: UNLIMITED, deps })).toEqual([]);
  }
  let kept = 0;
  for (const id of ids) {
    const { state } = await deps.activations.hydrate(id, deps.store);
    for (const [key, text] of state.known) kept += key.length + (text ?? "").length;
  }
  // A worker has 512 MiB unless told otherwise, from 128 MiB up.
  expect(kept).toBeLessThanOrEqual(64 * MIB);
  expect(kept).toBeGreaterThan(32 * MIB);
});

test("I18: nor do the results of their last calls, which lie in the heads of the embedded server", async () => {
  const deps = { ...testDeps({ Blob }), store: createMemoryStore(), activations: new Activations(1000) };
  const ids = Array.from({ length: 80 }, (_, n) => ({ type: "Blob", name: String(n) }));
  for (const id of ids) await runBatch(id, [delivery(id, "answer")], { times: UNLIMITED, deps });
  // An object from before is there only where the activation was kept.
  let kept = 0;
  for (const id of ids) if ((await deps.activations.hydrate(id, deps.store)).object) kept++;
  expect(kept).toBeLessThanOrEqual(48);
  expect(kept).toBeGreaterThan(32);
});
