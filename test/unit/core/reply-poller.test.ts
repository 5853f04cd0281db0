import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createReplyPoller } from "../../../runtime/core/reply-poller.ts";
import { StepClock } from "./fixtures.ts";

interface LookMade {
  readonly at: number;
  readonly ids: readonly string[];
  readonly consistent: boolean;
}

interface Circumstances {
  /** How long the nth look takes, in ms. */
  readonly latency?: (nth: number) => number;
  /** Why the nth look fails, if it does. */
  readonly failure?: (nth: number) => Error | undefined;
  /** Ids that the nth look can't read. */
  readonly unreadable?: (nth: number) => readonly string[];
}

/** A reply table on virtual time. A look sees what is filed when it begins; times count from the start. */
function start({ latency = () => 0, failure = () => undefined, unreadable = () => [] }: Circumstances = {}) {
  const clock = new StepClock();
  const began = clock.now();
  const filed = new Map<string, string>();
  const looks: LookMade[] = [];
  const wait = createReplyPoller({
    clock,
    look: async (ids, consistent) => {
      const nth = looks.push({ at: clock.now() - began, ids: [...ids], consistent }) - 1;
      const found = new Map<string, string | Error>();
      for (const id of ids) {
        const outcome = filed.get(id);
        if (outcome !== undefined) found.set(id, outcome);
        if (unreadable(nth).includes(id)) found.set(id, new Error(`${id} was left out`));
      }
      const ms = latency(nth);
      if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
      const error = failure(nth);
      if (error) throw error;
      return found;
    },
  });
  return {
    clock,
    filed,
    looks,
    now: () => clock.now() - began,
    /** How the wait ended, and when; `undefined` while it goes on. */
    wait: (ids: readonly string[], deadline: number): Ended => {
      const ended: Ended = { outcome: undefined, error: undefined, at: undefined };
      wait(ids, began + deadline).then(
        (outcome) => Object.assign(ended, { outcome, at: clock.now() - began }),
        (error: unknown) => Object.assign(ended, { error, at: clock.now() - began }),
      );
      return ended;
    },
  };
}

interface Ended {
  outcome: string | undefined;
  error: unknown;
  at: number | undefined;
}

const NO_ANSWER = { outcome: undefined, error: undefined };

