import { describe, expect, test } from "vitest";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Commit, CommitResult, Store } from "../../../runtime/ports/store.ts";
import { delivery, FINGERPRINT, redelivered, type TestDeps, testDeps, UNLIMITED } from "./fixtures.ts";

let constructed = 0;

class Counter extends StatefulActor<unknown> {
  constructor(...args: ConstructorParameters<typeof StatefulActor<unknown>>) {
    super(...args);
    constructed++;
  }
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async sum() {
    return (await this.ctx.storage.get<number>("sum")) ?? 0;
  }
  async fail() {
    throw new Error("failed");
  }
  async text(letter: string, length: number) {
    return letter.repeat(length);
  }
  async fill(prefix: string, keys: number) {
    for (let key = 0; key < keys; key++) await this.ctx.storage.put(`${prefix}${key}`, key);
  }
  async putPair(value: number) {
    await this.ctx.storage.put("small", value);
    await this.ctx.storage.put("big", new Array(3000).fill("").concat(value));
  }
  async pair() {
    const small = await this.ctx.storage.get<number>("small");
    return [small, (await this.ctx.storage.get<number[]>("big"))?.at(-1)].join();
  }
  async park() {
    await parked;
    return this.sum();
  }
  async parkAndAdd(amount: number) {
    await parked;
    return this.add(amount);
  }
  note() {
    noted++;
  }
}
let parked: Promise<void> = Promise.resolve();
let noted = 0;

const counter = { type: "Counter", name: "one" };

/** A store that counts its commits and can be made to fail. */
function observed(store: Store) {
  const commits: Commit[] = [];
  const faults: ((commit: Commit, land: () => Promise<CommitResult>) => Promise<CommitResult>)[] = [];
  let hydrations = 0;
  return {
    ...store,
    commits,
    /** Applied to the next commits, one each. */
    faults,
    get hydrations() {
      return hydrations;
    },
    hydrate: (id: typeof counter) => {
      hydrations++;
      return store.hydrate(id);
    },
    commit(commit: Commit) {
      commits.push(commit);
      const land = () => store.commit(commit);
      const fault = faults.shift();
      return fault ? fault(commit, land) : land();
    },
  };
}

function start() {
  const deps = testDeps({ Counter });
  const store = observed(deps.store);
  return { ...deps, store };
}

