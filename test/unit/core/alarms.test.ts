import { describe, expect, test } from "vitest";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { type ActorNamespace, createNamespace } from "../../../runtime/core/namespace.ts";
import { resultOf } from "../../../runtime/core/outcome.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import { type AlarmInfo, StatefulActor } from "../../../runtime/index.ts";
import type { Wake } from "../../../runtime/ports/alarm-clock.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import type { Commit } from "../../../runtime/ports/store.ts";
import { delivery, redelivered, testDeps, UNLIMITED } from "./fixtures.ts";

type Body = (sleeper: Sleeper, info?: AlarmInfo) => unknown;

/** What the handlers of the running test do. */
let onAlarm: Body = () => {};
let onDropped: ((sleeper: Sleeper, error: unknown, info: AlarmInfo) => unknown) | undefined;
let onConstruct: Body = () => {};

class Sleeper extends StatefulActor<unknown> {
  /** A field that only lives in memory. */
  seen: unknown[] = [];

  constructor(...args: ConstructorParameters<typeof StatefulActor<unknown>>) {
    super(...args);
    onConstruct(this);
  }
  get storage() {
    return this.ctx.storage;
  }
  get context() {
    return this.ctx;
  }
  async set(when: number) {
    await this.ctx.storage.setAlarm(when);
  }
  async setThenThrow(when: number) {
    await this.ctx.storage.setAlarm(when);
    throw new Error("thrown on purpose");
  }
  async remove() {
    await this.ctx.storage.deleteAlarm();
  }
  async when() {
    return this.ctx.storage.getAlarm();
  }
  async get(key: string) {
    return this.ctx.storage.get(key);
  }
  async run(body: string) {
    return bodies[body]?.(this);
  }
  override async alarm(info: AlarmInfo) {
    await onAlarm(this, info);
  }
  override async onAlarmDropped(error: unknown, info: AlarmInfo) {
    await onDropped?.(this, error, info);
  }
}
const bodies: Record<string, Body> = {};

const id = { type: "Sleeper", name: "one" };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function start() {
  onAlarm = () => {};
  onDropped = undefined;
  onConstruct = () => {};
  const deps = testDeps({ Sleeper });
  const { clock } = deps;
  const commits: Commit[] = [];
  const store = {
    ...deps.store,
    commit: async (commit: Commit) => {
      commits.push(commit);
      return deps.store.commit(commit);
    },
  };
  const own = { ...deps, store };
  const run = async (deliveries: Delivery[], more: Partial<typeof own> = {}) => {
    const running = runBatch(id, deliveries, { times: UNLIMITED, deps: { ...own, ...more } });
    await clock.advance(0);
    return running;
  };
  const system = {
    ...own,
    commits,
    run,
    call: async (method: string, ...args: unknown[]) => {
      const one = delivery(id, method, ...args);
      expect(await run([one])).toEqual([]);
      const outcome = system.replies.outcome(one.envelope.id);
      return outcome?.ok ? resultOf(outcome, method) : outcome?.error;
    },
    /** A wake as the mailbox hands it over. */
    wake: (wake: Wake): Delivery => ({ ...delivery(id, "alarm"), envelope: wakeEnvelope(id, wake) }),
    lastArmed: () => system.armed.at(-1)?.wake as Wake,
    /** Moves time to the last wake that was armed, and delivers it. */
    async nextWake() {
      const wake = system.lastArmed();
      await clock.advance(Math.max(0, wake.at - clock.now()));
      expect(await run([system.wake(wake)])).toEqual([]);
    },
    head: async () => system.store.hydrate(id),
  };
  return system;
}

