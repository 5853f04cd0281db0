import { expect, test } from "vitest";
import type { ActorClass } from "../../../runtime/core/method.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { Session } from "./session.ts";
import { start } from "./start.ts";

/** Runs of its code, which no crash takes back. */
class Tally extends StatefulActor {
  static runs = 0;
  memory = 0;
  async add(amount: number) {
    Tally.runs++;
    this.memory++;
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async sum() {
    return (await this.ctx.storage.get<number>("sum")) ?? 0;
  }
  async remembered() {
    return this.memory;
  }
  async draw() {
    return [Math.random(), Math.random()];
  }
}

async function tally(options = {}) {
  Tally.runs = 0;
  const actors = await start({ Tally }, options);
  return { actors, one: actors.namespace(Tally).idFromName("one") };
}

test.each([
  ["before-commit", 2],
  ["after-commit", 1],
] as const)(
  "a worker that dies %s: the call is answered, applied once, and run %i times",
  async (at, runs) => {
    const { actors, one } = await tally();
    await one.add(1);
    actors.crash(one, { at });
    expect(await one.add(2)).toBe(3);
    expect([Tally.runs, await one.sum(), await one.remembered()]).toEqual([1 + runs, 3, runs - 1]);
    expect(await one.add(1)).toBe(4);
  },
);

test("a crash happens once, in the turn that commits next, and to no other instance", async () => {
  const { actors, one } = await tally();
  actors.crash(one, { at: "before-commit" });
  expect(await one.sum()).toBe(0);
  await actors.namespace(Tally).idFromName("two").add(1);
  expect(Tally.runs).toBe(1);
  expect(await Promise.all([one.add(1), one.add(1), one.add(1)])).toEqual([1, 2, 3]);
  expect(Tally.runs).toBe(5);
});

test("what is delivered twice is applied once", async () => {
  const { actors, one } = await tally();
  actors.redeliver(one);
  expect(await Promise.all([one.add(1), one.add(1)])).toEqual([1, 2]);
  actors.redeliver(one);
  await one.send.add(1);
  await actors.advance(0);
  expect([Tally.runs, await one.sum()]).toEqual([3, 3]);
});

test("an evicted instance is constructed again, and keeps what it stored", async () => {
  const { actors, one } = await tally();
  await one.add(1);
  expect(await one.remembered()).toBe(1);
  const last = one.add(1);
  await actors.evict(one);
  expect([await last, await one.remembered(), await one.sum()]).toEqual([2, 0, 2]);
  await actors.evict(actors.namespace(Tally).idFromName("never called"));
});

test("a look at what an instance holds runs no turn, and sees what is committed", async () => {
  const actors = await start({ Session, Tally });
  const session = actors.namespace(Session).idFromName("s1");
  expect(await actors.peek(session)).toBeUndefined();
  await session.touch();
  expect(await actors.peek(session)).toEqual({
    version: 1,
    values: new Map(),
    alarm: actors.now() + 300_000,
  });
  await actors.advance("5m");
  const { values, alarm } = (await actors.peek(session)) ?? {};
  expect([...(values ?? [])]).toEqual([["expired", actors.now()]]);
  expect(alarm).toBeNull();
});

test("instances are listed by name while they hold something", async () => {
  const actors = await start({ Session, Tally });
  expect(await actors.list(Tally)).toEqual([]);
  for (const name of ["b", "a", "ä", "a/b"]) await actors.namespace(Tally).idFromName(name).add(1);
  await actors.namespace(Tally).idFromName("c").sum();
  expect(await actors.list(Tally)).toEqual(["a", "a/b", "b", "ä"]);
  expect(await actors.list("Session")).toEqual([]);
  await expect(actors.list("Sesion")).rejects.toThrow('no actor "Sesion" was started here');
});

test("runAlarm fires an alarm before its time, once, and says whether there was one", async () => {
  const actors = await start({ Session });
  const session = actors.namespace(Session).idFromName("s1");
  expect(await actors.runAlarm(session)).toBe(false);
  await session.touch();
  const before = actors.now();
  expect(await actors.runAlarm(session)).toBe(true);
  expect([actors.now(), await session.expired()]).toEqual([before, before]);
  expect(await actors.runAlarm(session)).toBe(false);
  await actors.advance("10m");
  expect(await session.expired()).toBe(before);
});

class Flaky extends StatefulActor {
  static attempts: number[] = [];
  async arm() {
    await this.ctx.storage.setAlarm(Date.now() + 60_000);
  }
  override async alarm({ retryCount }: { retryCount: number }) {
    Flaky.attempts.push(retryCount);
    throw new Error("not yet");
  }
}

test("each attempt of an alarm that fails can be run by hand", async () => {
  Flaky.attempts = [];
  const actors = await start({ Flaky });
  const flaky = actors.namespace(Flaky).idFromName("one");
  await flaky.arm();
  for (let attempt = 0; attempt < 4; attempt++) expect(await actors.runAlarm(flaky)).toBe(true);
  expect(await actors.runAlarm(flaky)).toBe(false);
  expect(Flaky.attempts).toEqual([0, 1, 2, 3]);
});

test("a seed makes names and random numbers of actors repeatable, and leaves others alone", async () => {
  const draw = async (seed: number) => {
    const { actors, one } = await tally({ seed });
    const drawn = [actors.namespace(Tally).newUniqueId().id, await one.draw()];
    await actors.stop();
    return drawn;
  };
  const [first, again, other] = [await draw(7), await draw(7), await draw(8)];
  expect(first).toEqual(again);
  expect(first).not.toEqual(other);
  expect(first?.[0]).toMatch(/^[\w-]{22}$/);
  const { random } = Math;
  const { actors } = await tally({ seed: 7 });
  expect(Math.random()).not.toBe(first?.[1]?.[0]);
  await actors.stop();
  expect(Math.random).toBe(random);
});

test.each<[string, unknown]>([
  ["a class", Tally],
  ["a name", "one"],
  ["nothing", undefined],
])("faults refuse %s in the place of a stub", async (_, stub) => {
  const { actors } = await tally();
  expect(() => actors.redeliver(stub as never)).toThrow(/is no stub of these actors; give for example/);
  await expect(actors.runAlarm(stub as never)).rejects.toThrow(TypeError);
});

test("and a stub of other actors", async () => {
  const { actors } = await tally();
  const others = await start({ Other: Tally as ActorClass });
  const stub = others.namespace("Other").idFromName("x");
  expect(() => actors.crash(stub, { at: "after-commit" })).toThrow("Other/x is no stub of these actors");
});

test.each([1.5, Number.NaN, "7"])("no seed: %s", async (seed) => {
  await expect(start({ Tally }, { seed: seed as number })).rejects.toThrow(/^seed must be a whole number/);
});
