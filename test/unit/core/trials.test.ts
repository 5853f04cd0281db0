import { describe, expect, test } from "vitest";
import { Activations } from "../../../runtime/core/activation.ts";
import { type BatchTimes, runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Clock } from "../../../runtime/ports/clock.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import type { Commit, CommitResult } from "../../../runtime/ports/store.ts";
import { askedAgain, delivery, redelivered, type TestDeps, testDeps, UNLIMITED } from "./fixtures.ts";

const one = { type: "Bomb", name: "one" };

/** Told when a turn begins that its worker does not survive. */
let dying = () => {};
/** While it is set, `explode` and the alarm end their worker. */
let armed = true;
let begun: string[] = [];

class Bomb extends StatefulActor<unknown> {
  async explode() {
    begun.push("explode");
    await this.#die();
    return this.add(100);
  }
  async look() {
    begun.push("look");
    return (await this.ctx.storage.get<number>("sum")) ?? 0;
  }
  async add(amount: number) {
    begun.push(`add ${amount}`);
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async fail() {
    throw new Error("failed");
  }
  async setAlarm(at: number) {
    await this.ctx.storage.setAlarm(at);
  }
  override async alarm() {
    begun.push("alarm");
    await this.#die();
  }
  override onAlarmDropped() {
    begun.push("onAlarmDropped");
  }
  async #die() {
    if (!armed) return;
    await this.ctx.storage.put("half", "done");
    dying();
    await new Promise(() => {});
  }
}

function start() {
  const deps = testDeps({ Bomb });
  const commits: Commit[] = [];
  const faults: ((land: () => Promise<CommitResult>) => Promise<CommitResult>)[] = [];
  const land = deps.store.commit;
  deps.store.commit = (commit) => {
    commits.push(commit);
    const fault = faults.shift() ?? ((go) => go());
    return fault(() => land(commit));
  };
  armed = true;
  begun = [];
  return { ...deps, commits, faults };
}

/** A worker of its own: its memory is empty, and its timers die with it. @returns what is left, or "died" */
async function work(
  deps: TestDeps,
  deliveries: readonly Delivery[],
  times: BatchTimes = UNLIMITED,
): Promise<Delivery[] | "died"> {
  let alive = true;
  const death = new Promise<"died">((resolve) => {
    dying = () => {
      alive = false;
      resolve("died");
    };
  });
  const clock: Clock = {
    now: () => deps.clock.now(),
    after: (ms, fire) => deps.clock.after(ms, () => void (alive && fire())),
    idle: () => deps.clock.idle(),
    quiet: () => deps.clock.quiet(),
  };
  // The dead write nothing.
  const commit = (each: Commit) => (alive ? deps.store.commit(each) : new Promise<CommitResult>(() => {}));
  const store = { ...deps.store, commit };
  const own = { ...deps, clock, store, activations: new Activations(10) };
  return Promise.race([runBatch(one, deliveries, { times, deps: own }), death]);
}

/** Workers that get the same batch one after the other, until one finishes it. @returns how many died */
async function deaths(deps: TestDeps, batch: readonly Delivery[]): Promise<number> {
  let open = batch;
  for (let died = 0; died < 20; died++) {
    const left = await work(deps, open);
    if (left !== "died") {
      expect(left).toEqual([]);
      return died;
    }
    open = open.map(redelivered);
  }
  throw new Error("the batch is never finished");
}

const received = (count: number, each: Delivery): Delivery => ({
  ...each,
  suspect: count > 1,
  receives: count,
});
const errorOf = (deps: TestDeps, { envelope }: Delivery) => {
  const outcome = deps.replies.outcome(envelope.id);
  return outcome?.ok ? JSON.parse(outcome.result)[0] : outcome?.error;
};
const headOf = (deps: TestDeps) => deps.store.hydrate(one);