describe("a wait", () => {
  test("looks cheaply with growing gaps, and strongly at its deadline; then no timer is left", async () => {
    const { wait, clock, looks } = start();
    const ended = wait(["a"], 300);
    await clock.advance(299);
    expect(ended.at).toBeUndefined();
    await clock.advance(10_000);
    expect(ended).toEqual({ ...NO_ANSWER, at: 300 });
    expect(looks.map(({ at }) => at)).toEqual([20, 50, 95, 163, 265, 300]);
    expect(looks.map(({ consistent }) => consistent)).toEqual([false, false, false, false, false, true]);
    expect(clock.pending).toBe(0);
  });

  test("ends with the look that finds the reply, and leaves no timer", async () => {
    const { wait, clock, looks, filed } = start();
    const ended = wait(["a"], 28_000);
    await clock.advance(60);
    filed.set("a", "+[1]");
    await clock.advance(35);
    expect(ended).toMatchObject({ outcome: "+[1]", at: 95 });
    expect(clock.pending).toBe(0);
    await clock.advance(30_000);
    expect(looks.length).toBe(3);
  });

  test("on two ids is answered under either one", async () => {
    const { wait, clock, filed } = start();
    const first = wait(["a", "b"], 28_000);
    const second = wait(["c", "d"], 28_000);
    filed.set("a", "+[1]").set("d", "+[2]");
    await clock.advance(20);
    expect([first.outcome, second.outcome]).toEqual(["+[1]", "+[2]"]);
  });

  test("that begins at or after its deadline looks once, strongly", async () => {
    const { wait, clock, looks, filed } = start();
    await clock.advance(100);
    filed.set("b", "+[2]");
    const ended = [wait(["a"], 100), wait(["b"], 50)];
    await clock.advance(0);
    expect(ended).toEqual([
      { ...NO_ANSWER, at: 100 },
      { ...NO_ANSWER, outcome: "+[2]", at: 100 },
    ]);
    await clock.advance(10_000);
    expect(looks).toEqual([{ at: 100, ids: ["a", "b"], consistent: true }]);
  });

  test("that a frozen process thaws after the deadline looks once more, strongly", async () => {
    const { wait, clock, looks } = start();
    const ended = wait(["a"], 1000);
    await clock.advance(60);
    // Time moves, and no timer fires.
    const frozen = clock.now();
    clock.now = () => frozen + 5000;
    await clock.advance(40);
    expect(looks.slice(2)).toEqual([{ at: 5060, ids: ["a"], consistent: true }]);
    expect(ended).toEqual({ ...NO_ANSWER, at: 5060 });
    expect(clock.pending).toBe(0);
  });

  test("survives looks that fail; only the last one's failure is its own", async () => {
    const failing = new Set([0, 1, 3]);
    const failure = (nth: number) => (failing.has(nth) ? new Error(`look ${nth} failed`) : undefined);
    const answered = start({ failure });
    const found = answered.wait(["a"], 10_000);
    answered.filed.set("a", "+[1]");
    await answered.clock.advance(10_000);
    expect(found).toMatchObject({ outcome: "+[1]", at: 95 });

    const unanswered = start({ failure });
    const none = unanswered.wait(["a"], 180);
    await unanswered.clock.advance(180);
    expect(unanswered.looks.length).toBe(5);
    expect(none).toEqual({ ...NO_ANSWER, at: 180 });

    const unknown = start({ failure });
    const failed = unknown.wait(["a"], 100);
    await unknown.clock.advance(100);
    expect(failed).toMatchObject({ error: new Error("look 3 failed"), at: 100 });
    expect(unknown.clock.pending).toBe(0);
  });

  test("whose id the last look could not read is rejected, the others of that look are not", async () => {
    const { wait, clock, filed } = start({ unreadable: () => ["b"] });
    const [first, second, third] = [wait(["a"], 10), wait(["b"], 10), wait(["c"], 10)];
    filed.set("a", "+[1]");
    await clock.advance(10);
    expect(first.outcome).toBe("+[1]");
    expect(second.error).toEqual(new Error("b was left out"));
    expect(third).toEqual({ ...NO_ANSWER, at: 10 });
  });

  test("takes an answer that comes late, past later looks and past the deadline", async () => {
    const slowFirst = start({ latency: (nth) => (nth === 0 ? 60 : 1000) });
    slowFirst.filed.set("a", "+[1]");
    const early = slowFirst.wait(["a"], 500);
    await slowFirst.clock.advance(100);
    expect(slowFirst.looks.length).toBeGreaterThan(1);
    expect(early).toMatchObject({ outcome: "+[1]", at: 80 });

    const slowLast = start({ latency: () => 1000 });
    slowLast.filed.set("a", "+[1]");
    const late = slowLast.wait(["a"], 15);
    await slowLast.clock.advance(2000);
    expect(late).toMatchObject({ outcome: "+[1]", at: 1015 });

    // The first look began before the last one and comes back after it began.
    const overtaking = start({ latency: (nth) => (nth === 0 ? 50 : 1000) });
    overtaking.filed.set("a", "+[1]");
    const between = overtaking.wait(["a"], 40);
    await overtaking.clock.advance(75);
    expect(between).toMatchObject({ outcome: "+[1]", at: 70 });
  });

  test("has two looks under way at most, but looks at its deadline in any case", async () => {
    const { wait, clock, looks } = start({ latency: () => 60_000 });
    wait(["a"], 5000);
    await clock.advance(5000);
    expect(looks.map(({ at }) => at)).toEqual([20, 50, 5000]);
    expect(looks.at(-1)?.consistent).toBe(true);
  });
});

describe("many waits", () => {
  test("that start together share all of their looks, 100 ids in each", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 450 }), fc.integer({ min: 1, max: 3000 }), async (n, ms) => {
        const { wait, clock, looks } = start();
        for (let i = 0; i < n; i++) wait([`id-${i}`], ms);
        await clock.advance(ms);
        const rounds = Map.groupBy(looks, ({ at }) => at);
        for (const requests of rounds.values()) {
          expect(requests.length).toBe(Math.ceil(n / 100));
          expect(requests.flatMap(({ ids }) => ids).length).toBe(n);
        }
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test("that start one after another are soon looked for together", async () => {
    const { wait, clock, looks } = start();
    for (let i = 0; i < 400; i++) {
      wait([`id-${i}`], 60_000);
      await clock.advance(1);
    }
    await clock.advance(3600);
    const before = looks.length;
    await clock.advance(4000);
    const rounds = Map.groupBy(looks.slice(before), ({ at }) => at);
    // Ten looks of its own for each of them would be 4,000. A round takes a quarter of the longest gap along: 100 ms.
    expect(rounds.size).toBeLessThanOrEqual(40);
    for (const id of ["id-0", "id-399"]) {
      const own = looks.slice(before).filter(({ ids }) => ids.includes(id));
      expect(own.length).toBeGreaterThanOrEqual(10);
      expect(own.length).toBeLessThanOrEqual(14);
    }
  });

  test("for one id read it once, and are all answered, also those that were not due", async () => {
    const { wait, clock, looks, filed } = start();
    const first = Array.from({ length: 200 }, () => wait(["a"], 28_000));
    await clock.advance(15);
    const later = wait(["a", "b"], 28_000);
    filed.set("a", "+[1]");
    await clock.advance(5);
    expect(looks).toEqual([{ at: 20, ids: ["a"], consistent: false }]);
    for (const ended of [...first, later]) expect(ended).toMatchObject({ outcome: "+[1]", at: 20 });
    expect(clock.pending).toBe(0);
  });

  test("a last look is strong, whoever else is looked for with it", async () => {
    const { wait, clock, looks } = start();
    wait(["a", "b"], 20);
    wait(["b", "c"], 5000);
    await clock.advance(20);
    expect(looks).toEqual([
      { at: 20, ids: ["a", "b"], consistent: true },
      { at: 20, ids: ["c"], consistent: false },
    ]);
  });

  test("a slow look does not hold up the others", async () => {
    const { wait, clock, filed } = start({ latency: (nth) => (nth === 0 ? 5000 : 0) });
    const first = wait(["a"], 28_000);
    await clock.advance(20);
    const second = wait(["b"], 28_000);
    filed.set("a", "+[1]").set("b", "+[2]");
    await clock.advance(30);
    expect([first.outcome, second.outcome]).toEqual(["+[1]", "+[2]"]);
  });

  test("are taken along when their look is due soon, and only then", async () => {
    const { wait, clock, looks, now } = start();
    for (const at of [0, 5, 6]) {
      await clock.advance(at - now());
      wait([`from-${at}`], 28_000);
    }
    await clock.advance(26 - now());
    expect(looks.map(({ at, ids }) => [at, ids])).toEqual([
      [20, ["from-0", "from-5"]],
      [26, ["from-6"]],
    ]);
  });

  test("a timer that fires early is no reason to look early", async () => {
    const { wait, clock, looks } = start();
    const after = clock.after.bind(clock);
    clock.after = (ms, fire) => after(ms > 1 ? ms - 1 : ms, fire);
    wait(["a"], 40);
    await clock.advance(40);
    expect(looks.map(({ at }) => at)).toEqual([20, 40]);
  });
});

