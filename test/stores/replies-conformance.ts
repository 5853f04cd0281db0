import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { keptId } from "../../runtime/core/envelope-id.ts";
import type { Clock } from "../../runtime/ports/clock.ts";
import type { Replies } from "../../runtime/ports/replies.ts";

/** How long what is answered is waited for at most, in ms. */
const SOON_MS = 120_000;

export interface RepliesUnderTest {
  /** Fresh Replies that keep the time of `clock`. */
  open(clock: Clock): Replies | Promise<Replies>;
  /** After this the reply to a kept call has expired, in ms. */
  readonly retentionMs: number;
}

/** What every Replies must do. */
export function describeReplies(name: string, { open, retentionMs }: RepliesUnderTest): void {
  describe(`Replies conformance: ${name}`, () => {
    let opened: Promise<Replies> | undefined;
    const replies = () => {
      opened ??= Promise.resolve(open(systemClock));
      return opened;
    };
    const soon = () => Date.now() + SOON_MS;
    const kept = () => keptId(randomUUID());

    test("a reply written before or after the wait began is found", async () => {
      const shared = await replies();
      const [before, after] = [randomUUID(), randomUUID()];
      await shared.write(before, "+[1]");
      expect(await shared.wait([before], soon())).toBe("+[1]");
      const waiting = shared.wait([after], soon());
      await shared.write(after, "+[2]");
      expect(await waiting).toBe("+[2]");
    });

    test.each([
      ["a call", randomUUID],
      ["a kept call", kept],
    ])("the first reply to %s stands", async (_, fresh) => {
      const shared = await replies();
      const id = fresh();
      await shared.write(id, "+[1]");
      await shared.write(id, "+[2]");
      expect(await shared.filed([id])).toEqual(new Set([id]));
      expect(await shared.wait([id], soon())).toBe("+[1]");
    });

    test("of many that write the first reply at once one wins, and all who wait hear the same", async () => {
      const shared = await replies();
      const id = kept();
      const waiting = Array.from({ length: 20 }, () => shared.wait([id], soon()));
      await Promise.all(Array.from({ length: 20 }, (_, n) => shared.write(id, `+[${n}]`)));
      const heard = new Set([...(await Promise.all(waiting)), await shared.wait([id], soon())]);
      expect([...heard]).toEqual([expect.stringMatching(/^\+\[\d+\]$/)]);
    });

    test("no reply by the deadline is undefined", async () => {
      const shared = await replies();
      expect(await shared.wait([randomUUID()], Date.now() + 50)).toBeUndefined();
      expect(await shared.wait([randomUUID(), kept()], Date.now() + 50)).toBeUndefined();
      expect(await shared.wait([randomUUID()], Date.now() - 1)).toBeUndefined();
    });

    test("the reply to a kept call is found again and again, also by a wait without time", async () => {
      const shared = await replies();
      const id = kept();
      const waiting = shared.wait([id], soon());
      await shared.write(id, "+[1]");
      expect(await waiting).toBe("+[1]");
      for (const deadline of [soon(), soon(), Date.now()]) {
        expect(await shared.wait([id], deadline)).toBe("+[1]");
      }
      expect((await shared.filed([id])).has(id)).toBe(true);
    });

    test.each([
      ["a call", randomUUID],
      ["a kept call", kept],
    ])("all who wait for %s are answered", async (_, fresh) => {
      const shared = await replies();
      const [id, other] = [fresh(), fresh()];
      const waiting = Array.from({ length: 30 }, () => shared.wait([id], soon()));
      const unanswered = shared.wait([other], Date.now() + 300);
      await shared.write(id, "+[1]");
      expect(new Set(await Promise.all(waiting))).toEqual(new Set(["+[1]"]));
      expect(await unanswered).toBeUndefined();
    });

    test("one who stops to wait leaves the others waiting", async () => {
      const shared = await replies();
      const id = kept();
      const patient = shared.wait([id], soon());
      expect(await shared.wait([id], Date.now() + 50)).toBeUndefined();
      await shared.write(id, "+[1]");
      expect(await patient).toBe("+[1]");
    });

    test("a wait on two ids is answered under either one, before and after it began", async () => {
      const shared = await replies();
      const outcomes = [];
      for (const answered of [0, 1]) {
        const [early, late] = [
          [kept(), randomUUID()],
          [kept(), randomUUID()],
        ] as const;
        await shared.write(early[answered] ?? "", `+["early ${answered}"]`);
        outcomes.push(await shared.wait(early, soon()));
        const waiting = shared.wait(late, soon());
        await shared.write(late[answered] ?? "", `+["late ${answered}"]`);
        outcomes.push(await waiting);
        expect(await shared.filed([late[1 - answered] ?? ""])).toEqual(new Set());
      }
      expect(outcomes).toEqual(['+["early 0"]', '+["late 0"]', '+["early 1"]', '+["late 1"]']);
    });

    test("a call and a second attempt at it may wait at once: a refusal of the one is not heard by the other", async () => {
      const shared = await replies();
      const [id, attempt, second] = [kept(), randomUUID(), randomUUID()];
      const [first, again] = [shared.wait([id, attempt], soon()), shared.wait([id, second], soon())];
      await shared.write(attempt, '-["refused"]');
      expect(await first).toBe('-["refused"]');
      await shared.write(id, "+[1]");
      expect(await again).toBe("+[1]");
    });

    test("filed names what has an outcome, and only that", async () => {
      const shared = await replies();
      const ids = Array.from({ length: 120 }, (_, n) => (n % 3 === 0 ? kept() : randomUUID()));
      const there = ids.slice(0, 110);
      await Promise.all(
        there.map(async (id, n) => {
          const outcome = `+["${id}"]`;
          await shared.write(id, n % 2 === 0 ? outcome : await shared.stash(id, outcome));
        }),
      );
      await shared.stash(ids[110] ?? "", "+[1]");
      expect(await shared.filed(ids)).toEqual(new Set(there));
      expect(await shared.filed([...there.slice(0, 2), ...there.slice(0, 2)])).toEqual(
        new Set(there.slice(0, 2)),
      );
      expect(await shared.filed([])).toEqual(new Set());
      expect(await Promise.all(there.map((id) => shared.wait([id], soon())))).toEqual(
        there.map((id) => `+["${id}"]`),
      );
    });

    test("a stashed outcome of any size comes back whole, through its stand-in", async () => {
      const shared = await replies();
      for (const outcome of [`+["${"😀".repeat(200_000)}"]`, `+["${"x".repeat(1_000_000)}"]`, '+["a"]']) {
        const id = randomUUID();
        const standIn = await shared.stash(id, outcome);
        expect((await shared.filed([id])).size).toBe(0);
        await shared.write(id, standIn);
        expect((await shared.filed([id])).has(id)).toBe(true);
        expect(await shared.wait([id], soon())).toBe(outcome);
      }
    });

    test("two attempts stash side by side: the reply filed first keeps its own parts", async () => {
      const shared = await replies();
      const id = randomUUID();
      const first = await shared.stash(id, `+["${"a".repeat(200_000)}"]`);
      const second = await shared.stash(id, `+["${"b".repeat(300_000)}"]`);
      await shared.write(id, first);
      await shared.write(id, second);
      expect(await shared.wait([id], soon())).toBe(`+["${"a".repeat(200_000)}"]`);
    });

    test("an expired reply to a kept call counts as absent, and the call can be answered anew", async () => {
      let passed = 0;
      const clock: Clock = { ...systemClock, now: () => systemClock.now() + passed };
      const own = await open(clock);
      const [small, large] = [kept(), kept()];
      const text = (letter: string) => `+["${letter.repeat(2000)}"]`;
      const wait = (id: string, ms: number) => own.wait([id], clock.now() + ms);
      const marginMs = retentionMs / 4;

      await own.write(small, "+[1]");
      await own.write(large, await own.stash(large, text("a")));
      passed += retentionMs - marginMs;
      await own.write(small, "+[2]");
      expect([await wait(small, SOON_MS), await wait(large, SOON_MS)]).toEqual(["+[1]", text("a")]);

      passed += 2 * marginMs;
      expect(await own.filed([small, large])).toEqual(new Set());
      expect([await wait(small, 0), await wait(large, 50)]).toEqual([undefined, undefined]);

      const waiting = wait(small, SOON_MS);
      await own.write(small, "+[3]");
      await own.write(small, "+[4]");
      await own.write(large, await own.stash(large, text("b")));
      expect(await own.filed([small, large])).toEqual(new Set([small, large]));
      expect([await waiting, await wait(small, SOON_MS)]).toEqual(["+[3]", "+[3]"]);
      expect(await wait(large, SOON_MS)).toBe(text("b"));
    });
  });
}