describe("I17: a call that ends its worker each time", () => {
  test("is given up after two deliveries that cost nothing and four that are counted; what is behind it goes on", async () => {
    const deps = start();
    const [before, poison, behind] = [
      delivery(one, "add", 1),
      delivery(one, "explode"),
      delivery(one, "add", 2),
    ];
    expect(await deaths(deps, [before, poison, behind])).toBe(6);
    expect(begun.filter((step) => step === "explode")).toHaveLength(6);
    expect(begun.indexOf("add 2")).toBe(begun.length - 1);
    expect(errorOf(deps, before)).toBe(1);
    expect(errorOf(deps, behind)).toBe(3);
    expect(errorOf(deps, poison)).toMatchObject({
      name: "ActorCrashedError",
      message: expect.stringContaining("Bomb.explode was begun 4 times"),
    });
    expect(deps.deadLetters.all().map(({ envelope }) => envelope)).toEqual([poison.envelope]);
    expect(deps.counted).toEqual(["EnvelopesCrashed Bomb"]);
    expect((await headOf(deps))?.inline.get("half")).toBeUndefined();
    expect((await headOf(deps))?.trial).toBeUndefined();
  });

  test("is not mistaken for the one before it, whose run had ended: that one's end is durable by then", async () => {
    const deps = start();
    const [before, poison] = [received(3, delivery(one, "add", 1)), delivery(one, "explode")];
    expect(await deaths(deps, [before, poison])).toBe(6);
    expect(errorOf(deps, before)).toBe(1);
    expect(begun.filter((step) => step === "add 1")).toHaveLength(1);
    expect(deps.deadLetters.all().map(({ envelope }) => envelope)).toEqual([poison.envelope]);
  });

  test("is not run again, whoever asks: the outcome stands for the call, and only the message that was given up is a dead letter", async () => {
    const deps = start();
    const poison = askedAgain(delivery(one, "explode"));
    const again = askedAgain(poison);
    await deaths(deps, [poison, again]);
    await work(deps, [askedAgain(poison)]);
    expect(begun).toHaveLength(6);
    expect(deps.deadLetters.all().map(({ envelope }) => envelope.attempt)).toEqual([poison.envelope.attempt]);
  });

  test("that nobody waits for is a dead letter, too", async () => {
    const deps = start();
    const poison = delivery(one, "explode");
    const message = { ...poison, envelope: { ...poison.envelope, awaited: false } };
    await deaths(deps, [message]);
    expect(deps.deadLetters.all()).toMatchObject([{ reason: expect.stringContaining("was begun 4 times") }]);
  });

  test("is taken off the mailbox only when it is a dead letter, and is not answered otherwise on the way", async () => {
    const deps = start();
    const poison = received(3, delivery(one, "explode"));
    const add = deps.deadLetters.add;
    deps.deadLetters.add = () => Promise.reject(new Error("throttled"));
    let open: readonly Delivery[] = [poison];
    for (let died = 0; died < 4; died++) {
      expect(await work(deps, open)).toBe("died");
      open = open.map(redelivered);
    }
    expect(await work(deps, open)).toEqual(open);
    expect(deps.problems).toContain("dead letter not sent: throttled");
    deps.deadLetters.add = add;
    expect(await work(deps, [...open.map(redelivered), delivery(one, "look")])).toEqual([]);
    expect(deps.deadLetters.all()).toHaveLength(1);
    expect(begun).toEqual([...Array(4).fill("explode"), "look"]);
    expect(errorOf(deps, poison).name).toBe("ActorCrashedError");
  });

  test("can't commit after it was given up: a worker that wakes up then is fenced off", async () => {
    const deps = start();
    const poison = received(3, delivery(one, "explode"));
    let wake = () => {};
    const land = deps.store.commit;
    // The fourth worker is no dead one: it stalls, with all that it has to commit.
    let open: readonly Delivery[] = [poison];
    for (let died = 0; died < 3; died++) {
      await work(deps, open);
      open = open.map(redelivered);
    }
    armed = false;
    const store = {
      ...deps.store,
      commit: async (commit: Commit) => {
        if (commit.head.mark !== undefined) await new Promise<void>((resolve) => (wake = resolve));
        return land(commit);
      },
    };
    const stalled = runBatch(one, open, {
      times: UNLIMITED,
      deps: { ...deps, store, activations: new Activations(1) },
    });
    await expect.poll(async () => (await headOf(deps))?.trial?.starts).toBe(4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await work(deps, open.map(redelivered))).toEqual([]);
    wake();
    expect(await stalled).toEqual([]);
    expect((await headOf(deps))?.inline.get("sum")).toBeUndefined();
    expect(errorOf(deps, poison).name).toBe("ActorCrashedError");
    expect(deps.deadLetters.all()).toHaveLength(1);
  });
});