describe("I13: an alarm is part of its turn", () => {
  test("it is set, read, replaced and deleted", async () => {
    const system = start();
    expect(await system.call("when")).toBe(null);
    const at = system.clock.now() + MINUTE;
    await system.call("set", at);
    expect(await system.call("when")).toBe(at);
    await system.call("set", at + 0.5);
    expect(await system.call("when")).toBe(at + 1);
    await system.call("remove");
    expect(await system.call("when")).toBe(null);
    expect((await system.head())?.alarm).toBeUndefined();
  });

  test("a turn reads its own, awaited or not, and ctx.setAlarm is the same", async () => {
    const system = start();
    bodies.own = async ({ storage, context }) => {
      const seen = [await storage.getAlarm()];
      void storage.setAlarm(5);
      seen.push(await storage.getAlarm());
      void context.setAlarm(7);
      seen.push(await storage.getAlarm());
      await storage.deleteAlarm();
      seen.push(await storage.getAlarm());
      await storage.setAlarm(9);
      return seen.join();
    };
    expect(await system.call("run", "own")).toBe(",5,7,");
    expect((await system.head())?.alarm).toEqual({ at: 9, retries: 0 });
  });

  test("a turn that deletes an earlier one sees none", async () => {
    const system = start();
    await system.call("set", 5);
    bodies.own = async ({ storage }) => {
      await storage.deleteAlarm();
      return storage.getAlarm();
    };
    expect(await system.call("run", "own")).toBe(null);
  });

  test("a turn that throws leaves the alarm as it was, and arms nothing", async () => {
    const system = start();
    await system.call("setThenThrow", 5);
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
    expect(system.armed).toEqual([]);
  });

  test("the next turn of the same batch sees it before it is durable", async () => {
    const system = start();
    const [one, two] = [delivery(id, "set", 5), delivery(id, "when")];
    await system.run([one, two]);
    expect(system.replies.outcome(two.envelope.id)).toEqual({ ok: true, result: "[5]" });
  });

  test("deleteAll leaves it, before and after", async () => {
    const system = start();
    bodies.clear = async ({ storage }) => {
      await storage.setAlarm(5);
      await storage.deleteAll();
      return storage.getAlarm();
    };
    expect(await system.call("run", "clear")).toBe(5);
    bodies.clear = ({ storage }) => storage.deleteAll();
    await system.call("run", "clear");
    expect(await system.call("when")).toBe(5);
  });

  test("outside of a transaction that threw it stays", async () => {
    const system = start();
    bodies.half = async ({ storage }) => {
      await storage.setAlarm(5);
      await storage.transaction(() => Promise.reject(new Error("no"))).catch(() => {});
    };
    expect(await system.call("run", "half")).toMatchObject({ name: "ActorOutputGateError" });
    expect((await system.head())?.alarm).toEqual({ at: 5, retries: 0 });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 8.65e15, "soon", new Date(5), undefined, 5n])(
    "%s is refused as a time, and the turn commits nothing",
    async (when) => {
      const system = start();
      bodies.bad = ({ storage }) => storage.setAlarm(when as number);
      expect(await system.call("run", "bad")).toMatchObject({
        name: "CodecError",
        message: expect.stringMatching(/^an alarm's time must be a number of ms since the epoch, not /),
      });
      expect(system.armed).toEqual([]);
    },
  );

  test("deleting what is not there commits nothing", async () => {
    const system = start();
    await system.call("remove");
    expect(system.commits).toEqual([]);
  });
});

describe("I14: a wake is armed before the commit that counts on it, and only where none comes early enough", () => {
  test("the wake names the alarm's time and the commit's version, and is durable before the commit", async () => {
    const system = start();
    const at = system.clock.now() + MINUTE;
    const order: string[] = [];
    await system.run([delivery(id, "set", at)], {
      alarmClock: { arm: async (_, { version }) => void order.push(`arm ${version}`) },
      store: {
        ...system.store,
        commit: (commit) => {
          order.push(`commit ${commit.head.version}`);
          return system.store.commit(commit);
        },
      },
    });
    expect(order).toEqual(["arm 1", "commit 1"]);
    expect(await system.head()).toMatchObject({ alarm: { at, retries: 0 }, wake: { at, version: 1 } });
  });

  test("what can't be armed is not committed, nor answered", async () => {
    const system = start();
    const one = delivery(id, "set", 5);
    const alarmClock = { arm: () => Promise.reject(new Error("throttled")) };
    expect(await system.run([one], { alarmClock })).toEqual([one]);
    expect(await system.head()).toBeUndefined();
    expect(system.replies.outcome(one.envelope.id)).toBeUndefined();
  });

  test("1,000 times moved five minutes out: one arming, one more when the wake has come", async () => {
    const system = start();
    const five = 5 * MINUTE;
    for (let n = 0; n < 1000; n++) {
      await system.call("set", system.clock.now() + five);
      await system.clock.advance(five / 1001);
    }
    expect(system.armed.length).toBe(1);
    let fired = 0;
    onAlarm = () => void fired++;
    await system.nextWake();
    expect([system.armed.length, fired]).toEqual([2, 0]);
    await system.nextWake();
    expect([system.armed.length, fired]).toEqual([2, 1]);
  });

  test("the same time set again is armed once; so is one in the past, whose wake is still to come", async () => {
    const system = start();
    const at = system.clock.now() + MINUTE;
    await system.call("set", at);
    await system.call("set", at);
    expect(system.armed.length).toBe(1);
    await system.call("set", 5);
    await system.clock.advance(SECOND);
    await system.call("set", 5);
    expect(system.armed.length).toBe(2);
  });

  test("a lease that ends while the wake is armed lets no commit follow", async () => {
    const system = start();
    const one = delivery(id, "set", 5);
    const times = { ...UNLIMITED, commitBy: system.clock.now() };
    const alarmClock = { arm: () => system.clock.advance(1) };
    expect(await runBatch(id, [one], { times, deps: { ...system, alarmClock } })).toEqual([one]);
    expect(await system.head()).toBeUndefined();
  });

  test("a turn that sets an alarm and sends a message keeps its alarm when the message has left", async () => {
    const system = start();
    const { alarmClock, clock } = system;
    const actors = new Map([["Sleeper", Sleeper]]);
    const routeTo = () => ({ mailbox: system.mailbox, replies: system.replies });
    const caller = createCaller({ actors, routeTo, clock, ids: { next: () => "sent" }, callWaitMs: SECOND });
    const sleepers = createNamespace("Sleeper", {
      caller,
      ids: { next: () => "sent" },
    }) as ActorNamespace<Sleeper>;
    const at = clock.now() + MINUTE;
    bodies.both = async ({ storage }) => {
      await storage.setAlarm(at);
      await sleepers.idFromName("other").send.remove();
    };
    await system.run([delivery(id, "run", "both")], { alarmClock });
    expect(system.posted.length).toBe(1);
    expect(await system.head()).toMatchObject({ outbox: [], alarm: { at }, wake: { at, version: 1 } });
  });

  test("an earlier time is armed anew, and the first wake means nothing then", async () => {
    const system = start();
    const now = system.clock.now();
    await system.call("set", now + 10 * MINUTE);
    const late = system.lastArmed();
    await system.call("set", now + 5 * MINUTE);
    expect(system.armed.length).toBe(2);
    let fired = 0;
    onAlarm = () => void fired++;
    await system.nextWake();
    expect(fired).toBe(1);
    const commits = system.commits.length;
    await system.clock.advance(5 * MINUTE);
    expect(await system.run([system.wake(late)])).toEqual([]);
    expect([fired, system.commits.length]).toEqual([1, commits]);
  });

  test("a deleted alarm's wake serves the next alarm; unused, it ends with one commit", async () => {
    const system = start();
    const now = system.clock.now();
    await system.call("set", now + MINUTE);
    await system.call("remove");
    await system.call("set", now + 2 * MINUTE);
    expect(system.armed.length).toBe(1);
    await system.call("remove");
    await system.nextWake();
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
    await system.call("set", now + 3 * MINUTE);
    expect(system.armed.length).toBe(2);
  });

  test("an alarm in the far future takes several wakes of a year at most", async () => {
    const system = start();
    const at = 8e15;
    await system.call("set", at);
    const first = system.lastArmed();
    expect(first.at - system.clock.now()).toBeLessThan(366 * 24 * 60 * MINUTE);
    await system.nextWake();
    expect(system.armed.length).toBe(2);
    expect(system.lastArmed().at).toBeGreaterThan(first.at);
    expect(await system.call("when")).toBe(at);
  });
});

describe("I15: an alarm fires once, when it is due", () => {
  test("as a turn: its writes commit, the alarm is gone, memory is there, also after a cold start", async () => {
    const system = start();
    await system.call("set", system.clock.now() + MINUTE);
    const infos: unknown[] = [];
    onAlarm = async ({ storage }, info) => {
      infos.push(info, await storage.getAlarm());
      await storage.put("fired", system.clock.now());
    };
    const { at } = system.lastArmed();
    await system.clock.advance(MINUTE);
    await system.run([system.wake(system.lastArmed())], { activations: new Activations(1) });
    expect(infos).toEqual([{ retryCount: 0, isRetry: false }, null]);
    expect(await system.call("get", "fired")).toBe(at);
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
  });

  test("not by a wake that is early by more than half a second; one that is early by less waits", async () => {
    const system = start();
    const due = system.clock.now() + MINUTE;
    await system.call("set", due);
    let fired: number | undefined;
    onAlarm = () => {
      fired = system.clock.now();
    };
    await system.clock.advance(MINUTE - 501);
    await system.run([system.wake(system.lastArmed())]);
    expect(fired).toBeUndefined();
    expect(system.armed.length).toBe(2);
    await system.clock.advance(1);
    const running = system.run([system.wake(system.lastArmed())]);
    await system.clock.advance(499);
    expect(fired).toBeUndefined();
    await system.clock.advance(1);
    expect(await running).toEqual([]);
    expect(fired).toBe(due);
  });

  test("not by a timer that ends a moment too soon", async () => {
    const system = start();
    const due = system.clock.now() + MINUTE;
    await system.call("set", due);
    let fired: number | undefined;
    onAlarm = () => {
      fired = system.clock.now();
    };
    await system.clock.advance(MINUTE - 100);
    const { clock } = system;
    const hasty = {
      now: () => clock.now(),
      idle: () => clock.idle(),
      after: (ms: number, fire: () => void) => clock.after(ms > 1 ? ms - 1 : ms, fire),
    };
    const running = system.run([system.wake(system.lastArmed())], { clock: hasty as typeof clock });
    await clock.advance(100);
    expect(await running).toEqual([]);
    expect(fired).toBe(due);
  });

  test("not again by a second copy of its wake, in the same batch or later, after a redelivery or a dead worker", async () => {
    const system = start();
    await system.call("set", 5);
    let fired = 0;
    onAlarm = () => void fired++;
    const [one, two] = [system.wake(system.lastArmed()), system.wake(system.lastArmed())];
    expect(await system.run([one, two])).toEqual([]);
    const { mark: _, ...unmarked } = two;
    const again = [redelivered(one), redelivered(two), { ...unmarked, mark: undefined, suspect: true }];
    for (const each of again) {
      expect(await system.run([each], { activations: new Activations(1) })).toEqual([]);
    }
    expect(fired).toBe(1);
    expect(system.replies.reads).toBe(0);
  });

  test("not before that by a wake that a caller or another instance may have made up", async () => {
    const system = start();
    await system.call("set", system.clock.now() + MINUTE);
    onAlarm = () => {
      throw new Error("must not fire");
    };
    const { at, version } = system.lastArmed();
    for (const forged of [
      { at: at + 1, version },
      { at: at - 1, version },
      { at: 5, version },
      { at, version: version - 1 },
    ]) {
      expect(await system.run([system.wake(forged)])).toEqual([]);
    }
    expect(await system.head()).toMatchObject({ alarm: { at }, wake: { at, version } });
    expect(system.problems).toEqual([]);
  });

  test("while no alarm is due, a wake that the head does not count on costs one read, and no commit", async () => {
    const system = start();
    await system.call("set", system.clock.now() + MINUTE);
    await system.call("set", system.clock.now() + MINUTE);
    const { at, version } = system.lastArmed();
    const others = [
      { at: at + 1, version },
      { at: at + 1, version: version + 1 },
      { at, version: version + 1 },
    ];
    for (const other of others) {
      let reads = 0;
      const hydrate: typeof system.store.hydrate = (to) => {
        reads++;
        return system.store.hydrate(to);
      };
      expect(await system.run([system.wake(other)], { store: { ...system.store, hydrate } })).toEqual([]);
      expect(reads).toBe(1);
    }
    expect(system.commits.length).toBe(2);
    expect((await system.head())?.wake).toEqual({ at, version });
  });

  test("a wake whose commit is still to come takes a version, and leaves the head's own wake", async () => {
    const system = start();
    const at = system.clock.now() + MINUTE;
    await system.call("set", at);
    const wake = system.lastArmed();
    expect(await system.run([system.wake({ at: at - SECOND, version: 2 })])).toEqual([]);
    expect(await system.head()).toMatchObject({ version: 2, alarm: { at }, wake });
    expect(system.armed.length).toBe(1);
  });

  test("firing takes one read of the head and one commit", async () => {
    const system = start();
    await system.call("set", 5);
    let reads = 0;
    const hydrate: typeof system.store.hydrate = (to) => {
      reads++;
      return system.store.hydrate(to);
    };
    await system.run([system.wake(system.lastArmed())], { store: { ...system.store, hydrate } });
    expect([reads, system.commits.length]).toEqual([1, 2]);
  });

  test("by a wake that was taken for lost, since it had to wait in a full mailbox", async () => {
    const system = start();
    let fired = 0;
    onAlarm = () => void fired++;
    await system.call("set", system.clock.now() + SECOND);
    const waiting = system.wake(system.lastArmed());
    await system.clock.advance(62 * SECOND);
    await system.call("when");
    const replaced = system.wake(system.lastArmed());
    expect(replaced.envelope.id).not.toBe(waiting.envelope.id);
    // Calls stand before that one, too: without end it would be replaced in its turn.
    expect(await system.run([waiting])).toEqual([]);
    expect(fired).toBe(1);
    expect(await system.run([replaced])).toEqual([]);
    expect(fired).toBe(1);
    const head = await system.head();
    expect([head?.alarm, head?.wake]).toEqual([undefined, undefined]);
  });

  test("two workers with the same wake: one firing commits", async () => {
    const system = start();
    await system.call("set", 5);
    onAlarm = async ({ storage }) => {
      await storage.put("fired", ((await storage.get<number>("fired")) ?? 0) + 1);
    };
    const wake = system.wake(system.lastArmed());
    const rival = { ...system.store };
    let met = false;
    const store = {
      ...system.store,
      commit: async (commit: Commit) => {
        if (!met) {
          met = true;
          await runBatch(id, [wake], {
            times: UNLIMITED,
            deps: { ...system, store: rival, activations: new Activations(1) },
          });
        }
        return system.store.commit(commit);
      },
    };
    expect(await system.run([wake], { store })).toEqual([]);
    expect(await system.call("get", "fired")).toBe(1);
  });

  test("a wake whose commit is still to come is not dropped before that commit can't land any more", async () => {
    const system = start();
    await system.call("set", 7 * MINUTE + system.clock.now());
    // A worker arms a wake for an earlier time, and stalls before its commit.
    let goOn = () => {};
    const stalled = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    // Where the queue gives no numbers: with them, order alone keeps a wake behind the call that it was armed for.
    const one = { ...delivery(id, "set", 5), mark: undefined };
    const first = system.run([one], {
      activations: new Activations(1),
      store: {
        ...system.store,
        commit: async (commit) => {
          await stalled;
          return system.store.commit(commit);
        },
      },
    });
    await expect.poll(() => system.armed.length).toBe(2);
    // Its wake comes to another worker meanwhile.
    expect(await system.run([system.wake(system.lastArmed())])).toEqual([]);
    goOn();
    expect(await first).toEqual([]);
    // The stalled one was fenced, ran the call again, and armed a wake that counts.
    expect(system.armed.length).toBe(3);
    const head = await system.head();
    expect(head).toMatchObject({
      alarm: { at: 5 },
      wake: { at: system.clock.now(), version: head?.version },
    });
    let fired = 0;
    onAlarm = () => void fired++;
    await system.nextWake();
    expect(fired).toBe(1);
  });

  test("in the order of the mailbox, after the calls before it", async () => {
    const system = start();
    await system.call("set", 5);
    const order: string[] = [];
    onAlarm = () => void order.push("alarm");
    bodies.note = () => void order.push("call");
    const wake = system.wake(system.lastArmed());
    await system.run([delivery(id, "run", "note"), wake, delivery(id, "run", "note")]);
    expect(order).toEqual(["call", "alarm", "call"]);
  });

  test("it sees what the calls before it in the batch did, and deleted it does not fire", async () => {
    const system = start();
    await system.call("set", 5);
    let fired = 0;
    onAlarm = () => void fired++;
    const wake = system.wake(system.lastArmed());
    expect(await system.run([delivery(id, "remove"), wake])).toEqual([]);
    expect(fired).toBe(0);
  });

  test("a batch that has no time left for the handler leaves the wake to the next", async () => {
    const system = start();
    await system.call("set", 5);
    let fired = 0;
    onAlarm = () => void fired++;
    const wake = system.wake(system.lastArmed());
    const stopBy = system.clock.now() + system.alarmBudgetMs;
    const times = { stopBy: stopBy - 1, commitBy: Number.POSITIVE_INFINITY };
    expect(await runBatch(id, [wake], { times, deps: system })).toEqual([wake]);
    expect(await runBatch(id, [wake], { times: { ...times, stopBy }, deps: system })).toEqual([]);
    expect(fired).toBe(1);
  });

  test("it leaves it at once, with what is behind it", async () => {
    const system = start();
    await system.call("set", 5);
    const batch = [delivery(id, "when"), system.wake(system.lastArmed()), delivery(id, "when")];
    let reads = 0;
    const hydrate: typeof system.store.hydrate = (to) => {
      reads++;
      return system.store.hydrate(to);
    };
    const stopBy = system.clock.now() + system.alarmBudgetMs - 1;
    const times = { stopBy, commitBy: Number.POSITIVE_INFINITY };
    const deps = { ...system, store: { ...system.store, hydrate } };
    expect(await runBatch(id, batch, { times, deps })).toEqual(batch.slice(1));
    expect(reads).toBe(1);
  });

  test("before its last attempt there must be time for onAlarmDropped too", async () => {
    const system = start();
    await system.call("set", 5);
    onAlarm = () => {
      throw new Error("no");
    };
    for (let n = 0; n < 3; n++) await system.nextWake();
    await system.clock.advance(SECOND);
    const wake = system.wake(system.lastArmed());
    const stopBy = system.clock.now() + system.alarmBudgetMs + system.methodBudgetMs;
    const times = { stopBy: stopBy - 1, commitBy: Number.POSITIVE_INFINITY };
    expect(await runBatch(id, [wake], { times, deps: system })).toEqual([wake]);
    const failedBefore = Array(3).fill("AlarmsFailed Sleeper");
    expect(system.counted).toEqual(failedBefore);
    expect(await runBatch(id, [wake], { times: { ...times, stopBy }, deps: system })).toEqual([]);
    expect(system.counted).toEqual([...failedBefore, "AlarmsFailed Sleeper", "AlarmsDropped Sleeper"]);
  });

  test("a failed read of the store is no attempt", async () => {
    const system = start();
    bodies.spill = ({ storage }) => storage.put("large", "x".repeat(5_000));
    await system.call("run", "spill");
    await system.call("set", 5);
    onAlarm = ({ storage }) => storage.get("large");
    const wake = system.wake(system.lastArmed());
    const store = { ...system.store, readEntry: () => Promise.reject(new Error("out of reach")) };
    expect(await system.run([wake], { store, activations: new Activations(1) })).toEqual([wake]);
    expect((await system.head())?.alarm).toEqual({ at: 5, retries: 0 });
  });

  test("a wake that was lost is found missing by the next call, a minute after its time", async () => {
    const system = start();
    await system.call("set", system.clock.now());
    await system.clock.advance(MINUTE);
    await system.call("when");
    expect(system.armed.length).toBe(1);
    await system.clock.advance(1);
    await system.call("when");
    expect(system.armed.length).toBe(2);
    expect(await system.head()).toMatchObject({ version: 2, wake: { at: system.clock.now(), version: 2 } });
    expect(system.lastArmed()).toEqual((await system.head())?.wake);
    await system.call("when");
    expect(system.armed.length).toBe(2);
    let fired = 0;
    onAlarm = () => void fired++;
    await system.nextWake();
    expect(fired).toBe(1);
  });

  test("a wake that was lost is found missing before its alarm is due, where that was moved later", async () => {
    const system = start();
    const due = system.clock.now() + 10 * MINUTE;
    await system.call("set", system.clock.now());
    await system.call("set", due);
    await system.clock.advance(MINUTE + 1);
    await system.call("when");
    expect(system.armed.length).toBe(2);
    expect(system.lastArmed().at).toBe(due);
  });

  test("a clock that is set back while a wake waits its last moment keeps nobody waiting", async () => {
    const system = start();
    const due = system.clock.now() + MINUTE;
    await system.call("set", due);
    let fired = 0;
    onAlarm = () => void fired++;
    await system.clock.advance(MINUTE - 400);
    let behind = 0;
    const { clock } = system;
    const movable = {
      now: () => clock.now() - behind,
      idle: () => clock.idle(),
      after: (ms: number, fire: () => void) => clock.after(ms, fire),
    };
    const wake = system.wake(system.lastArmed());
    const running = system.run([wake], { clock: movable as typeof clock });
    await expect.poll(() => clock.pending).toBe(1);
    behind = 60 * MINUTE;
    await clock.advance(400);
    expect(await running).toEqual([wake]);
    expect(fired).toBe(0);
  });

  test("an alarm of a class without a handler is told of", async () => {
    const system = start();
    await system.call("set", 5);
    class Mute extends StatefulActor<unknown> {}
    await system.run([system.wake(system.lastArmed())], { actors: new Map([["Sleeper", Mute]]) });
    expect(system.problems).toEqual(["alarm without a handler: the class Sleeper has no method alarm"]);
    expect((await system.head())?.alarm).toBeUndefined();
  });

  test("an alarm that is set after its instance's wake was lost gets a wake of its own", async () => {
    const system = start();
    await system.call("set", system.clock.now());
    await system.call("remove");
    await system.clock.advance(MINUTE + 1);
    await system.call("set", system.clock.now() + MINUTE);
    expect(system.armed.length).toBe(2);
  });
});

describe("I16: an alarm whose handler fails is tried four times in all, a second apart", () => {
  test("each attempt is told its number; then the alarm is gone, logged, counted, and the actor has the last word", async () => {
    const system = start();
    const begun = system.clock.now();
    await system.call("set", begun);
    const attempts: unknown[] = [];
    onAlarm = async ({ storage }, info) => {
      attempts.push([system.clock.now() - begun, info]);
      await storage.put("must not stay", 1);
      throw new RangeError(`attempt ${attempts.length}`);
    };
    const dropped: unknown[] = [];
    onDropped = async ({ storage }, error, info) => {
      dropped.push((error as Error).message, info, await storage.getAlarm());
      await storage.put("dropped", 1);
    };
    for (let n = 0; n < 4; n++) {
      expect(dropped).toEqual([]);
      await system.nextWake();
    }
    expect(attempts).toEqual([
      [0, { retryCount: 0, isRetry: false }],
      [1 * SECOND, { retryCount: 1, isRetry: true }],
      [2 * SECOND, { retryCount: 2, isRetry: true }],
      [3 * SECOND, { retryCount: 3, isRetry: true }],
    ]);
    expect(dropped).toEqual(["attempt 4", { retryCount: 3, isRetry: true }, null]);
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
    expect(await system.call("get", "must not stay")).toBeUndefined();
    expect(await system.call("get", "dropped")).toBe(1);
    expect(system.problems).toEqual([
      "alarm failed: attempt 1",
      "alarm failed: attempt 2",
      "alarm failed: attempt 3",
      "alarm dropped: attempt 4",
    ]);
    expect(system.counted).toEqual([...Array(4).fill("AlarmsFailed Sleeper"), "AlarmsDropped Sleeper"]);
    expect(system.armed.length).toBe(4);
  });

  test("one that succeeds at last is over", async () => {
    const system = start();
    await system.call("set", 5);
    let attempts = 0;
    onAlarm = async ({ storage }) => {
      await storage.put("attempts", ++attempts);
      if (attempts < 3) throw new Error("not yet");
    };
    for (let n = 0; n < 3; n++) await system.nextWake();
    expect(await system.call("get", "attempts")).toBe(3);
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
    expect(system.counted).toEqual(Array(2).fill("AlarmsFailed Sleeper"));
  });

  test("between attempts getAlarm gives the next one; a new alarm starts over; deleteAlarm ends it", async () => {
    const system = start();
    await system.call("set", 5);
    const retries: number[] = [];
    onAlarm = (_, info) => {
      retries.push(info?.retryCount ?? Number.NaN);
      throw new Error("no");
    };
    await system.nextWake();
    expect(await system.call("when")).toBe(system.clock.now() + SECOND);
    await system.nextWake();
    await system.call("set", system.clock.now() + 2 * SECOND);
    await system.nextWake();
    await system.nextWake();
    await system.call("remove");
    await system.nextWake();
    expect(retries).toEqual([0, 1, 0]);
  });

  test("what lies outside of a failed transaction does not stay either: the attempt is made again as a whole", async () => {
    const system = start();
    await system.call("set", 5);
    onAlarm = async ({ storage }) => {
      await storage.put("outside", 1);
      await storage.transaction(() => Promise.reject(new Error("no"))).catch(() => {});
    };
    await system.nextWake();
    expect(await system.call("get", "outside")).toBeUndefined();
    expect((await system.head())?.alarm?.retries).toBe(1);
  });

  test("a handler over its own budget is an attempt that failed; a method's budget does not count", async () => {
    const system = start();
    await system.call("set", 5);
    let over = false;
    onAlarm = () => new Promise<void>((resolve) => system.clock.after(over ? 300_001 : 299_999, resolve));
    over = true;
    const running = system.run([system.wake(system.lastArmed())]);
    await system.clock.advance(300_000);
    expect(await running).toEqual([]);
    expect(system.problems).toEqual([
      "alarm failed: Sleeper.alarm ran longer than its budget of 300000 ms; nothing was committed",
    ]);
    over = false;
    await system.clock.advance(SECOND);
    const second = system.run([system.wake(system.lastArmed())]);
    await system.clock.advance(299_999);
    expect(await second).toEqual([]);
    expect(await system.head()).toMatchObject({ alarm: undefined });
  });

  test("onAlarmDropped may set another alarm; what it throws is logged, and the alarm is gone all the same", async () => {
    const system = start();
    onAlarm = () => {
      throw new Error("no");
    };
    onDropped = ({ storage }) => storage.setAlarm(system.clock.now() + MINUTE);
    await system.call("set", 5);
    for (let n = 0; n < 4; n++) await system.nextWake();
    expect((await system.head())?.alarm).toEqual({ at: system.clock.now() + MINUTE, retries: 0 });
    onDropped = () => {
      throw new Error("nor this");
    };
    for (let n = 0; n < 4; n++) await system.nextWake();
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
    expect(system.problems.at(-1)).toBe("onAlarmDropped failed: nor this");
  });

  test("onAlarmDropped has a method's budget", async () => {
    const system = start();
    onAlarm = () => {
      throw new Error("no");
    };
    onDropped = ({ storage }) =>
      new Promise<void>((resolve) => system.clock.after(30_001, resolve)).then(() => storage.put("late", 1));
    await system.call("set", 5);
    for (let n = 0; n < 3; n++) await system.nextWake();
    await system.clock.advance(SECOND);
    const running = system.run([system.wake(system.lastArmed())]);
    await system.clock.advance(30_000);
    expect(await running).toEqual([]);
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
    expect(system.problems.at(-1)).toBe(
      "onAlarmDropped failed: Sleeper.onAlarmDropped ran longer than its budget of 30000 ms; nothing was committed",
    );
    await system.clock.advance(1);
    expect(await system.call("get", "late")).toBeUndefined();
  });

  test("what is logged says which attempt it was", async () => {
    const system = start();
    const logged: unknown[] = [];
    const telemetry = {
      ...system.telemetry,
      problem: (what: string, { type, attempt }: Readonly<Record<string, unknown>>) =>
        void logged.push([what, type, attempt]),
    };
    onAlarm = () => {
      throw new Error("no");
    };
    await system.call("set", 5);
    for (let n = 0; n < 4; n++) {
      await system.clock.advance(SECOND);
      await system.run([system.wake(system.lastArmed())], { telemetry });
    }
    expect(logged).toEqual([
      ["alarm failed", "Sleeper", 1],
      ["alarm failed", "Sleeper", 2],
      ["alarm failed", "Sleeper", 3],
      ["alarm dropped", "Sleeper", 4],
    ]);
  });

  test("a failed attempt that wrote drops the object's memory; one that only read keeps it", async () => {
    const system = start();
    bodies.seen = ({ seen }) => seen.length;
    onAlarm = ({ seen }) => {
      seen.push(1);
      throw new Error("no");
    };
    await system.call("set", 5);
    await system.nextWake();
    expect(await system.call("run", "seen")).toBe(1);
    onAlarm = async ({ seen, storage }) => {
      seen.push(1);
      await storage.put("k", 1);
      throw new Error("no");
    };
    await system.nextWake();
    expect(await system.call("run", "seen")).toBe(0);
  });
});

describe("I15: a new alarm wins over the end of the old one", () => {
  test("set in the handler", async () => {
    const system = start();
    await system.call("set", 5);
    let fired = 0;
    onAlarm = ({ storage }) => {
      fired++;
      return fired < 3 ? storage.setAlarm(system.clock.now() + MINUTE) : undefined;
    };
    await system.nextWake();
    await system.nextWake();
    expect(await system.call("when")).toBe(system.clock.now() + MINUTE);
    await system.nextWake();
    expect(fired).toBe(3);
    expect(await system.call("when")).toBe(null);
  });

  test("set in the handler and deleted there", async () => {
    const system = start();
    await system.call("set", 5);
    onAlarm = async ({ storage }) => {
      await storage.setAlarm(system.clock.now() + MINUTE);
      await storage.deleteAlarm();
    };
    await system.nextWake();
    expect(await system.head()).toMatchObject({ alarm: undefined, wake: undefined });
  });

  test("set by a call right behind it in the same batch", async () => {
    const system = start();
    await system.call("set", 5);
    const later = system.clock.now() + MINUTE;
    await system.run([system.wake(system.lastArmed()), delivery(id, "set", later)]);
    expect(await system.head()).toMatchObject({ alarm: { at: later }, wake: { at: later } });
  });

  test("set in the constructor of a cold start: the alarm that is due fires all the same", async () => {
    const system = start();
    await system.call("set", 5);
    let fired = 0;
    onAlarm = () => void fired++;
    const later = system.clock.now() + MINUTE;
    onConstruct = ({ context, storage }) =>
      void context.blockConcurrencyWhile(async () => {
        if ((await storage.getAlarm()) !== 5) throw new Error("the constructor must still see the alarm");
        await storage.setAlarm(later);
      });
    await system.run([system.wake(system.lastArmed())], { activations: new Activations(1) });
    expect(fired).toBe(1);
    expect((await system.head())?.alarm).toEqual({ at: later, retries: 0 });
  });
});