/** A promise that the test opens when it likes. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const run = (deps: TestDeps, deliveries: ReturnType<typeof delivery>[], times = UNLIMITED) =>
  runBatch(counter, deliveries, { times, deps });

const result = (deps: TestDeps, { envelope }: ReturnType<typeof delivery>) => {
  const outcome = deps.replies.outcome(envelope.id);
  return outcome?.ok ? JSON.parse(outcome.result)[0] : outcome?.error.name;
};

describe("what a batch costs", () => {
  test("ten quick turns are one read and one commit", async () => {
    const deps = start();
    deps.store.readEntry = () => Promise.reject(new Error("there is no entry to read"));
    const batch = Array.from({ length: 10 }, () => delivery(counter, "add", 10));
    expect(await run(deps, batch)).toEqual([]);
    expect(deps.store.hydrations).toBe(1);
    expect(deps.store.commits.length).toBe(1);
    expect(deps.replies.reads).toBe(0);
    expect(batch.map((each) => result(deps, each))).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  });

  test("a turn that only read commits nothing", async () => {
    const deps = start();
    const read = delivery(counter, "sum");
    await run(deps, [read]);
    expect(deps.store.commits).toEqual([]);
    expect(result(deps, read)).toBe(0);
  });

  test.each([
    ["99 keys", { keys: 33, length: 1 }, [3, 3, 3, 1]],
    ["3 MiB", { keys: 2, length: 390_000 }, [4, 4, 2]],
  ])(
    "turns share a commit only as long as one transaction holds it: %s",
    async (_, { keys, length }, settled) => {
      class Filler extends StatefulActor<unknown> {
        async fill(from: number) {
          const value = "x".repeat(length);
          for (let key = from; key < from + keys; key++) await this.ctx.storage.put(`k${key}`, value);
        }
      }
      const base = testDeps({ Counter: Filler });
      const deps = { ...base, store: observed(base.store) };
      const batch = Array.from({ length: 10 }, (_, index) => delivery(counter, "fill", index * keys));
      expect(await run(deps, batch)).toEqual([]);
      expect(deps.store.commits.map(({ head }) => head.settled.size)).toEqual(settled);
      for (const { envelope } of batch) expect(deps.replies.outcome(envelope.id)).toMatchObject({ ok: true });
    },
  );

  test("I4: a commit carries the outcomes so far that may not be on file, also one that is given up until it is a dead letter", async () => {
    const deps = start();
    const write = deps.replies.write.bind(deps.replies);
    const late = delivery(counter, "add", 1);
    let file = () => {};
    const filed = new Promise<void>((resolve) => {
      file = resolve;
    });
    deps.replies.write = async (id, outcome) => {
      if (id === late.envelope.id) await filed;
      await write(id, outcome);
    };
    const poison = { ...delivery(counter, "add", 2), receives: 3 };
    let bury = () => {};
    const buried = new Promise<void>((resolve) => {
      bury = resolve;
    });
    const add = deps.deadLetters.add.bind(deps.deadLetters);
    deps.deadLetters.add = async (envelope, reason) => {
      await buried;
      await add(envelope, reason);
    };
    await deps.store.commit({
      id: counter,
      expected: 0,
      head: { ...NEW_HEAD, version: 1, trial: { id: poison.envelope.id, starts: 4 } },
      entries: new Map(),
    });
    const others = [delivery(counter, "park"), delivery(counter, "add", 4)];
    let unpark = () => {};
    parked = new Promise<void>((resolve) => {
      unpark = resolve;
    });
    const running = run(deps, [late, poison, ...others]);
    for (let turns = 0; turns < 6; turns++) await deps.clock.idle();
    unpark();
    for (let turns = 0; turns < 6; turns++) await deps.clock.idle();
    const ids = [late, poison, ...others].map(({ envelope }) => envelope.id);
    expect([...(deps.store.commits.at(-1)?.head.settled.keys() ?? [])].toSorted()).toEqual(ids.toSorted());
    file();
    bury();
    expect(await running).toEqual([]);
  });

  test("while a commit is in flight the next turns run and share the next commit", async () => {
    const deps = start();
    let land = () => {};
    const flight = new Promise<void>((resolve) => {
      land = resolve;
    });
    deps.store.faults.push(async (_, commit) => {
      await flight;
      return commit();
    });
    let unpark = () => {};
    parked = new Promise<void>((resolve) => {
      unpark = resolve;
    });
    const batch = [
      delivery(counter, "add", 1),
      delivery(counter, "park"),
      delivery(counter, "add", 2),
      delivery(counter, "add", 4),
    ];
    const running = run(deps, batch);
    await deps.clock.idle();
    await deps.clock.idle();
    expect(deps.store.commits.length).toBe(1);
    unpark();
    await deps.clock.idle();
    await deps.clock.idle();
    expect(deps.store.commits.length).toBe(1);
    expect(deps.replies.texts.size).toBe(0);
    land();
    expect(await running).toEqual([]);
    expect(deps.store.commits.length).toBe(2);
    expect(batch.map((each) => result(deps, each))).toEqual([1, 1, 3, 7]);
  });

  test.each([
    [50, 49, 1],
    [50, 50, 2],
  ])("turns that write %i and %i keys take %i commits: one holds 99 keys", async (first, second, commits) => {
    const deps = start();
    const batch = [delivery(counter, "fill", "a", first), delivery(counter, "fill", "b", second)];
    expect(await run(deps, batch)).toEqual([]);
    expect(deps.store.commits.length).toBe(commits);
  });

  test("a warm activation is reused at the same version, and only then", async () => {
    const deps = start();
    constructed = 0;
    await run(deps, [delivery(counter, "add", 1)]);
    await run(deps, [delivery(counter, "add", 1)]);
    expect(constructed).toBe(1);
    const elsewhere = { ...start(), store: deps.store };
    await run(elsewhere, [delivery(counter, "add", 5)]);
    const last = delivery(counter, "add", 1);
    await run(deps, [last]);
    expect(constructed).toBe(3);
    expect(result(deps, last)).toBe(8);
  });
});

describe("what is kept in memory", () => {
  test("I1: a warm activation that another worker has overtaken is not read from", async () => {
    const deps = start();
    await run(deps, [delivery(counter, "add", 1)]);
    await run({ ...start(), store: deps.store }, [delivery(counter, "add", 5)]);
    const read = delivery(counter, "sum");
    await run(deps, [read]);
    expect(result(deps, read)).toBe(6);
  });

  test("I7: a warm activation whose commit was lost is not used again", async () => {
    const deps = start();
    await run(deps, [delivery(counter, "add", 1)]);
    deps.store.faults.push(() => Promise.reject(new Error("the network is gone")));
    const last = delivery(counter, "add", 1);
    await run(deps, [last]);
    expect(result(deps, last)).toBe(2);
  });

  test("only so many idle activations are kept; the one idle longest is evicted", async () => {
    const deps = { ...start(), activations: new Activations(2) };
    const visit = async (name: string) => {
      constructed = 0;
      const to = { type: "Counter", name };
      await runBatch(to, [delivery(to, "sum")], { times: UNLIMITED, deps });
      return constructed;
    };
    const built: number[] = [];
    for (const name of ["a", "b", "c", "b", "c", "a"]) built.push(await visit(name));
    expect(built).toEqual([1, 1, 1, 0, 0, 1]);
  });
});

describe("I3: no reply before its commit", () => {
  test("a reply leaves only when the commit has landed", async () => {
    const deps = start();
    let land = () => {};
    const flight = new Promise<void>((resolve) => {
      land = resolve;
    });
    deps.store.faults.push(async (_, commit) => {
      await flight;
      return commit();
    });
    const one = delivery(counter, "add", 1);
    const running = run(deps, [one]);
    await deps.clock.idle();
    await deps.clock.idle();
    expect(deps.store.commits.length).toBe(1);
    expect(deps.replies.writes).toEqual([]);
    land();
    await running;
    expect(result(deps, one)).toBe(1);
  });

  test("a batch is over only when its replies are written, each once", async () => {
    const deps = start();
    const { open, opened } = gate();
    const write = deps.replies.write.bind(deps.replies);
    deps.replies.write = async (id, outcome) => {
      await opened;
      await write(id, outcome);
    };
    const one = delivery(counter, "add", 1);
    let over = false;
    const running = run(deps, [one]).finally(() => {
      over = true;
    });
    for (let round = 0; round < 10; round++) await deps.clock.idle();
    expect(over).toBe(false);
    open();
    expect(await running).toEqual([]);
    expect(deps.replies.writes).toEqual([one.envelope.id]);
  });

  test("a batch whose later commit fails still waits for the replies of its earlier one", async () => {
    const deps = start();
    const replies = gate();
    const write = deps.replies.write.bind(deps.replies);
    deps.replies.write = async (id, outcome) => {
      await replies.opened;
      await write(id, outcome);
    };
    const down = () => Promise.reject(new Error("down"));
    deps.store.faults.push((_, land) => land(), ...Array.from({ length: 20 }, () => down));
    const turns = gate();
    parked = turns.opened;
    const batch = [delivery(counter, "add", 1), delivery(counter, "park"), delivery(counter, "add", 1)];
    const running = run(deps, batch);
    for (let round = 0; round < 10; round++) await deps.clock.idle();
    turns.open();
    for (let round = 0; round < 10; round++) await deps.clock.idle();
    expect(deps.store.commits.length).toBe(2);
    replies.open();
    expect(await running).toEqual(batch.slice(1));
    expect(deps.replies.writes).toEqual([batch[0]?.envelope.id]);
  });

  test("a failure is told only when its mark is durable", async () => {
    const deps = start();
    const { open, opened } = gate();
    deps.store.faults.push(async (_, land) => {
      await opened;
      return land();
    });
    const bad = delivery(counter, "fail");
    const running = run(deps, [bad]);
    for (let round = 0; round < 10; round++) await deps.clock.idle();
    expect(deps.store.commits.length).toBe(1);
    expect(deps.replies.writes).toEqual([]);
    open();
    await running;
    expect(deps.replies.writes).toEqual([bad.envelope.id]);
    expect(result(deps, bad)).toBe("ActorMethodError");
  });

  test("a turn that only read, behind one that wrote, waits for that commit", async () => {
    const deps = start();
    deps.store.faults.push(() => Promise.reject(new Error("the network is gone")));
    const add = delivery(counter, "add", 1);
    const read = delivery(counter, "sum");
    await run(deps, [add, read]);
    // The first commit was lost and the batch started over: the read's answer must be of the second attempt.
    expect(result(deps, read)).toBe(1);
    expect(deps.replies.writes).toEqual([add.envelope.id, read.envelope.id]);
  });
});

describe("reads of values outside the head", () => {
  test("I1: an answer is never put together from two versions", async () => {
    const deps = start();
    await run(deps, [delivery(counter, "putPair", 1)]);
    const reader = { ...start(), store: observed(deps.store) };
    const readEntry = reader.store.readEntry;
    const earlier = delivery(counter, "putPair", 2);
    reader.store.readEntry = async (...asked) => {
      await run(deps, [earlier]);
      return readEntry(...asked);
    };
    const read = delivery(counter, "pair");
    expect(await run(reader, [read])).toEqual([]);
    expect(result(reader, read)).toBe("2,2");
    expect(reader.problems).toEqual([expect.stringContaining("commit fenced")]);
  });

  test("while nobody else commits a read is one try", async () => {
    const deps = start();
    await run(deps, [delivery(counter, "putPair", 1)]);
    const reader = { ...start(), store: deps.store };
    const read = delivery(counter, "pair");
    expect(await run(reader, [read])).toEqual([]);
    expect(result(reader, read)).toBe("1,1");
    expect(reader.problems).toEqual([]);
  });
});

describe("I4: a redelivered envelope is not run again", () => {
  test("each commit of a batch carries the outcomes of the commits before it", async () => {
    const deps = start();
    const { open, opened } = gate();
    parked = opened;
    const batch = [delivery(counter, "add", 1), delivery(counter, "park"), delivery(counter, "add", 2)];
    deps.replies.failures = Number.POSITIVE_INFINITY;
    const running = run(deps, batch);
    await deps.clock.idle();
    await deps.clock.idle();
    open();
    expect(await running).toEqual(batch);
    expect(deps.store.commits.length).toBe(2);
    deps.replies.failures = 0;
    const rescuer = { ...start(), store: deps.store, replies: deps.replies };
    expect(await run(rescuer, batch.map(redelivered))).toEqual([]);
    expect(batch.map((each) => result(deps, each))).toEqual([1, 1, 3]);
  });

  test("a commit carries the outcomes of turns before it that only read and needed no commit", async () => {
    const deps = start();
    const { open, opened } = gate();
    parked = opened;
    const batch = [delivery(counter, "sum"), delivery(counter, "park"), delivery(counter, "add", 2)];
    deps.replies.failures = Number.POSITIVE_INFINITY;
    const running = run(deps, batch);
    await deps.clock.idle();
    await deps.clock.idle();
    open();
    expect(await running).toEqual(batch);
    deps.replies.failures = 0;
    const rescuer = { ...start(), store: deps.store, replies: deps.replies };
    expect(await run(rescuer, batch.map(redelivered))).toEqual([]);
    expect(batch.map((each) => result(deps, each))).toEqual([0, 0, 2]);
  });

  test("died after the commit, before the reply: the redelivery rewrites the reply", async () => {
    const deps = start();
    const one = delivery(counter, "add", 5);
    deps.replies.failures = Number.POSITIVE_INFINITY;
    await run(deps, [one]);
    expect(deps.replies.texts.size).toBe(0);
    deps.replies.failures = 0;
    const commits = deps.store.commits.length;
    const rescuer = { ...start(), store: deps.store, replies: deps.replies };
    expect(await run(rescuer, [redelivered(one)])).toEqual([]);
    expect(result(deps, one)).toBe(5);
    expect(deps.store.commits.length).toBe(commits);
  });

  test("outcomes of turns that only read are carried too: the mark passes them", async () => {
    const deps = start();
    const read = delivery(counter, "sum");
    const add = delivery(counter, "add", 5);
    deps.replies.failures = Number.POSITIVE_INFINITY;
    await run(deps, [read, add]);
    deps.replies.failures = 0;
    const rescuer = { ...start(), store: deps.store, replies: deps.replies };
    await run(rescuer, [redelivered(read), redelivered(add)]);
    expect([result(deps, read), result(deps, add)]).toEqual([0, 5]);
  });

  test("committed, answered and followed by others: a late worker drops it by its mark", async () => {
    const deps = start();
    const stalled = delivery(counter, "add", 1);
    const next = delivery(counter, "add", 1);
    await run(deps, [stalled]);
    await run(deps, [next]);
    expect((await deps.store.hydrate(counter))?.settled.has(stalled.envelope.id)).toBe(false);
    const zombie = { ...start(), store: deps.store };
    expect(await run(zombie, [stalled])).toEqual([]);
    expect(zombie.replies.texts.size).toBe(0);
    expect((await deps.store.hydrate(counter))?.version).toBe(2);
  });

  test("without sequence numbers settled alone protects the last batch", async () => {
    const deps = start();
    const one = { ...delivery(counter, "add", 1), mark: undefined };
    await run(deps, [one]);
    const rescuer = { ...start(), store: deps.store };
    await run(rescuer, [redelivered(one)]);
    expect((await deps.store.hydrate(counter))?.version).toBe(1);
    expect(result(rescuer, one)).toBe(1);
  });

  test("a suspect delivery that the head no longer knows is dropped if its reply is on file", async () => {
    const deps = start();
    const one = { ...delivery(counter, "add", 1), mark: undefined };
    const two = { ...delivery(counter, "add", 1), mark: undefined };
    await run(deps, [one]);
    await run(deps, [two]);
    expect(await run(deps, [redelivered(one)])).toEqual([]);
    expect((await deps.store.hydrate(counter))?.version).toBe(2);
  });

  test("a failed turn commits its mark: a late second run can't turn the failure into an effect", async () => {
    const deps = start();
    const bad = delivery(counter, "fail");
    await run(deps, [bad]);
    expect(deps.store.commits.length).toBe(1);
    expect((await deps.store.hydrate(counter))?.mark).toEqual(bad.mark);
    expect(result(deps, bad)).toBe("ActorMethodError");
  });

  test("the mark never goes back", async () => {
    const deps = start();
    const [first, second] = [delivery(counter, "add", 1), delivery(counter, "add", 1)];
    await run(deps, [second, first]);
    expect((await deps.store.hydrate(counter))?.mark).toEqual(second.mark);
  });

  test("the same envelope twice in one batch runs once", async () => {
    const deps = start();
    const one = delivery(counter, "add", 3);
    const again = { ...one, mark: delivery(counter, "sum").mark };
    expect(await run(deps, [one, again])).toEqual([]);
    expect((await deps.store.hydrate(counter))?.inline.get("sum")).toBe("[3]");
  });

  test("marks of another queue don't compare: the new queue's envelopes run", async () => {
    const deps = start();
    await run(deps, [delivery(counter, "add", 1)]);
    const moved = { ...delivery(counter, "add", 1), mark: { queue: "queue-2", sequence: "7" } };
    await run(deps, [moved]);
    expect((await deps.store.hydrate(counter))?.inline.get("sum")).toBe("[2]");
    expect((await deps.store.hydrate(counter))?.mark).toEqual({ queue: "queue-2", sequence: "7" });
  });
});

describe("I1, I2: lost, fenced and unknown commits", () => {
  test("fenced by another worker: drops its memory, hydrates again, runs what is not settled", async () => {
    const deps = start();
    const rival = { ...start(), store: deps.store };
    const earlier = delivery(counter, "add", 100);
    deps.store.faults.push(async (_, land) => {
      await run(rival, [earlier]);
      return land();
    });
    const one = delivery(counter, "add", 1);
    expect(await run(deps, [one])).toEqual([]);
    expect(result(deps, one)).toBe(101);
    expect(deps.problems).toEqual([expect.stringContaining("commit fenced")]);
  });

  test("two workers with the same batch: each envelope lands once, both answer alike", async () => {
    const deps = start();
    const rival = { ...start(), store: deps.store };
    const batch = [delivery(counter, "add", 1), delivery(counter, "add", 10)];
    deps.store.faults.push(async (_, land) => {
      await run(rival, batch);
      return land();
    });
    await run(deps, batch);
    expect((await deps.store.hydrate(counter))?.inline.get("sum")).toBe("[11]");
    expect(batch.map((each) => result(deps, each))).toEqual([1, 11]);
    expect(batch.map((each) => result(rival, each))).toEqual([1, 11]);
  });

  test.each([
    ["landed", true],
    ["did not land", false],
  ])("a commit of unknown outcome that %s is applied once", async (_, landed) => {
    const deps = start();
    deps.store.faults.push(async (_, land) => {
      if (landed) await land();
      throw new Error("socket hang up");
    });
    const one = delivery(counter, "add", 1);
    const two = delivery(counter, "add", 1);
    expect(await run(deps, [one, two])).toEqual([]);
    expect([result(deps, one), result(deps, two)]).toEqual([1, 2]);
    expect((await deps.store.hydrate(counter))?.inline.get("sum")).toBe("[2]");
  });

  test("once a commit is lost, the turn under way is discarded and no other one starts before a new read", async () => {
    const deps = start();
    deps.store.faults.push(() => Promise.reject(new Error("the network is gone")));
    const { open, opened } = gate();
    parked = opened;
    noted = 0;
    const batch = [
      delivery(counter, "add", 1),
      delivery(counter, "parkAndAdd", 2),
      delivery(counter, "note"),
      delivery(counter, "add", 4),
    ];
    const running = run(deps, batch);
    await deps.clock.idle();
    await deps.clock.idle();
    expect(deps.store.commits.length).toBe(1);
    open();
    expect(await running).toEqual([]);
    expect(batch.map((each) => result(deps, each))).toEqual([1, 3, undefined, 7]);
    expect((await deps.store.hydrate(counter))?.inline.get("sum")).toBe("[7]");
    expect(noted).toBe(1);
  });

  test.each([
    [4, "is done at last", 0],
    [5, "is left to redelivery", 1],
  ])("a batch that loses %i commits in a row %s", async (losses, _, left) => {
    const deps = start();
    deps.store.faults.push(...Array.from({ length: losses }, () => () => Promise.reject(new Error("down"))));
    expect((await run(deps, [delivery(counter, "add", 1)])).length).toBe(left);
  });

  test("a store that stays out of reach leaves everything to redelivery", async () => {
    const deps = start();
    const batch = [delivery(counter, "add", 1), delivery(counter, "add", 1)];
    deps.store.faults.push(...Array.from({ length: 20 }, () => () => Promise.reject(new Error("down"))));
    expect(await run(deps, batch)).toEqual(batch);
    expect(deps.replies.texts.size).toBe(0);
    deps.store.faults.length = 0;
    expect(await run(deps, batch.map(redelivered))).toEqual([]);
    expect(batch.map((each) => result(deps, each))).toEqual([1, 2]);
  });

  test("a store that can't even be read is asked once", async () => {
    const deps = start();
    let asked = 0;
    deps.store.hydrate = () => {
      asked++;
      return Promise.reject(new Error("down"));
    };
    const one = delivery(counter, "add", 1);
    expect(await run(deps, [one])).toEqual([one]);
    expect(asked).toBe(1);
  });

  test("after the end of its lease a worker commits nothing and leaves the rest to redelivery", async () => {
    const deps = start();
    const one = delivery(counter, "add", 1);
    expect(await run(deps, [one], { ...UNLIMITED, commitBy: deps.clock.now() - 1 })).toEqual([one]);
    expect(deps.store.commits).toEqual([]);
    expect(deps.store.hydrations).toBe(1);
  });

  test("no turn starts that could outlive the worker; what ran is committed and answered", async () => {
    const deps = start();
    let unpark = () => {};
    parked = new Promise<void>((resolve) => {
      unpark = resolve;
    });
    const batch = [delivery(counter, "add", 1), delivery(counter, "park"), delivery(counter, "add", 1)];
    const running = run(deps, batch, { ...UNLIMITED, stopBy: deps.clock.now() + 40_000 });
    await deps.clock.advance(20_000);
    unpark();
    expect(await running).toEqual([batch[2]]);
    expect(deps.store.hydrations).toBe(1);
    expect(batch.slice(0, 2).map((each) => result(deps, each))).toEqual([1, 1]);
  });

  test("a reply that can't be written is tried again from settled", async () => {
    const deps = start();
    deps.replies.failures = 1;
    const one = delivery(counter, "add", 1);
    expect(await run(deps, [one])).toEqual([]);
    expect(result(deps, one)).toBe(1);
    expect(deps.store.commits.length).toBe(1);
  });
});

describe("a turn that only read, and would end otherwise if it ran again", () => {
  class Fickle extends StatefulActor<unknown> {
    asked = false;
    async debit() {
      if (!this.asked) {
        this.asked = true;
        return "refused";
      }
      await this.ctx.storage.put("debited", true);
      return "debited";
    }
  }

  test("I4: an answer whose filing broke off is filed again; the turn does not run again", async () => {
    const deps = testDeps({ Counter: Fickle });
    const write = deps.replies.write.bind(deps.replies);
    let faults = 1;
    deps.replies.write = async (id, outcome) => {
      await write(id, outcome);
      if (faults-- > 0) throw new Error("socket hang up");
    };
    const one = delivery(counter, "debit");
    expect(await run(deps, [one])).toEqual([]);
    expect(result(deps, one)).toBe("refused");
    expect(await deps.store.hydrate(counter)).toBeUndefined();
  });

  test("I1: after the end of its lease a worker does not answer it", async () => {
    const deps = testDeps({ Counter: Fickle });
    const one = delivery(counter, "debit");
    expect(await run(deps, [one], { ...UNLIMITED, commitBy: deps.clock.now() - 1 })).toEqual([one]);
    expect(deps.replies.texts.size).toBe(0);
  });
});

test("I1: an entry read while a commit is in flight is checked by a later one, not waved through by it", async () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  class Wallet extends StatefulActor<unknown> {
    async set(cash: number, saved: number) {
      await this.ctx.storage.put("cash", cash);
      await this.ctx.storage.put("saved", ["x".repeat(4000), saved]);
    }
    async touch() {
      await this.ctx.storage.put("touched", 1);
    }
    async total() {
      const cash = (await this.ctx.storage.get<number>("cash")) ?? 0;
      return cash + ((await this.ctx.storage.get<[string, number]>("saved"))?.[1] ?? 0);
    }
  }
  class Slow extends Wallet {
    override async total() {
      await opened;
      return super.total();
    }
  }
  const rival = testDeps({ Counter: Wallet });
  await run(rival, [delivery(counter, "set", 50, 50)]);

  // The touch commits, but its answer is late. The rival, whose lease followed, serves total and move; then the slow
  // worker's own total reads an entry that move has changed, beside a head that it has not.
  const [touch, total, move] = [
    delivery(counter, "touch"),
    delivery(counter, "total"),
    delivery(counter, "set", 0, 100),
  ];
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const store = observed(rival.store);
  store.faults.push(async (_, land) => {
    const landed = await land();
    await run(rival, [redelivered(total), move]);
    open();
    await answered;
    return landed;
  });
  store.readEntry = async (...asked) => {
    const text = await rival.store.readEntry(...asked);
    answer();
    return text;
  };
  const deps = { ...testDeps({ Counter: Slow }), store };
  expect(await run(deps, [touch, total])).toEqual([]);
  expect(rival.replies.outcome(move.envelope.id)).toMatchObject({ ok: true });
  expect(result(deps, total)).toBe(100);
});

test("an entry that was checked and kept is not checked again", async () => {
  class Shelf extends StatefulActor<unknown> {
    async fill() {
      await this.ctx.storage.put("big", "x".repeat(3000));
    }
    async size() {
      return (await this.ctx.storage.get<string>("big"))?.length;
    }
  }
  const base = testDeps({ Counter: Shelf });
  await run(base, [delivery(counter, "fill")]);
  const deps = { ...testDeps({ Counter: Shelf }), store: observed(base.store) };
  for (const reads of [2, 3, 4]) {
    const size = delivery(counter, "size");
    await run(deps, [size]);
    expect(result(deps, size)).toBe(3000);
    expect(deps.store.hydrations).toBe(reads);
  }
});

describe("what a deleteAll leaves behind", () => {
  class Shelf extends StatefulActor<unknown> {
    async fill(count: number) {
      for (let key = 0; key < count; key++) await this.ctx.storage.put(`k${key}`, "x".repeat(3000));
    }
    async clear() {
      await this.ctx.storage.deleteAll();
    }
    async look() {
      return (await this.ctx.storage.list()).size;
    }
    async touch() {
      await this.ctx.storage.put("touched", 1);
    }
  }

  async function cleared(count: number) {
    const deps = testDeps({ Counter: Shelf });
    const sweeps: { limit: number; done: boolean; filed: number }[] = [];
    const { sweep } = deps.store;
    deps.store.sweep = async (id, head, limit) => {
      const filed = deps.replies.texts.size;
      const done = await sweep(id, head, limit);
      sweeps.push({ limit, done, filed });
      return done;
    };
    await run(deps, [delivery(counter, "fill", count)]);
    expect(sweeps).toEqual([]);
    return { deps, sweeps };
  }
  const swept = async ({ store }: TestDeps) => (await store.hydrate(counter))?.swept;

  test("is cleared away after the replies, 200 entries a batch, and then no more", async () => {
    const { deps, sweeps } = await cleared(450);
    await run(deps, [delivery(counter, "clear")]);
    for (let batch = 0; batch < 4; batch++) await run(deps, [delivery(counter, "look")]);
    expect(sweeps).toEqual([
      { limit: 200, done: false, filed: 2 },
      { limit: 200, done: false, filed: 3 },
      { limit: 200, done: true, filed: 4 },
    ]);
    for (const key of ["k0", "k449"]) expect(await deps.store.readEntry(counter, 0, key)).toBeUndefined();
  });

  test("the next commit writes down that it is gone", async () => {
    const { deps, sweeps } = await cleared(1);
    await run(deps, [delivery(counter, "clear")]);
    expect(await swept(deps)).toBe(0);
    await run(deps, [delivery(counter, "touch")]);
    expect(await swept(deps)).toBe(1);
    const elsewhere = { ...testDeps({ Counter: Shelf }), store: deps.store };
    await run(elsewhere, [delivery(counter, "touch")]);
    expect(sweeps.length).toBe(1);
  });

  test("nothing fails when it can't be cleared away; the next batch tries again", async () => {
    const { deps, sweeps } = await cleared(1);
    const { sweep } = deps.store;
    deps.store.sweep = () => Promise.reject(new Error("throttled"));
    const clear = delivery(counter, "clear");
    expect(await run(deps, [clear])).toEqual([]);
    expect(deps.replies.outcome(clear.envelope.id)).toMatchObject({ ok: true });
    expect(deps.problems).toEqual(["sweep failed: throttled"]);
    deps.store.sweep = sweep;
    await run(deps, [delivery(counter, "look")]);
    expect(sweeps.map(({ done }) => done)).toEqual([true]);
  });
});

test("a long outcome is stashed before the commit, and only its stand-in lies in the head", async () => {
  const deps = start();
  const stashed: string[] = [];
  deps.replies.stash = async (id, outcome) => {
    expect(deps.store.commits).toEqual([]);
    stashed.push(outcome);
    return `@${id}`;
  };
  const long = delivery(counter, "text", "x", 5000);
  await run(deps, [long, delivery(counter, "add", 1)]);
  expect(stashed).toEqual([`${FINGERPRINT}+["${"x".repeat(5000)}"]`]);
  expect((await deps.store.hydrate(counter))?.settled.get(long.envelope.id)).toBe(`@${long.envelope.id}`);
});

test.each([
  ["of 1,024 bytes", "x", 1007, 0],
  ["of 1,025 bytes", "x", 1008, 1],
  ["of 1,025 bytes in fewer characters", "é", 504, 1],
])(
  "an outcome %s: where it is short enough it lies in the head itself",
  async (_, letter, length, stashes) => {
    const deps = start();
    let stashed = 0;
    deps.replies.stash = async (id) => {
      stashed++;
      return `@${id}`;
    };
    await run(deps, [delivery(counter, "text", letter, length)]);
    expect(stashed).toBe(stashes);
  },
);

test("outcomes of a large batch take so much room in the head, and what is beyond that is stashed, all at once", async () => {
  const deps = start();
  let [together, most, underWay] = [0, 0, 0];
  deps.replies.stash = async (id) => {
    together++;
    underWay++;
    most = Math.max(most, underWay);
    await deps.clock.idle();
    underWay--;
    return `@${id}`;
  };
  // None is on file before the one commit, which would leave it out.
  const write = deps.replies.write.bind(deps.replies);
  deps.replies.write = async (id, outcome) => {
    while (deps.store.commits.length < 2) await deps.clock.idle();
    await write(id, outcome);
  };
  // What is given up says so in the head itself, whatever else is there.
  const deliveries = Array.from({ length: 200 }, () => delivery(counter, "text", "x", 1000));
  const last = deliveries.at(-1)?.envelope.id ?? "";
  const onTrial = deliveries.map((each) => (each.envelope.id === last ? { ...each, receives: 3 } : each));
  await deps.store.commit({
    id: counter,
    expected: 0,
    head: { ...NEW_HEAD, version: 1, trial: { id: last, starts: 4 } },
    entries: new Map(),
  });
  expect(await run(deps, onTrial)).toEqual([]);
  const settled = [...((await deps.store.hydrate(counter))?.settled ?? [])];
  const bytes = settled.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
  expect(settled).toHaveLength(200);
  expect(bytes).toBeLessThan(140 * 1024);
  expect(together).toBe(199 - Math.floor((128 * 1024) / Buffer.byteLength(settled[0]?.[1] ?? "")));
  expect(most).toBe(together);
  expect(settled.find(([id]) => id === last)?.[1]).toContain("ActorCrashedError");
  expect(deps.deadLetters.all().map(({ envelope }) => envelope.id)).toEqual([last]);
});
