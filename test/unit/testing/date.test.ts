import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { startActors } from "../../../handlers/testing.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { start } from "./start.ts";

const RealDate = Date;
const BEGAN = Date.UTC(2030, 0, 31, 12);

afterEach(() => {
  vi.useRealTimers();
  expect(Date).toBe(RealDate);
});

/** Tells what its code sees. */
class Watch extends StatefulActor {
  async see() {
    await pause(1);
    const now = new Date();
    return {
      times: [Date.now(), now.getTime(), new Date(Date()).getTime(), Date.parse(Date())],
      isDate: now instanceof Date && now instanceof RealDate && Object.getPrototypeOf(now) === Date.prototype,
    };
  }
  async make(...args: readonly unknown[]) {
    return Reflect.construct(Date, args) as Date;
  }
  async statics() {
    class Deadline extends Date {
      inAnHour() {
        return this.getTime() + 3_600_000;
      }
    }
    const deadline = new Deadline();
    return {
      utc: Date.UTC(2001, 1, 3),
      parsed: Date.parse("2001-02-03T00:00:00Z"),
      names: [Date.name, Date.length],
      subclass: [deadline instanceof Deadline, deadline instanceof Date, deadline.inAnHour()],
      given: new Deadline(5).inAnHour(),
      isNative: structuredClone(deadline).getTime() === deadline.getTime(),
    };
  }
}

test("code of actors sees virtual time by every way to the present", async () => {
  const actors = await start({ Watch }, { now: BEGAN });
  const watch = actors.namespace(Watch).idFromName("one");
  await actors.advance("1d");
  const now = BEGAN + 86_400_000;
  expect(await watch.see()).toEqual({ times: [now, now, now, now], isDate: true });
  await actors.stop();
});

test("everything else about Date is as it was", async () => {
  const actors = await start({ Watch }, { now: BEGAN });
  const watch = actors.namespace(Watch).idFromName("one");
  expect(await watch.make(2001, 1, 3, 4)).toEqual(new RealDate(2001, 1, 3, 4));
  expect(await watch.make("2001-02-03")).toEqual(new RealDate("2001-02-03"));
  expect(await watch.statics()).toEqual({
    utc: RealDate.UTC(2001, 1, 3),
    parsed: RealDate.UTC(2001, 1, 3),
    names: ["Date", 7],
    subclass: [true, true, BEGAN + 3_600_000],
    given: 3_600_005,
    isNative: true,
  });
  await actors.stop();
});

test("code outside sees real time, and stop brings the real Date back", async () => {
  const actors = await start({ Watch }, { now: BEGAN });
  const before = RealDate.now();
  const [now, made, text] = [Date.now(), new Date(), Date()];
  const after = RealDate.now();
  for (const time of [now, made.getTime()]) {
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(after);
  }
  // A text has whole seconds.
  expect(RealDate.parse(text)).toBeGreaterThan(before - 1000);
  expect(RealDate.parse(text)).toBeLessThanOrEqual(after);
  expect(made).toBeInstanceOf(RealDate);
  await actors.namespace(Watch).idFromName("one").see();
  expect(Date.now()).toBeLessThan(BEGAN);
  await actors.stop();
  expect(Date).toBe(RealDate);
});

test("a turn under way ends in virtual time before stop takes it away", async () => {
  const actors = await start({ Watch }, { now: BEGAN });
  const call = actors.namespace(Watch).idFromName("one").see();
  await actors.stop();
  expect(await call).toEqual({ times: [BEGAN, BEGAN, BEGAN, BEGAN], isDate: true });
});

test("time begins at the present if nothing else is said", async () => {
  const before = RealDate.now();
  const actors = await start({ Watch });
  expect(actors.now()).toBeGreaterThanOrEqual(before);
  expect(actors.now()).toBeLessThanOrEqual(RealDate.now());
  await actors.stop();
});

test("Date is back only when the last of several has stopped", async () => {
  const [first, second] = [await start({ Watch }, { now: BEGAN }), await start({ Watch }, { now: 5 })];
  await first.stop();
  expect(Date).not.toBe(RealDate);
  expect((await second.namespace(Watch).idFromName("one").make()).getTime()).toBe(5);
  await second.stop();
  expect(Date).toBe(RealDate);
});

test("work that a turn has left behind sees real time again when its actors have stopped", async () => {
  const seen: number[] = [];
  class Careless extends StatefulActor {
    async leave() {
      void gate.then(() => seen.push(Date.now()));
    }
  }
  let open = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const actors = await start({ Careless }, { now: BEGAN });
  const other = await start({ Careless }, { now: BEGAN });
  await actors.namespace(Careless).idFromName("one").leave();
  await actors.stop();
  open();
  await gate;
  expect(seen[0]).toBeLessThan(BEGAN);
  await other.stop();
});

test("a runner's fake time is what code outside sees, and stays when the actors stop", async () => {
  vi.useFakeTimers({ now: 1000 });
  const FakeDate = Date;
  const actors = await start({ Watch });
  expect(actors.now()).toBe(1000);
  await actors.advance("1m");
  expect((await actors.namespace(Watch).idFromName("one").make()).getTime()).toBe(61_000);
  expect(Date.now()).toBe(1000);
  vi.setSystemTime(7000);
  expect(Date.now()).toBe(7000);
  await actors.stop();
  expect(Date).toBe(FakeDate);
});

test("a Date that a runner has put over ours is not taken away, and none of ours matters when it is back", async () => {
  const actors = await start({ Watch }, { now: BEGAN });
  vi.useFakeTimers({ now: 1000 });
  const FakeDate = Date;
  await actors.stop();
  expect(Date).toBe(FakeDate);
  vi.useRealTimers();
  const before = RealDate.now();
  const now = Date.now();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(RealDate.now());
  // Whoever starts and stops next puts things right.
  await (await startActors({ Watch })).stop();
  expect(Date).toBe(RealDate);
});
