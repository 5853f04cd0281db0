import { describe, expect, test } from "vitest";
import { type ActorNamespace, type AlarmInfo, StatefulActor } from "../../../runtime/index.ts";
import { Session } from "./session.ts";
import { start } from "./start.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Notes when what came, as [ms since the start, what]. */
const timeline = () => {
  const seen: [number, string][] = [];
  return { seen, note: (from: number, what: string) => void seen.push([Date.now() - from, what]) };
};

describe("a session that ends five minutes after the last touch", () => {
  test("expires exactly then", async () => {
    const actors = await start({ Session });
    const session = actors.namespace(Session).idFromName("s1");
    await session.touch();
    await actors.advance("4m");
    await session.touch();
    const touched = actors.now();
    await actors.advance(5 * MINUTE - 1);
    expect(await session.expired()).toBeUndefined();
    await actors.advance(1);
    expect(await session.expired()).toBe(touched + 5 * MINUTE);
  });

  test("answers also in the last second before its alarm, when the wake of an earlier touch has just come", async () => {
    const actors = await start({ Session });
    const session = actors.namespace(Session).idFromName("s1");
    await session.touch();
    await actors.advance("500ms");
    await session.touch();
    await actors.advance(5 * MINUTE - 500);
    expect(await session.expired()).toBeUndefined();
    await actors.advance("500ms");
    expect(await session.expired()).toBe(actors.now());
  });

  test("is alone with its time among others", async () => {
    const actors = await start({ Session });
    const sessions = ["a", "b", "c"].map((name) => actors.namespace(Session).idFromName(name));
    const touched: number[] = [];
    for (const session of sessions) {
      await session.touch();
      touched.push(actors.now());
      await actors.advance("7s");
    }
    await actors.advance("1h");
    const expired = await Promise.all(sessions.map((session) => session.expired()));
    expect(expired).toEqual(touched.map((time) => time + 5 * MINUTE));
  });
});

test("time stands still until it is moved, and moves by what is asked for", async () => {
  const actors = await start({ Session }, { now: new Date("2030-01-31T12:00:00Z") });
  const began = Date.UTC(2030, 0, 31, 12);
  expect(actors.now()).toBe(began);
  await actors.namespace(Session).idFromName("s1").touch();
  expect(actors.now()).toBe(began);
  for (const [duration, ms] of [
    [0, 0],
    [1234, 1234],
    ["250ms", 250],
    ["30s", 30 * SECOND],
    ["5m", 5 * MINUTE],
    ["2h", 120 * MINUTE],
    ["1d", 1440 * MINUTE],
  ] as const) {
    const before = actors.now();
    await actors.advance(duration);
    expect(actors.now() - before).toBe(ms);
  }
});

test("an alarm comes at its time also if that is days, or only a part of what time is moved by, ahead", async () => {
  class Reminder extends StatefulActor {
    async set(ms: number) {
      await this.ctx.setAlarm(Date.now() + ms);
    }
    override async alarm() {
      await this.ctx.storage.put("rang", Date.now());
    }
    async rang() {
      return this.ctx.storage.get<number>("rang");
    }
  }
  const actors = await start({ Reminder });
  const reminder = actors.namespace(Reminder).idFromName("one");
  const began = actors.now();
  await reminder.set(40 * 1440 * MINUTE);
  await actors.advance("40d");
  expect(await reminder.rang()).toBe(began + 40 * 1440 * MINUTE);
  await reminder.set(60 * MINUTE);
  const due = actors.now() + 60 * MINUTE;
  await actors.advance("1d");
  expect(await reminder.rang()).toBe(due);
});

test("what is due at once, an alarm in the past or a message, is done by advancing by nothing", async () => {
  class Late extends StatefulActor {
    async set() {
      await this.ctx.setAlarm(Date.now() - 1);
    }
    override async alarm() {
      await this.ctx.storage.put("ran", Date.now());
    }
    async ran() {
      return this.ctx.storage.get<number>("ran");
    }
  }
  const actors = await start({ Late });
  const late = actors.namespace(Late).idFromName("one");
  await late.send.set();
  await actors.advance(0);
  expect(await late.ran()).toBe(actors.now());
});

test("a handler that fails is tried again after 1, 2 and 3 seconds, then onAlarmDropped has the word", async () => {
  const { seen, note } = timeline();
  let began = 0;
  class Failing extends StatefulActor {
    async set() {
      began = Date.now();
      await this.ctx.setAlarm(began + 10 * SECOND);
    }
    override async alarm({ retryCount, isRetry }: AlarmInfo) {
      note(began, `${retryCount} ${isRetry}`);
      throw new Error("out of order");
    }
    override async onAlarmDropped(error: Error, { retryCount }: AlarmInfo) {
      note(began, `dropped after ${retryCount}: ${error.message}`);
      await this.ctx.storage.put("dropped", true);
    }
    async dropped() {
      return this.ctx.storage.get("dropped");
    }
  }
  const actors = await start({ Failing });
  const failing = actors.namespace(Failing).idFromName("one");
  await failing.set();
  await actors.advance("11s");
  expect(seen).toHaveLength(2);
  await actors.advance("1h");
  expect(seen).toEqual([
    [10_000, "0 false"],
    [11_000, "1 true"],
    [12_000, "2 true"],
    [13_000, "3 true"],
    [13_000, "dropped after 3: out of order"],
  ]);
  expect(await failing.dropped()).toBe(true);
  expect(actors.problems).toContain("alarm dropped: out of order");
});

