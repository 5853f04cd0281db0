import { describe, expect, test } from "vitest";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { keyedId } from "../../../runtime/core/envelope-id.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import { askedAgain, delivery, redelivered, testDeps, UNLIMITED } from "./fixtures.ts";

class Counter extends StatefulActor<unknown> {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async fail() {
    await this.ctx.storage.put("sum", -1);
    throw new Error("failed");
  }
}

const counter = { type: "Counter", name: "one" };

/** A call with an idempotency key. */
function keyed(key: string, method: string, ...args: unknown[]): Delivery {
  const plain = delivery(counter, method, ...args);
  const envelope = { ...plain.envelope, id: keyedId(counter, key), attempt: `attempt-${plain.envelope.id}` };
  return { ...plain, envelope };
}

function start() {
  const deps = testDeps({ Counter });
  let commits = 0;
  const store = {
    ...deps.store,
    commit: (commit: Parameters<typeof deps.store.commit>[0]) => {
      commits++;
      return deps.store.commit(commit);
    },
  };
  const own = { ...deps, store };
  return {
    ...own,
    commits: () => commits,
    run: (deliveries: Delivery[], more: Partial<typeof own> = {}) =>
      runBatch(counter, deliveries, { times: UNLIMITED, deps: { ...own, ...more } }),
    /** As another worker would, with nothing in memory. */
    runCold: (deliveries: Delivery[]) =>
      runBatch(counter, deliveries, { times: UNLIMITED, deps: { ...own, activations: new Activations(1) } }),
    sum: async () => (await deps.store.hydrate(counter))?.inline.get("sum"),
  };
}

