import fc from "fast-check";
import { expect, test } from "vitest";
import { Agenda } from "../../../runtime/adapters/local/agenda.ts";
import type { Clock } from "../../../runtime/ports/clock.ts";
import { StepClock } from "../core/fixtures.ts";

const DAY = 24 * 60 * 60 * 1000;

test("actions run in order of their times, those of one time in order of adding, none too early", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ wait: fc.nat({ max: 20 }), in: fc.nat({ max: 200_000 }) }), { maxLength: 20 }),
      async (steps) => {
        const clock = new StepClock();
        const agenda = new Agenda(clock);
        const added: { at: number; n: number }[] = [];
        const ran: { at: number; n: number }[] = [];
        for (const [n, step] of steps.entries()) {
          await clock.advance(step.wait);
          // Few different times, so that some are the same.
          const at = clock.now() + Math.floor(step.in / 40_000) * 40_000;
          added.push({ at, n });
          agenda.add(at, () => {
            expect(clock.now()).toBe(at);
            ran.push({ at, n });
          });
          expect(clock.pending).toBe(1);
        }
        await clock.advance(250_000);
        expect(ran).toEqual(added.sort((a, b) => a.at - b.at || a.n - b.n));
        expect(clock.pending).toBe(0);
      },
    ),
  );
});

test("many actions of one time run in order of adding", async () => {
  const clock = new StepClock();
  const agenda = new Agenda(clock);
  const ran: number[] = [];
  for (let n = 0; n < 100; n++) agenda.add(clock.now() + 5, () => void ran.push(n));
  await clock.advance(5);
  expect(ran).toEqual(Array.from({ length: 100 }, (_, n) => n));
});

test("an action far ahead waits for its time though no timer of Node is that long", async () => {
  const steps = new StepClock();
  const clock: Clock = {
    now: () => steps.now(),
    after: (ms, fire) => {
      if (ms > 2 ** 31 - 1) throw new RangeError("Node would fire this timer at once");
      return steps.after(ms, fire);
    },
    idle: () => steps.idle(),
    quiet: () => steps.quiet(),
  };
  const agenda = new Agenda(clock);
  let ran = 0;
  agenda.add(steps.now() + 30 * DAY, () => ran++);
  for (let day = 0; day < 29; day++) await steps.advance(DAY);
  expect([ran, steps.pending]).toEqual([0, 1]);
  await steps.advance(DAY - 1);
  expect(ran).toBe(0);
  await steps.advance(1);
  expect([ran, steps.pending]).toEqual([1, 0]);
});

test("a clock that jumps ahead is noticed within a minute; a timer that fires early changes nothing", async () => {
  const steps = new StepClock();
  let jumped = 0;
  const clock: Clock = {
    now: () => steps.now() + jumped,
    after: (ms, fire) => steps.after(Math.max(1, ms - 1), fire),
    idle: () => steps.idle(),
    quiet: () => steps.quiet(),
  };
  const agenda = new Agenda(clock);
  const ran: number[] = [];
  const begin = steps.now();
  agenda.add(begin + 1000, () => ran.push(clock.now() - begin));
  agenda.add(begin + DAY, () => ran.push(clock.now() - begin));
  await steps.advance(1000);
  expect(ran).toEqual([1000]);
  jumped = DAY;
  await steps.advance(60_000);
  expect(ran.length).toBe(2);
});

test("a closed agenda runs nothing and sets no timer", async () => {
  const clock = new StepClock();
  const agenda = new Agenda(clock);
  let ran = 0;
  agenda.add(clock.now() + 10, () => ran++);
  agenda.close();
  agenda.add(clock.now() + 10, () => ran++);
  expect(clock.pending).toBe(0);
  await clock.advance(100);
  expect(ran).toBe(0);
});
