import { expect, onTestFinished, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { delivery, testDeps, UNLIMITED } from "./fixtures.ts";

const LONG = "x".repeat(50_000);

class Vault extends StatefulActor<unknown> {
  async fill() {
    await this.ctx.storage.put("long", LONG);
  }
  async length() {
    return (await this.ctx.storage.get<string>("long"))?.length;
  }
}

test("a project may put a Promise of its own in the place of the one that async functions return", async () => {
  const real = globalThis.Promise;
  onTestFinished(() => {
    globalThis.Promise = real;
  });
  globalThis.Promise = class Other<T> extends Promise<T> {} as PromiseConstructor;
  const deps = testDeps({ Vault });
  const id = { type: "Vault", name: "a" };
  const turn = { times: UNLIMITED, deps };
  await runBatch(id, [delivery(id, "fill")], turn);
  deps.activations.evict(id);
  const asked = delivery(id, "length");
  await runBatch(id, [asked], turn);
  expect(deps.problems).toEqual([]);
  expect(deps.replies.outcome(asked.envelope.id)).toMatchObject({ ok: true, result: `[${LONG.length}]` });
});