test("an alarm that sets the next one comes each time", async () => {
  class Ticking extends StatefulActor {
    async begin() {
      await this.ctx.setAlarm(Date.now() + MINUTE);
    }
    override async alarm() {
      await this.ctx.storage.put("ticks", [...(await this.ticks()), Date.now()]);
      await this.begin();
    }
    async ticks() {
      return (await this.ctx.storage.get<number[]>("ticks")) ?? [];
    }
  }
  const actors = await start({ Ticking });
  const ticking = actors.namespace(Ticking).idFromName("one");
  await ticking.begin();
  const began = actors.now();
  await actors.advance("10m");
  expect(await ticking.ticks()).toEqual(Array.from({ length: 10 }, (_, i) => began + (i + 1) * MINUTE));
});

test("delayed messages, alarms and what follows from them come in the order of their times, wherever they come from", async () => {
  const { seen, note } = timeline();
  let began = 0;
  class Clerk extends StatefulActor<{ CLERK: ActorNamespace<Clerk> }> {
    async take(what: string) {
      note(began, what);
    }
    async wakeIn(ms: number) {
      await this.ctx.setAlarm(Date.now() + ms);
    }
    override async alarm() {
      note(began, `alarm of ${this.ctx.id}`);
      const other = this.env.CLERK.idFromName("other");
      await other.send.take(`at once, from ${this.ctx.id}`);
      await other.with({ delayMs: 1500 }).send.take(`delayed, from ${this.ctx.id}`);
    }
  }
  const actors = await start({ Clerk });
  const clerks = actors.namespace(Clerk);
  began = actors.now();
  await clerks.idFromName("b").with({ delayMs: 3000 }).send.take("3 s");
  await clerks.idFromName("a").with({ delayMs: 1000 }).send.take("1 s");
  await clerks.idFromName("a").wakeIn(2000);
  await clerks.idFromName("b").wakeIn(90_000);
  await actors.advance("999ms");
  expect(seen).toEqual([]);
  await actors.advance("2m");
  expect(seen).toEqual([
    [1000, "1 s"],
    [2000, "alarm of a"],
    [2000, "at once, from a"],
    [3000, "3 s"],
    [3500, "delayed, from a"],
    [90_000, "alarm of b"],
    [90_000, "at once, from b"],
    [91_500, "delayed, from b"],
  ]);
});

test("an alarm may call another actor, and its answer comes at the same time", async () => {
  class Ledger extends StatefulActor {
    async book(amount: number) {
      const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
      await this.ctx.storage.put("sum", sum);
      return { sum, at: Date.now() };
    }
  }
  class Account extends StatefulActor<{ LEDGER: ActorNamespace<Ledger> }> {
    async bookIn(ms: number) {
      await this.ctx.setAlarm(Date.now() + ms);
    }
    override async alarm() {
      const { sum, at } = await this.env.LEDGER.idFromName("one").book(5);
      await this.ctx.storage.put("booked", { sum, at, ended: Date.now() });
    }
    async booked() {
      return this.ctx.storage.get("booked");
    }
  }
  const actors = await start({ Ledger, Account });
  const account = actors.namespace(Account).idFromName("alice");
  await account.bookIn(7000);
  const due = actors.now() + 7000;
  await actors.advance("1m");
  expect(await account.booked()).toEqual({ sum: 5, at: due, ended: due });
});

test("hundreds of alarms of one moment all come then", async () => {
  const actors = await start({ Session });
  const names = Array.from({ length: 300 }, (_, i) => `s${i}`);
  await Promise.all(names.map((name) => actors.namespace(Session).idFromName(name).touch()));
  const due = actors.now() + 5 * MINUTE;
  await actors.advance("5m");
  const expired = await Promise.all(
    names.map((name) => actors.namespace(Session).idFromName(name).expired()),
  );
  expect(new Set(expired)).toEqual(new Set([due]));
});

test("one advance waits for the other", async () => {
  const actors = await start({ Session });
  const began = actors.now();
  await Promise.all([actors.advance("1m"), actors.advance("2m")]);
  expect(actors.now() - began).toBe(3 * MINUTE);
});

