import { expect, test } from "vitest";
import { createLocalAlarmClock } from "../../../runtime/adapters/local/local-alarm-clock.ts";
import { wakeOf } from "../../../runtime/core/wake.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";

const id = (name: string) => ({ type: "A", name });

/** An alarm clock whose deliveries end when told. */
function start() {
  const clock = new StepClock();
  const delivered: { readonly envelope: Envelope; readonly at: number }[] = [];
  const ends: (() => void)[] = [];
  const alarmClock = createLocalAlarmClock({
    clock,
    deliver: (envelope) => {
      delivered.push({ envelope, at: clock.now() });
      return new Promise((resolve) => void ends.push(resolve));
    },
  });
  return { clock, alarmClock, delivered, ends };
}

test("a wake is delivered when its time has come, not before; an overdue one at once", async () => {
  const { clock, alarmClock, delivered } = start();
  const now = clock.now();
  await alarmClock.arm(id("later"), { at: now + 5_000, version: 7 });
  await alarmClock.arm(id("overdue"), { at: 5, version: 3 });
  await clock.advance(4_999);
  expect(delivered.map(({ envelope }) => envelope.to.name)).toEqual(["overdue"]);
  await clock.advance(1);
  expect(delivered.map(({ envelope, at }) => [envelope.to, at, wakeOf(envelope)])).toEqual([
    [id("overdue"), now, { at: 5, version: 3 }],
    [id("later"), now + 5_000, { at: now + 5_000, version: 7 }],
  ]);
});

test("of thousands that are due at once a limited number is under way, and each that ends lets the next one in", async () => {
  const { clock, alarmClock, delivered, ends } = start();
  for (let n = 0; n < 1_000; n++) await alarmClock.arm(id(`${n}`), { at: 5, version: 1 });
  await clock.advance(0);
  expect(delivered.length).toBe(64);
  ends[0]?.();
  ends[1]?.();
  await clock.advance(0);
  expect(delivered.length).toBe(66);
  for (let n = 0; n < 1_000; n++) {
    ends[n]?.();
    await clock.advance(0);
  }
  expect(delivered.map(({ envelope }) => envelope.to.name)).toEqual(
    Array.from({ length: 1_000 }, (_, n) => `${n}`),
  );
  expect(clock.pending).toBe(0);
});

test("handlers that take long keep others waiting for a moment only", async () => {
  const { clock, alarmClock, delivered, ends } = start();
  for (let n = 0; n < 130; n++) await alarmClock.arm(id(`${n}`), { at: 5, version: 1 });
  await clock.advance(99);
  expect(delivered.length).toBe(64);
  await clock.advance(1);
  expect(delivered.length).toBe(128);
  // Their end counts once: their places are taken by others.
  for (const end of ends.slice(0, 64)) end();
  await clock.advance(0);
  expect(delivered.length).toBe(128);
  ends[64]?.();
  await clock.advance(0);
  expect(delivered.length).toBe(129);
});

test("closed, it delivers nothing more", async () => {
  const { clock, alarmClock, delivered, ends } = start();
  for (let n = 0; n < 70; n++) await alarmClock.arm(id(`${n}`), { at: 5, version: 1 });
  await alarmClock.arm(id("later"), { at: clock.now() + 1, version: 1 });
  await clock.advance(0);
  alarmClock.close();
  for (const end of ends) end();
  await clock.advance(1_000);
  expect(delivered.length).toBe(64);
});