describe("I11: a call that may be asked for again is applied once", () => {
  test("asked twice in one batch", async () => {
    const system = start();
    const first = keyed("k", "add", 5);
    expect(
      await system.run([first, askedAgain(first), delivery(counter, "add", 1), askedAgain(first)]),
    ).toEqual([]);
    expect(system.replies.outcome(first.envelope.id)).toEqual({ ok: true, result: "[5]" });
    expect(await system.sum()).toBe("[6]");
  });

  test("asked again in later batches, warm and cold, with others in between", async () => {
    const system = start();
    const first = keyed("k", "add", 5);
    await system.run([first]);
    await system.run([askedAgain(first)]);
    await system.run([delivery(counter, "add", 1)]);
    await system.run([askedAgain(first)]);
    await system.runCold([askedAgain(first)]);
    expect(await system.sum()).toBe("[6]");
    expect(system.replies.outcome(first.envelope.id)).toEqual({ ok: true, result: "[5]" });
    expect(system.commits()).toBe(2);
  });

  test("whose first attempt was committed, never answered, and given up", async () => {
    const system = start();
    const first = keyed("k", "add", 5);
    system.replies.failures = Number.POSITIVE_INFINITY;
    expect(await system.run([first])).toEqual([first]);
    // The queue has given it up; others go on, in workers that know nothing of it.
    system.replies.failures = 0;
    await system.runCold([delivery(counter, "add", 1)]);
    await system.runCold([delivery(counter, "add", 1)]);
    await system.runCold([askedAgain(first)]);
    expect(await system.sum()).toBe("[7]");
    expect(system.replies.outcome(first.envelope.id)).toEqual({ ok: true, result: "[5]" });
  });

  test("and is carried along as long as it can't be filed", async () => {
    const system = start();
    const first = keyed("k", "add", 5);
    system.replies.failures = Number.POSITIVE_INFINITY;
    await system.run([first]);
    const later = [delivery(counter, "add", 1), delivery(counter, "add", 1)];
    for (const each of later) await system.runCold([each]);
    system.replies.failures = 0;
    await system.runCold([askedAgain(first)]);
    expect(await system.sum()).toBe("[7]");
  });

  test("costs no more writes than the reply, once it is known to be filed", async () => {
    const system = start();
    await system.run([keyed("k", "add", 5)]);
    for (let call = 0; call < 3; call++) await system.run([delivery(counter, "add", 1)]);
    expect(system.replies.writes.length).toBe(4);
    const head = await system.store.hydrate(counter);
    expect([...(head?.settled.keys() ?? [])].some((id) => id.startsWith("="))).toBe(false);
  });

  test("a failed first call is the outcome too", async () => {
    const system = start();
    const first = keyed("k", "fail");
    await system.run([first]);
    await system.run([delivery(counter, "add", 1)]);
    await system.runCold([askedAgain(first)]);
    expect(system.replies.outcome(first.envelope.id)).toMatchObject({
      ok: false,
      error: { message: "failed" },
    });
    expect(await system.sum()).toBe("[1]");
  });

  test("a first attempt that was refused before it ran does not stand for the call", async () => {
    const system = start();
    const first = keyed("k", "add", 5);
    const late = { ...first, envelope: { ...first.envelope, deadline: system.clock.now() } };
    const again = askedAgain(first);
    expect(await system.run([late, again])).toEqual([]);
    expect(system.replies.outcome(late.envelope.attempt ?? "")).toMatchObject({
      error: { name: "ActorDeadlineError" },
    });
    expect(system.replies.outcome(first.envelope.id)).toEqual({ ok: true, result: "[5]" });
    await system.runCold([redelivered(late)]);
    expect(await system.sum()).toBe("[5]");
  });

  test("a call without a key can be asked for again by its envelope's id", async () => {
    const system = start();
    const first = delivery(counter, "add", 5);
    await system.run([first]);
    await system.run([delivery(counter, "add", 1)]);
    await system.runCold([askedAgain(first)]);
    expect(await system.sum()).toBe("[6]");
  });

  describe("a call without a key that was committed and never answered, and whose mailbox is gone", () => {
    /** As the mailbox of another process gives it. */
    const from = (queue: string, { envelope }: Delivery, sequence = "1"): Delivery => ({
      envelope,
      mark: { queue, sequence },
      suspect: false,
      receives: 1,
    });

    const orphan = async () => {
      const system = start();
      const first = delivery(counter, "add", 5);
      system.replies.failures = Number.POSITIVE_INFINITY;
      await system.run([from("q1", first)]);
      system.replies.failures = 0;
      return { system, first };
    };

    test("is found when it is asked for again, whatever came in between", async () => {
      const { system, first } = await orphan();
      for (const [queue, sequence] of [
        ["q2", "1"],
        ["q2", "2"],
        ["q3", "7"],
      ] as const) {
        await system.runCold([from(queue, delivery(counter, "add", 1), sequence)]);
      }
      await system.runCold([from("q3", askedAgain(first), "8")]);
      expect(await system.sum()).toBe("[8]");
      expect(system.replies.outcome(first.envelope.id)).toEqual({ ok: true, result: "[5]" });
    });

    test("lets nothing be committed before it is filed", async () => {
      const { system, first } = await orphan();
      system.replies.failures = 1;
      const next = from("q2", delivery(counter, "add", 1));
      expect(await system.runCold([next])).toEqual([next]);
      expect(await system.sum()).toBe("[5]");
      await system.runCold([next]);
      await system.runCold([from("q2", askedAgain(first), "2")]);
      expect(await system.sum()).toBe("[6]");
    });

    test("costs nothing where the mailbox is the same: its message comes again", async () => {
      const { system } = await orphan();
      await system.runCold([from("q1", delivery(counter, "add", 1), "2")]);
      expect(system.replies.writes.length).toBe(1);
    });
  });

  test("a key whose first outcome can't be read any more is a new call's", async () => {
    const system = start();
    const first = keyed("k", "add", 5);
    await system.run([first]);
    const head = await system.store.hydrate(counter);
    for (const text of head?.settled.values() ?? []) system.replies.gone.add(text);
    system.replies.texts.clear();
    expect(await system.runCold([askedAgain(first)])).toEqual([]);
    expect(system.replies.outcome(first.envelope.id)).toEqual({ ok: true, result: "[10]" });
  });

  test("a call that nobody asks for again costs no look-up", async () => {
    const system = start();
    await system.run([delivery(counter, "add", 5)]);
    expect(system.replies.reads).toBe(0);
  });
});
