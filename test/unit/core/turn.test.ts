import { describe, expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { resultOf } from "../../../runtime/core/outcome.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { delivery, type TestDeps, testDeps, UNLIMITED } from "./fixtures.ts";

const later: (() => Promise<unknown>)[] = [];

class Probe extends StatefulActor<unknown> {
  seen = 0;
  async get(key: string) {
    return this.ctx.storage.get(key);
  }
  async put(key: string, value: unknown) {
    await this.ctx.storage.put(key, value);
  }
  async remove(key: string) {
    return this.ctx.storage.delete(key);
  }
  async putThenThrow(key: string, value: unknown) {
    this.seen++;
    await this.ctx.storage.put(key, value);
    throw new Error("no such luck");
  }
  async throwOnly() {
    this.seen++;
    throw new Error("nothing written");
  }
  async count() {
    return ++this.seen;
  }
  async readOwnWrites() {
    await this.ctx.storage.put("a", 1);
    const first = await this.ctx.storage.get("a");
    const existed = await this.ctx.storage.delete("a");
    const again = await this.ctx.storage.delete("a");
    return [first, existed, await this.ctx.storage.get("a"), again];
  }
  async removeAndRead(key: string) {
    const existed = await this.ctx.storage.delete(key);
    return [existed, await this.ctx.storage.get(key), await this.ctx.storage.delete(key)];
  }
  async copies() {
    const value = { list: [1] };
    await this.ctx.storage.put("v", value);
    value.list.push(2);
    const read = await this.ctx.storage.get<{ list: number[] }>("v");
    read?.list.push(3);
    return this.ctx.storage.get("v");
  }
  unawaited() {
    void this.ctx.storage.put("u", "kept");
    void this.chain();
    return "returned";
  }
  async chain() {
    const value = await this.ctx.storage.get("u");
    await this.ctx.storage.put("u2", value);
    await this.ctx.storage.put("u3", value);
  }
  unawaitedThroughHelpers() {
    void this.helped();
  }
  unawaitedFarAway() {
    void this._far(30);
  }
  async _far(helpers: number): Promise<void> {
    await (helpers > 0 ? this._far(helpers - 1) : this.ctx.storage.put("near", "kept"));
    if (helpers === 30) await this.ctx.storage.put("far", "kept");
  }
  unawaitedLateStart() {
    void this._lateStart(30);
  }
  async _lateStart(helpers: number): Promise<void> {
    if (helpers > 0) await this._lateStart(helpers - 1);
    if (helpers === 30) await this.ctx.storage.put("late start", "kept");
  }
  unawaitedLateBlock() {
    void this._lateBlock(30);
  }
  async _lateBlock(helpers: number): Promise<void> {
    if (helpers > 0) await this._lateBlock(helpers - 1);
    if (helpers === 30) {
      void this.ctx.blockConcurrencyWhile(async () => {
        await new Promise<void>((resolve) => setImmediate(resolve));
        await this.ctx.storage.put("late block", "kept");
      });
    }
  }
  async helped() {
    await this._outer("h1");
    await this._outer("h2");
  }
  async _outer(key: string) {
    return this._inner(key);
  }
  async _inner(key: string) {
    return this.ctx.storage.put(key, "kept");
  }
  unawaitedFailure() {
    void this.ctx.storage.put("bad", () => {});
    return "returned";
  }
  async failureCaughtLate() {
    const failing = this.ctx.storage.put("bad", Symbol("no"));
    await new Promise((resolve) => setImmediate(resolve));
    await failing.catch(() => {});
    return "fine";
  }
  async caughtFailure() {
    await this.ctx.storage.put("bad", Symbol("no")).catch(() => {});
    await this.ctx.storage.put("good", 1);
    return "fine";
  }
  async hang(key: string) {
    await this.ctx.storage.put(key, "never");
    await new Promise<void>((resolve) => later.push(async () => resolve()));
    await this.ctx.storage.put(key, "stray");
  }
  leaveUnawaitedWrite() {
    const gate = new Promise<void>((resolve) => later.push(async () => resolve()));
    void gate.then(() => void this.ctx.storage.put("stray", 1));
  }
  throwAndLeaveStrayWork() {
    this.leaveStrayWork();
    throw new Error("gone");
  }
  text(letter: string, length: number) {
    return letter.repeat(length);
  }
  async stall() {
    this.seen++;
    await new Promise(() => {});
  }
  environment() {
    return this.env;
  }
  leaveStrayWork() {
    const gate = new Promise<void>((resolve) => later.push(async () => resolve()));
    strayOutcome = gate.then(() => this.ctx.storage.put("stray", 1)).catch((error: unknown) => error);
  }
  badResult() {
    this.seen++;
    void this.ctx.storage.put("k", 1);
    return { nested: [() => {}] };
  }
  throwSomethingOdd() {
    throw Object.create(null);
  }
  async _hidden() {
    return "secret";
  }
  get computed() {
    return () => "from a getter";
  }
}
let strayOutcome: Promise<unknown> = Promise.resolve();

class Constructed extends StatefulActor<unknown> {
  constructor(...args: ConstructorParameters<typeof StatefulActor<unknown>>) {
    super(...args);
    void this.ctx.storage.put("made", true);
  }
  async made() {
    return this.ctx.storage.get("made");
  }
}

const probe = { type: "Probe", name: "one" };

function start(): TestDeps {
  return testDeps({ Probe, Constructed });
}

async function call(deps: TestDeps, method: string, ...args: unknown[]): Promise<unknown> {
  const one = delivery(probe, method, ...args);
  const unfinished = await runBatch(probe, [one], { times: UNLIMITED, deps });
  expect(unfinished).toEqual([]);
  const outcome = deps.replies.outcome(one.envelope.id);
  if (!outcome) throw new Error("no reply was filed");
  return resultOf(outcome, method);
}

describe("what a turn's writes become", () => {
  test("I5: a turn commits all of its writes, and they are there after the memory is gone", async () => {
    const deps = start();
    await call(deps, "put", "k", { a: [1, 2] });
    const fresh = { ...start(), store: deps.store };
    expect(await call(fresh, "get", "k")).toEqual({ a: [1, 2] });
  });

  test("I7: a result that can't be encoded drops the object with the writes", async () => {
    class Careless extends Probe {
      override badResult() {
        this.seen = 5;
        return super.badResult();
      }
    }
    const deps = testDeps({ Probe: Careless });
    await expect(call(deps, "badResult")).rejects.toThrow("$.nested[0]");
    expect(await call(deps, "count")).toBe(1);
  });

  test("I5: a turn that throws after a put leaves nothing behind, and the caller gets ActorMethodError", async () => {
    const deps = start();
    await expect(call(deps, "putThenThrow", "k", 1)).rejects.toMatchObject({
      name: "ActorMethodError",
      message: "no such luck",
      effect: "failed",
    });
    expect(await call(deps, "get", "k")).toBeUndefined();
    expect((await deps.store.hydrate(probe))?.inline.size).toBe(0);
  });

  test("I7: fields never outlive writes that were rolled back; a throw without writes keeps them", async () => {
    const deps = start();
    expect(await call(deps, "count")).toBe(1);
    await expect(call(deps, "throwOnly")).rejects.toThrow("nothing written");
    expect(await call(deps, "count")).toBe(3);
    await expect(call(deps, "putThenThrow", "k", 1)).rejects.toThrow();
    expect(await call(deps, "count")).toBe(1);
  });

  test("I7: nor writes that were rolled back because the result can't be encoded", async () => {
    const deps = start();
    await expect(call(deps, "badResult")).rejects.toThrow("$.nested[0]");
    expect(await call(deps, "count")).toBe(1);
  });

  test("reads see the turn's own writes", async () => {
    expect(await call(start(), "readOwnWrites")).toEqual([1, true, undefined, false]);
  });

  test("reads see the turn's own removal of what an earlier turn put", async () => {
    const deps = start();
    await call(deps, "put", "k", 1);
    expect(await call(deps, "removeAndRead", "k")).toEqual([true, undefined, false]);
  });

  test("values are copies, when put and when read", async () => {
    expect(await call(start(), "copies")).toEqual({ list: [1] });
  });

  test("delete tells whether the key existed, also across turns", async () => {
    const deps = start();
    await call(deps, "put", "k", null);
    expect(await call(deps, "remove", "k")).toBe(true);
    expect(await call(deps, "remove", "k")).toBe(false);
  });

  test("I6: un-awaited writes, and the writes that follow them, are part of the turn", async () => {
    const deps = start();
    expect(await call(deps, "unawaited")).toBe("returned");
    expect(await call(deps, "get", "u")).toBe("kept");
    expect(await call(deps, "get", "u3")).toBe("kept");
    await call(deps, "unawaitedThroughHelpers");
    expect(await call(deps, "get", "h2")).toBe("kept");
    await call(deps, "unawaitedFarAway");
    expect(await call(deps, "get", "far")).toBe("kept");
    await call(deps, "unawaitedLateStart");
    expect(await call(deps, "get", "late start")).toBe("kept");
    await call(deps, "unawaitedLateBlock");
    expect(await call(deps, "get", "late block")).toBe("kept");
  });

  test("I6: an un-awaited write that fails fails the call; one that user code caught does not", async () => {
    const deps = start();
    await expect(call(deps, "unawaitedFailure")).rejects.toMatchObject({
      name: "ActorOutputGateError",
      message: expect.stringContaining('the value for key "bad" can\'t be encoded at $: a function'),
    });
    expect(await call(deps, "caughtFailure")).toBe("fine");
    expect(await call(deps, "failureCaughtLate")).toBe("fine");
    expect(await call(deps, "get", "good")).toBe(1);
  });

  test("an unserialisable result fails the call and commits nothing", async () => {
    const deps = start();
    await expect(call(deps, "badResult")).rejects.toMatchObject({
      name: "CodecError",
      message: expect.stringContaining("$.nested[0]"),
    });
    expect(await call(deps, "get", "k")).toBeUndefined();
    expect((await deps.store.hydrate(probe))?.inline.size).toBe(0);
  });

  test("a result over 4 MiB, in bytes, fails the call", async () => {
    const most = 4 * 1024 * 1024 - 4;
    expect(await call(start(), "text", "x", most)).toHaveLength(most);
    await expect(call(start(), "text", "é", most / 2 + 2)).rejects.toMatchObject({
      name: "PayloadTooLargeError",
      message: expect.stringContaining("the result of text has 4194308 bytes encoded; at most 4194304"),
    });
  });

  test("whatever is thrown reaches the caller as an ActorMethodError", async () => {
    await expect(call(start(), "throwSomethingOdd")).rejects.toMatchObject({ name: "ActorMethodError" });
  });

  test("the constructor's writes commit with the first turn", async () => {
    const deps = start();
    const to = { type: "Constructed", name: "one" };
    const one = delivery(to, "made");
    await runBatch(to, [one], { times: UNLIMITED, deps });
    expect(deps.replies.outcome(one.envelope.id)).toEqual({ ok: true, result: "[true]" });
    expect([...((await deps.store.hydrate(to))?.inline ?? [])]).toEqual([["made", "[true]"]]);
  });
});

describe("what a turn gets and tells", () => {
  test("the instance gets the bindings as this.env", async () => {
    expect(await call(testDeps({ Probe }, { GREETING: "hello" }), "environment")).toEqual({
      GREETING: "hello",
    });
  });

  test("what user code threw is reported for its author; what was refused by name is not", async () => {
    const deps = start();
    await expect(call(deps, "throwOnly")).rejects.toThrow();
    expect(deps.problems).toEqual(["turn failed: nothing written"]);
    await expect(call(deps, "_hidden")).rejects.toThrow();
    await expect(call(deps, "nothing")).rejects.toThrow();
    expect(deps.problems.length).toBe(1);
  });
});

describe("limits of a turn", () => {
  test("I8: a method over its budget gives ActorMethodTimeoutError, commits nothing, and its late writes are refused", async () => {
    const deps = start();
    const one = delivery(probe, "hang", "k");
    const running = runBatch(probe, [one], { times: UNLIMITED, deps });
    await deps.clock.advance(29_999);
    expect(deps.replies.texts.size).toBe(0);
    await deps.clock.advance(1);
    await running;
    expect(deps.replies.outcome(one.envelope.id)).toMatchObject({
      ok: false,
      error: { name: "ActorMethodTimeoutError" },
    });
    await later.pop()?.();
    await deps.clock.idle();
    expect(await call(deps, "get", "k")).toBeUndefined();
    expect(await call(deps, "count")).toBe(1);
  });

  test("I8: a method over its budget loses its object even if it wrote nothing: it still runs", async () => {
    const deps = start();
    const running = runBatch(probe, [delivery(probe, "stall")], { times: UNLIMITED, deps });
    await deps.clock.advance(30_000);
    expect(await running).toEqual([]);
    expect(await call(deps, "count")).toBe(1);
  });

  test("I8: a caller's deadline that comes first ends the method in time to answer", async () => {
    const deps = start();
    const one = delivery(probe, "hang", "k");
    const patient = { ...one, envelope: { ...one.envelope, deadline: deps.clock.now() + 28_000 } };
    const running = runBatch(probe, [patient], { times: UNLIMITED, deps });
    await deps.clock.advance(26_999);
    expect(deps.replies.texts.size).toBe(0);
    await deps.clock.advance(1);
    await running;
    expect(deps.replies.outcome(one.envelope.id)).toMatchObject({
      error: {
        name: "ActorMethodTimeoutError",
        message: "Probe.hang ran longer than its budget of 27000 ms; nothing was committed",
      },
    });
  });

  test("I6: storage used after the turn has ended is refused", async () => {
    const deps = start();
    await call(deps, "leaveStrayWork");
    await later.pop()?.();
    expect(await strayOutcome).toMatchObject({
      name: "StorageScopeError",
      message: expect.stringContaining("after its turn"),
    });
    expect(await call(deps, "get", "stray")).toBeUndefined();
  });

  test("I6: storage used after the turn has failed is refused too", async () => {
    const deps = start();
    await expect(call(deps, "throwAndLeaveStrayWork")).rejects.toThrow("gone");
    await later.pop()?.();
    expect(await strayOutcome).toMatchObject({
      name: "StorageScopeError",
      message: expect.stringContaining("after its turn"),
    });
  });

  test("a turn that has ended leaves no timer", async () => {
    const deps = start();
    await call(deps, "count");
    await expect(call(deps, "throwOnly")).rejects.toThrow();
    expect(deps.clock.pending).toBe(0);
  });

  test("I6: a stray write that nobody looks at is refused in silence: it must not end the process", async () => {
    const deps = start();
    const rejections: unknown[] = [];
    const listener = (reason: unknown) => void rejections.push(reason);
    process.on("unhandledRejection", listener);
    await call(deps, "leaveUnawaitedWrite");
    await later.pop()?.();
    await deps.clock.idle();
    await deps.clock.idle();
    process.off("unhandledRejection", listener);
    expect(rejections).toEqual([]);
    expect(await call(deps, "get", "stray")).toBeUndefined();
  });

  test("a call whose deadline has passed is not run and says so", async () => {
    const deps = start();
    const one = delivery(probe, "put", "k", 1);
    const late = { ...one, envelope: { ...one.envelope, deadline: deps.clock.now() + 1000 } };
    await runBatch(probe, [late], { times: UNLIMITED, deps });
    expect(deps.replies.outcome(one.envelope.id)).toMatchObject({
      ok: false,
      error: { name: "ActorDeadlineError" },
    });
    expect(await call(deps, "get", "k")).toBeUndefined();
  });

  test.each([
    [
      "10,001 keys",
      { keys: 10_001, length: 1 },
      "the turn wrote 10001 keys; at most 10000 are allowed in one turn",
    ],
    ["33 MB", { keys: 100, length: 340_000 }, "bytes; at most 33554432 are allowed in one turn"],
  ])("a turn that writes %s is refused before anything is written", async (_, { keys, length }, message) => {
    class Wide extends StatefulActor<unknown> {
      async fill(keys: number, length: number) {
        for (let key = 0; key < keys; key++) await this.ctx.storage.put(`k${key}`, "x".repeat(length));
      }
    }
    const deps = testDeps({ Wide });
    const to = { type: "Wide", name: "one" };
    const over = delivery(to, "fill", keys, length);
    const most = delivery(to, "fill", 10_000, 1);
    await runBatch(to, [over, most], { times: UNLIMITED, deps });
    expect(deps.replies.outcome(over.envelope.id)).toMatchObject({
      error: { name: "StorageLimitError", message: expect.stringContaining(message) },
    });
    expect(deps.replies.outcome(most.envelope.id)).toMatchObject({ ok: true });
  });
});

describe("what may be called", () => {
  test.each([
    "_hidden",
    "__proto__",
    "constructor",
    "fetch",
    "alarm",
    "webSocket",
    "toString",
    "hasOwnProperty",
    "valueOf",
  ])("I9: %s is refused as private", async (method) => {
    await expect(call(start(), method)).rejects.toMatchObject({
      name: "ActorPrivateMethodError",
      effect: "refused",
    });
  });

  test.each(["nothing", "", "seen", "computed", "ctx", "env", "then", "💥"])(
    "I9: %j is unknown",
    async (method) => {
      await expect(call(start(), method)).rejects.toMatchObject({
        name: "ActorUnknownMethodError",
        message: expect.stringContaining("callable are: get, put"),
      });
    },
  );

  test("arguments that are no array are refused before anything runs", async () => {
    const deps = start();
    const one = delivery(probe, "count");
    const forged = {
      ...one,
      envelope: {
        ...one.envelope,
        call: { kind: "method" as const, method: "count", args: '[{"length":1},0]' },
      },
    };
    await runBatch(probe, [forged], { times: UNLIMITED, deps });
    expect(deps.replies.outcome(one.envelope.id)).toMatchObject({
      error: { name: "CodecError", message: "the arguments of count must be an array" },
    });
    expect(await call(deps, "count")).toBe(1);
  });

  test("a type that is not deployed here is refused", async () => {
    const deps = testDeps({});
    await expect(call(deps, "get", "k")).rejects.toMatchObject({ name: "ActorUnknownTypeError" });
  });

  test("I9: the error lists what is callable, and nothing else", async () => {
    class Small extends StatefulActor<unknown> {
      greet() {}
      wave() {}
      _secret() {}
      override alarm() {}
    }
    await expect(call(testDeps({ Probe: Small }), "nothing")).rejects.toThrow(
      /^Small\.nothing is not a method; callable are: greet, wave$/,
    );
    await expect(call(testDeps({ Probe: Small }), "greeet")).rejects.toThrow(
      /^Small\.greeet is not a method; did you mean greet\? callable are: greet, wave$/,
    );
  });

  test("I9: what hides a method of the class in between is not callable, nor is what it hides", async () => {
    class Hiding extends Probe {}
    Object.defineProperty(Hiding.prototype, "count", { value: "no function" });
    await expect(call(testDeps({ Probe: Hiding }), "count")).rejects.toMatchObject({
      name: "ActorUnknownMethodError",
    });
  });

  test("methods of a class in between are callable", async () => {
    class Derived extends Probe {}
    const deps = testDeps({ Probe: Derived });
    expect(await call(deps, "count")).toBe(1);
  });
});

describe("the storage's refusals", () => {
  test.each([
    ["a key that is no string", 5, "CodecError", "must be a string, not number"],
    ["a reserved key", "__telnyx_x", "CodecError", "reserved"],
    ["a key of 1001 bytes", `${"é".repeat(500)}x`, "StorageLimitError", "1001 bytes; at most 1000"],
    ["half a surrogate pair", "\ud800", "CodecError", "surrogate"],
  ])("%s", async (_, key, name, message) => {
    for (const method of ["get", "put", "remove"]) {
      await expect(call(start(), method, key, 1)).rejects.toMatchObject({
        name,
        message: expect.stringContaining(message),
      });
    }
  });

  test("a value over the limit names key, size and limit", async () => {
    await expect(call(start(), "put", "big", "x".repeat(400_000))).rejects.toMatchObject({
      name: "StorageLimitError",
      message: expect.stringMatching(/key "big" has 400004 bytes encoded; at most 393216/),
    });
  });

  test("a value of exactly the limit is stored; its size counts in bytes, not characters", async () => {
    const deps = start();
    await call(deps, "put", "most", "x".repeat(384 * 1024 - 4));
    expect(await call(deps, "get", "most")).toHaveLength(384 * 1024 - 4);
    await expect(call(deps, "put", "wide", "é".repeat(200_000))).rejects.toThrow("has 400004 bytes encoded");
  });

  test("storage can't be used outside of any turn", async () => {
    let leaked: Probe | undefined;
    class Leaky extends Probe {
      leak() {
        leaked = this;
      }
    }
    await call(testDeps({ Probe: Leaky }), "leak");
    await expect(leaked?.put("k", 1)).rejects.toMatchObject({
      name: "StorageScopeError",
      message: 'storage of Probe "one" was used outside of any turn; use it in a method, awaited',
    });
  });

  test("storage of one instance can't be reached from a turn of another", async () => {
    let leaked: Probe | undefined;
    class Leaky extends Probe {
      leak() {
        leaked = this;
      }
      async borrow() {
        return leaked?.get("k");
      }
    }
    const deps = testDeps({ Probe: Leaky });
    await call(deps, "leak");
    const other = { type: "Probe", name: "two" };
    const one = delivery(other, "borrow");
    await runBatch(other, [one], { times: UNLIMITED, deps });
    expect(deps.replies.outcome(one.envelope.id)).toMatchObject({
      error: { message: expect.stringContaining("from a turn of another instance") },
    });
  });
});