describe("a turn that waits for something real", () => {
  class Slow extends StatefulActor {
    async wait(until: string) {
      await gates.get(until);
      return Date.now();
    }
    async wakeIn(ms: number) {
      await this.ctx.setAlarm(Date.now() + ms);
    }
    override async alarm() {
      await new Promise((resolve) => setTimeout(resolve, 30));
      await this.ctx.storage.put("ended", Date.now());
    }
    async ended() {
      return this.ctx.storage.get("ended");
    }
  }
  const gates = new Map<string, Promise<void>>();

  test("is waited for, and time stands still meanwhile", async () => {
    const actors = await start({ Slow }, { patience: "1h" });
    const slow = actors.namespace(Slow).idFromName("one");
    await slow.wakeIn(1000);
    const due = actors.now() + 1000;
    await actors.advance("10m");
    expect(await slow.ended()).toBe(due);
    expect(actors.problems).toEqual([]);
  });

  test("does not hold up time for ever: its budget ends, in virtual time", async () => {
    const actors = await start({ Slow }, { patience: "50ms" });
    gates.set("never", new Promise(() => {}));
    const call = actors.namespace(Slow).idFromName("one").wait("never");
    const failed = expect(call).rejects.toMatchObject({ name: "ActorMethodTimeoutError" });
    await actors.advance("30s");
    await failed;
    expect(actors.problems[0]).toMatch(/^time goes on while a turn waits for something outside/);
  });

  test("goes on in its own time once the test lets it, after others have had their alarms", async () => {
    const actors = await start({ Slow, Session }, { patience: "50ms" });
    const session = actors.namespace(Session).idFromName("s1");
    await session.touch();
    let open = () => {};
    gates.set("door", new Promise((resolve) => (open = resolve)));
    const call = actors.namespace(Slow).idFromName("one").wait("door");
    await actors.advance("10s");
    open();
    expect(await call).toBe(actors.now());
    await actors.advance("5m");
    expect(await session.expired()).toBeDefined();
  });

  test("two instances that wait for each other are ended by their deadlines, without waiting for real time", async () => {
    class Knot extends StatefulActor<{ KNOT: ActorNamespace<Knot> }> {
      async tie(other: string) {
        await Promise.resolve();
        return this.env.KNOT.idFromName(other).free();
      }
      async free() {
        return "free";
      }
    }
    // Nobody has this much patience: what is seen here is not waited for.
    const actors = await start({ Knot }, { patience: "1h" });
    const knots = actors.namespace(Knot);
    const ends = Promise.allSettled([knots.idFromName("a").tie("b"), knots.idFromName("b").tie("a")]);
    await actors.advance("1m");
    expect((await ends).map(({ status }) => status)).toContain("rejected");
  });
});

describe("turns without end at one moment", () => {
  class Endless extends StatefulActor<{ ENDLESS: ActorNamespace<Endless> }> {
    async begin() {
      await this.ctx.setAlarm(Date.now() - 1);
    }
    override async alarm() {
      await this.begin();
    }
    async hop(n: number) {
      await this.env.ENDLESS.idFromName(`n${n}`).send.hop(n + 1);
    }
    async count() {}
  }

  test("of one instance are stopped, and named", async () => {
    const actors = await start({ Endless });
    await actors.namespace(Endless).idFromName("one").begin();
    await expect(actors.advance("1s")).rejects.toThrow(
      /^Endless "one" was stopped: its alarm came after 5000 turns at one moment.*Date\.now\(\) \+ 1_000/,
    );
  });

  test("from instance to instance are stopped", async () => {
    const actors = await start({ Endless });
    await actors.namespace(Endless).idFromName("n0").hop(1);
    await expect(actors.advance("1s")).rejects.toThrow(/^Endless "n\d+" was stopped: the message hop came/);
    await actors.advance("1s");
  });

  test("are not those of a long chain with time between them", async () => {
    class Ticking extends StatefulActor {
      #ticks = 0;
      async begin() {
        await this.ctx.setAlarm(Date.now() + 1);
      }
      override async alarm() {
        this.#ticks++;
        await this.begin();
      }
      async ticks() {
        return this.#ticks;
      }
    }
    const actors = await start({ Ticking });
    const ticking = actors.namespace(Ticking).idFromName("one");
    await ticking.begin();
    await actors.advance("6s");
    expect(await ticking.ticks()).toBe(6000);
  });

  test("are not those that come from outside, however many", async () => {
    const actors = await start({ Endless });
    const one = actors.namespace(Endless).idFromName("one");
    await Promise.all(Array.from({ length: 12_000 }, () => one.send.count()));
    await actors.advance("1s");
  });
});

test("a call in a turn to advance is refused: it would wait for itself", async () => {
  class Eager extends StatefulActor {
    async skip() {
      await actors.advance("1s");
    }
  }
  const actors = await start({ Eager });
  await expect(actors.namespace(Eager).idFromName("one").skip()).rejects.toThrow(
    /advance was called in a turn/,
  );
});