interface Plan {
  readonly waits: readonly { readonly at: number; readonly ids: readonly string[]; readonly ms: number }[];
  readonly replies: ReadonlyMap<string, number>;
  readonly latencies: readonly number[];
  readonly failing: readonly boolean[];
}

const id = fc.integer({ min: 0, max: 11 }).map((n) => `id-${n}`);
const plans: fc.Arbitrary<Plan> = fc.record({
  waits: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 300 }),
      ids: fc.uniqueArray(id, { minLength: 1, maxLength: 2 }),
      ms: fc.integer({ min: 0, max: 1500 }),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  replies: fc
    .array(fc.tuple(id, fc.integer({ min: 0, max: 2000 })), { maxLength: 10 })
    .map((each) => new Map(each)),
  latencies: fc.array(fc.constantFrom(0, 1, 5, 30, 700), { minLength: 1, maxLength: 20 }),
  failing: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
});

test("whatever starts, answers, lags and fails: who has an answer by the deadline gets it, and nothing goes on after it", async () => {
  await fc.assert(
    fc.asyncProperty(plans, async ({ waits, replies, latencies, failing }) => {
      const { wait, clock, filed, looks, now } = start({
        latency: (nth) => latencies[nth % latencies.length] ?? 0,
        failure: (nth) => (failing[nth % failing.length] ? new Error(`look ${nth}`) : undefined),
      });
      const all: { ids: readonly string[]; began: number; deadline: number; ended: Ended }[] = [];
      for (const { at, ids, ms } of waits) {
        clock.after(at, () => all.push({ ids, began: at, deadline: at + ms, ended: wait(ids, at + ms) }));
      }
      for (const [id, at] of replies) clock.after(at, () => filed.set(id, `+["${id}"]`));
      const lastDeadline = Math.max(...waits.map(({ at, ms }) => at + ms));
      await clock.advance(lastDeadline + Math.max(...latencies) + 2000);

      expect(now()).toBeGreaterThan(lastDeadline);
      expect(clock.pending).toBe(0);
      expect(all.length).toBe(waits.length);
      for (const { ids, consistent, at } of looks) {
        expect(new Set(ids).size).toBe(ids.length);
        // An id is read only for somebody who waits for it and whose deadline has not passed; strongly for a last look.
        for (const id of ids) {
          const wanting = all.filter(
            ({ ids, began, deadline, ended }) =>
              ids.includes(id) && began <= at && deadline >= at && (ended.at ?? 0) >= at,
          );
          expect(wanting.length).toBeGreaterThan(0);
          expect(wanting.some(({ deadline }) => deadline === at)).toBe(consistent);
        }
      }
      for (const { ids, deadline, ended } of all) {
        expect(ended.at).toBeDefined();
        const lastLooks = looks.flatMap(({ at, ids: read }, nth) =>
          at === deadline && ids.some((id) => read.includes(id)) ? [`look ${nth}`] : [],
        );
        if (ended.outcome !== undefined) {
          expect(ids.map((id) => `+["${id}"]`)).toContain(ended.outcome);
          continue;
        }
        expect(ended.at).toBeGreaterThanOrEqual(deadline);
        expect(lastLooks.length).toBeGreaterThan(0);
        if (ended.error !== undefined) expect(lastLooks).toContain((ended.error as Error).message);
        else expect(ids.filter((id) => (replies.get(id) ?? Number.POSITIVE_INFINITY) < deadline)).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});