describe("what a start costs", () => {
  test("nothing for what is received once or twice", async () => {
    const deps = start();
    await work(deps, [received(2, delivery(one, "add", 1)), received(2, delivery(one, "add", 2))]);
    expect(deps.commits).toHaveLength(1);
  });

  test("one small write from the third time on, and what comes of it is committed alone", async () => {
    const deps = start();
    const batch = [received(3, delivery(one, "add", 1)), received(3, delivery(one, "add", 2))];
    expect(await work(deps, batch)).toEqual([]);
    expect(deps.commits.map(({ head }) => head.trial)).toEqual([
      { id: batch[0]?.envelope.id, starts: 1 },
      undefined,
      { id: batch[1]?.envelope.id, starts: 1 },
      undefined,
    ]);
  });

  test("nothing for what is refused before it runs", async () => {
    const deps = start();
    const late = delivery(one, "add", 1);
    const envelope = { ...late.envelope, deadline: deps.clock.now() };
    await work(deps, [received(5, { ...late, envelope }), received(5, delivery(one, "constructor"))]);
    expect(deps.commits.every(({ head }) => head.trial === undefined)).toBe(true);
  });

  test("turns that only read are committed, too, so that no start is held against the next delivery", async () => {
    const deps = start();
    await work(deps, [delivery(one, "add", 1)]);
    const look = received(3, delivery(one, "look"));
    deps.replies.failures = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 8; round++) expect(await work(deps, [look])).toEqual([look]);
    deps.replies.failures = 0;
    expect(await work(deps, [look])).toEqual([]);
    expect(errorOf(deps, look)).toBe(1);
    expect(begun).toEqual(["add 1", "look"]);
  });
});

