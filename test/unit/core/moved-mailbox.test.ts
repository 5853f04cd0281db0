import { expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import { delivery, RecordedReplies, redelivered, testDeps, UNLIMITED } from "./fixtures.ts";

class Counter extends StatefulActor {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
}

const to = { type: "Counter", name: "a" };
const NEW_QUEUE = "queue-2";

/** The same delivery as the queue gives it in which the instance has its mailbox since the count of queues was changed. */
const moved = (each: Delivery): Delivery => ({ ...each, mark: { queue: NEW_QUEUE, sequence: "1" } });

/** What lies in both queues, in the order in which it is worked off. */
function start() {
  const deps = testDeps({ Counter });
  const run = (...deliveries: Delivery[]) => runBatch(to, deliveries, { times: UNLIMITED, deps });
  const sum = async () => (await deps.store.hydrate(to))?.inline.get("sum");
  return { deps, run, sum };
}

test("I4: a call that was answered out of the old queue, and comes again behind one of the new queue, is not applied again", async () => {
  const { deps, run, sum } = start();
  const old = delivery(to, "add", 1);
  expect(await run(old)).toEqual([]);
  expect(await run(moved(delivery(to, "add", 10)))).toEqual([]);
  expect(await run(redelivered(old))).toEqual([]);
  expect(await sum()).toBe("[11]");
  expect(deps.replies.outcome(old.envelope.id)).toMatchObject({ ok: true, result: "[1]" });
});

test("I4: nor is one that was committed and never answered: its outcome is filed before the new queue's first commit", async () => {
  const { deps, run, sum } = start();
  const old = delivery(to, "add", 1);
  // It stays in the old queue, and its worker dies before the queue hands it out again.
  await runOnce(deps, old);
  expect(deps.replies.outcome(old.envelope.id)).toBeUndefined();
  expect(await run(moved(delivery(to, "add", 10)))).toEqual([]);
  expect(deps.replies.outcome(old.envelope.id)).toMatchObject({ ok: true, result: "[1]" });
  expect(await run(redelivered(old))).toEqual([]);
  expect(await sum()).toBe("[11]");
});

test("what waits in the old queue may run after what came into the new one: between the two there is no order", async () => {
  const { deps, run } = start();
  const [first, second] = [delivery(to, "add", 1), moved(delivery(to, "add", 10))];
  await run(second);
  expect(await run(first)).toEqual([]);
  expect(deps.replies.outcome(first.envelope.id)).toMatchObject({ ok: true, result: "[11]" });
});

/** One attempt at a delivery: its commit lands, and its worker is gone before it can answer. */
async function runOnce(deps: ReturnType<typeof start>["deps"], each: Delivery): Promise<void> {
  const replies = new RecordedReplies();
  replies.write = () => Promise.reject(new Error("the worker is gone"));
  await runBatch(to, [each], { times: UNLIMITED, deps: { ...deps, replies } });
}