describe("a worker that lives", () => {
  test.each([
    ["is lost", () => Promise.reject<CommitResult>(new Error("down"))],
    [
      "is unknown",
      async (go: () => Promise<CommitResult>) => {
        await go();
        throw new Error("timed out");
      },
    ],
  ])("takes back a start whose commit %s, and tries again without another", async (_, fault) => {
    const deps = start();
    const [poor] = [received(3, delivery(one, "add", 1))];
    const go = (land: () => Promise<CommitResult>) => land();
    for (let round = 0; round < 6; round++) {
      // The start lands; what comes of the run does not, in any of the attempts of the batch; taking it back does.
      const lost = () => Promise.reject(new Error("down"));
      deps.faults.push(go, lost, lost, lost, lost, lost, go);
      expect(await work(deps, [poor])).toEqual([poor]);
      expect(deps.faults).toEqual([]);
      expect((await headOf(deps))?.trial).toBeUndefined();
    }
    deps.faults.push(fault);
    expect(await work(deps, [poor])).toEqual([]);
    expect(errorOf(deps, poor)).toBe(1);
    expect((await headOf(deps))?.trial).toBeUndefined();
  });

  test("keeps off a start that it takes for lost, and that would land when it has left", async () => {
    const deps = start();
    const poor = received(3, delivery(one, "add", 1));
    const [late, overdue] = overdueCommits();
    for (let round = 0; round < 4; round++) {
      deps.faults.push(late, late, late, late, late, (land) => land());
      expect(await work(deps, [poor])).toEqual([poor]);
      expect(deps.faults).toEqual([]);
      for (const land of overdue.splice(0)) expect(await land()).toEqual({ status: "fenced" });
      expect(await headOf(deps)).toMatchObject({ version: round + 1, trial: undefined });
    }
    expect(await work(deps, [poor])).toEqual([]);
    expect(errorOf(deps, poor)).toBe(1);
  });

  test("changes nothing else where it keeps its start off", async () => {
    const deps = start();
    await work(deps, [delivery(one, "add", 1)]);
    expect(await work(deps, [received(3, delivery(one, "explode"))])).toBe("died");
    const before = await headOf(deps);
    const [late] = overdueCommits();
    deps.faults.push(late, late, late, late, late);
    await work(deps, [received(3, delivery(one, "add", 2))]);
    expect(before?.trial?.starts).toBe(1);
    expect(await headOf(deps)).toEqual({ ...before, version: (before?.version ?? 0) + 1 });
  });

  test("takes back a start that lands just when it would keep it off", async () => {
    const deps = start();
    const poor = received(3, delivery(one, "add", 1));
    const [late, overdue] = overdueCommits();
    const justThen = async (land: () => Promise<CommitResult>) => {
      const landed = await Promise.all(overdue.map((each) => each()));
      expect(landed.map(({ status }) => status).sort()).toEqual(["committed", ...Array(4).fill("fenced")]);
      expect((await headOf(deps))?.trial?.starts).toBe(1);
      return land();
    };
    deps.faults.push(late, late, late, late, late, justThen);
    expect(await work(deps, [poor])).toEqual([poor]);
    expect(deps.faults).toEqual([]);
    expect(await headOf(deps)).toMatchObject({ version: 2, trial: undefined });
  });

  test("writes nothing where its lease was over before its start was sent", async () => {
    const deps = start();
    const poor = received(3, delivery(one, "add", 1));
    const times = { ...UNLIMITED, commitBy: deps.clock.now() - 1 };
    expect(await work(deps, [poor], times)).toEqual([poor]);
    expect(deps.commits).toEqual([]);
  });

  test("says so when it can't take a start back, and the start stands", async () => {
    const deps = start();
    const poor = received(3, delivery(one, "add", 1));
    const lost = () => Promise.reject(new Error("down"));
    deps.faults.push((land) => land(), lost, lost, lost, lost, lost, lost);
    await work(deps, [poor]);
    expect((await headOf(deps))?.trial).toEqual({ id: poor.envelope.id, starts: 1 });
    expect(deps.problems).toContain("start of a run not taken back: down");
  });

  test("may use its last start as often as it must", async () => {
    const deps = start();
    let open: readonly Delivery[] = [received(3, delivery(one, "explode"))];
    for (let died = 0; died < 3; died++) {
      await work(deps, open);
      open = open.map(redelivered);
    }
    armed = false;
    deps.faults.push(
      (land) => land(),
      () => Promise.reject(new Error("down")),
    );
    expect(await work(deps, open)).toEqual([]);
    expect((await headOf(deps))?.inline.get("sum")).toBe("[100]");
    expect(deps.deadLetters.all()).toEqual([]);
  });

  test("takes nothing back from a rival that has gone on", async () => {
    const deps = start();
    const poor = received(3, delivery(one, "add", 1));
    const lost = () => Promise.reject(new Error("down"));
    const rival = async (land: () => Promise<CommitResult>) => {
      await work(testDepsOn(deps), [received(4, poor)]);
      return land();
    };
    deps.faults.push((land) => land(), lost, lost, lost, lost, lost, rival);
    expect(await work(deps, [poor])).toEqual([poor]);
    expect((await headOf(deps))?.inline.get("sum")).toBe("[1]");
    expect((await headOf(deps))?.settled.size).toBe(1);
  });

  test("writes its start again when a rival's commit that keeps the trial has the version it was to have", async () => {
    const deps = start();
    const poison = received(3, delivery(one, "explode"));
    expect(await work(deps, [poison])).toBe("died");
    const rival = async (land: () => Promise<CommitResult>) => {
      const head = await headOf(deps);
      if (!head) throw new Error("no head");
      const { version } = head;
      const commit = {
        id: one,
        expected: version,
        head: { ...head, version: version + 1 },
        entries: new Map(),
      };
      deps.faults.unshift((go) => go());
      await deps.store.commit(commit);
      return land();
    };
    deps.faults.push(rival);
    expect(await work(deps, [redelivered(poison)])).toBe("died");
    expect((await headOf(deps))?.trial?.starts).toBe(2);
  });

  test("leaves a rival's commit alone that has the version its start was to have", async () => {
    const deps = start();
    const poor = received(3, delivery(one, "add", 1));
    const rival = async (land: () => Promise<CommitResult>) => {
      await work(testDepsOn(deps), [received(2, poor)]);
      return land();
    };
    deps.faults.push(rival);
    deps.replies.failures = Number.POSITIVE_INFINITY;
    expect(await work(deps, [poor])).toEqual([poor]);
    deps.replies.failures = 0;
    expect(await headOf(deps)).toMatchObject({ version: 1, trial: undefined });
    expect((await headOf(deps))?.inline.get("sum")).toBe("[1]");
  });
});

/** A fault that takes a commit for lost, and the commits that are still on their way. */
function overdueCommits() {
  const overdue: (() => Promise<CommitResult>)[] = [];
  const late = (land: () => Promise<CommitResult>) => {
    overdue.push(land);
    return Promise.reject(new Error("timed out"));
  };
  return [late, overdue] as const;
}

/** Another worker on the same store, whose commits meet no faults. */
function testDepsOn(deps: ReturnType<typeof start>): TestDeps {
  return { ...deps, store: { ...deps.store } };
}

describe("a call whose caller gives up sooner than a lease is over", () => {
  test("is under suspicion when it comes again too late; the attempts that follow count together, and the last is answered", async () => {
    const deps = start();
    const key = delivery(one, "explode");
    const attempt = () => {
      const each = askedAgain(key);
      return { ...each, envelope: { ...each.envelope, deadline: deps.clock.now() + 28_000 } };
    };
    for (let asked = 0; asked < 4; asked++) {
      const each = attempt();
      expect(await work(deps, [each])).toBe("died");
      await deps.clock.advance(30_000);
      expect(await work(deps, [redelivered(each)])).toEqual([]);
      expect(deps.replies.outcome(each.envelope.attempt ?? "")).toMatchObject({
        error: { name: "ActorDeadlineError" },
      });
      // Calls of others in between change nothing.
      await work(deps, [delivery(one, "add", 1)]);
    }
    const last = attempt();
    expect(await work(deps, [last])).toBe("died");
    expect(await work(deps, [redelivered(last), attempt()])).toEqual([]);
    expect(errorOf(deps, key).name).toBe("ActorCrashedError");
    expect(begun.filter((step) => step === "explode")).toHaveLength(5);
    expect(deps.deadLetters.all().map(({ envelope }) => envelope)).toEqual([last.envelope]);
  });

  test("is free of it once it has run", async () => {
    const deps = start();
    const each = askedAgain(delivery(one, "explode"));
    const late = { ...each, envelope: { ...each.envelope, deadline: deps.clock.now() } };
    await work(deps, [redelivered(late)]);
    expect((await headOf(deps))?.trial).toEqual({ id: each.envelope.id, starts: 0 });
    armed = false;
    await work(deps, [askedAgain(each)]);
    expect(errorOf(deps, each)).toBe(100);
    expect((await headOf(deps))?.trial).toBeUndefined();
  });
});

describe("an alarm that ends its worker each time", () => {
  const ringing = async () => {
    const deps = start();
    const at = deps.clock.now() + 1_000;
    await work(deps, [delivery(one, "setAlarm", at)]);
    await deps.clock.advance(1_000);
    const [{ wake } = { wake: undefined }] = deps.armed.slice(-1);
    const { envelope, ...rest } = delivery(one, "alarm");
    const call = { kind: "alarm", method: "alarm", args: String(wake?.version) } as const;
    return { deps, wake: { ...rest, envelope: { ...envelope, call, due: wake?.at, awaited: false } } };
  };

  test("is dropped, told of and counted; its code is not run for that", async () => {
    const { deps, wake } = await ringing();
    const behind = delivery(one, "add", 1);
    expect(await deaths(deps, [wake, behind])).toBe(6);
    expect(begun).toEqual([...Array(6).fill("alarm"), "add 1"]);
    expect(deps.counted).toEqual(["AlarmsDropped Bomb"]);
    expect(deps.problems.at(-1)).toMatch(/^alarm dropped: its handler was begun 4 times/);
    expect(await headOf(deps)).toMatchObject({ alarm: undefined, wake: undefined, trial: undefined });
    expect(deps.deadLetters.all()).toEqual([]);
  });

  test("that ends well on trial leaves no start behind", async () => {
    const { deps, wake } = await ringing();
    expect(await work(deps, [received(3, wake)])).toBe("died");
    expect((await headOf(deps))?.trial?.starts).toBe(1);
    armed = false;
    expect(await work(deps, [received(4, wake)])).toEqual([]);
    expect(await headOf(deps)).toMatchObject({ alarm: undefined, trial: undefined });
  });
});
