import { describe, expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { type ActorContext, StatefulActor } from "../../../runtime/index.ts";
import { delivery, type TestDeps, testDeps, UNLIMITED } from "./fixtures.ts";

const to = { type: "Blocking", name: "one" };
let opened: Promise<void> = Promise.resolve();
let built = 0;

/** `blockConcurrencyWhile` in a method, its promise left alone or caught. */
class Blocking extends StatefulActor<unknown> {
  readonly built = ++built;
  leave(outcome: "puts" | "throws") {
    void this.ctx.blockConcurrencyWhile(async () => {
      await opened;
      if (outcome === "throws") throw new Error("the init failed");
      await this.ctx.storage.put("loaded", true);
    });
    return "returned";
  }
  async catch() {
    await this.ctx
      .blockConcurrencyWhile(() => {
        throw new Error("the init failed");
      })
      .catch(() => {});
    return "returned";
  }
  object() {
    return this.built;
  }
  async loaded() {
    return this.ctx.storage.get("loaded");
  }
  context() {
    leaked = this.ctx;
  }
}
let leaked: ActorContext | undefined;

/** Stuck in its constructor, as long as it is told to. */
class Stuck extends Blocking {
  constructor(...args: ConstructorParameters<typeof Blocking>) {
    super(...args);
    void this.ctx.blockConcurrencyWhile(async () => {
      await this.ctx.storage.put("loaded", true);
      await opened;
    });
  }
}

function gate() {
  let open = () => {};
  opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    opened = Promise.resolve();
    open();
  };
}

function start(deps: TestDeps, method: string, ...args: unknown[]) {
  const one = delivery(to, method, ...args);
  const running = runBatch(to, [one], { times: UNLIMITED, deps }).then((unfinished) => {
    expect(unfinished).toEqual([]);
    return deps.replies.outcome(one.envelope.id);
  });
  return { running, answered: () => deps.replies.texts.has(one.envelope.id) };
}

const call = (deps: TestDeps, method: string, ...args: unknown[]) => start(deps, method, ...args).running;
const failure = (name: string, message: string) => ({ ok: false, error: { name, message } });

describe("blockConcurrencyWhile in a method that does not await it", () => {
  test("I6: the turn waits for it, and what it writes commits with the turn", async () => {
    const deps = testDeps({ Blocking });
    const open = gate();
    const { running, answered } = start(deps, "leave", "puts");
    for (let hop = 0; hop < 5; hop++) await deps.clock.idle();
    expect(answered()).toBe(false);
    open();
    expect(await running).toEqual({ ok: true, result: '["returned"]' });
    expect(await call({ ...testDeps({ Blocking }), store: deps.store }, "loaded")).toMatchObject({
      result: "[true]",
    });
  });

  test.each([
    ["nobody looked at", "leave"],
    ["user code caught", "catch"],
  ])("I7: a failure that %s fails the call and drops the object", async (_, method) => {
    const deps = testDeps({ Blocking });
    built = 0;
    expect(await call(deps, "object")).toMatchObject({ result: "[1]" });
    expect(await call(deps, method, "throws")).toEqual(failure("ActorMethodError", "the init failed"));
    expect(await call(deps, "object")).toMatchObject({ result: "[2]" });
  });
});

test("blockConcurrencyWhile in the constructor: no method starts before it has ended, awaited or not", async () => {
  let loaded = "nothing";
  class Loading extends Blocking {
    readonly loading = this.ctx.blockConcurrencyWhile(async () => {
      await opened;
      loaded = "everything";
    });
    seen() {
      return loaded;
    }
  }
  const deps = testDeps({ Blocking: Loading });
  const open = gate();
  const { running, answered } = start(deps, "seen");
  for (let hop = 0; hop < 5; hop++) await deps.clock.idle();
  expect(answered()).toBe(false);
  open();
  expect(await running).toEqual({ ok: true, result: '["everything"]' });
});

test("I8: over its budget it fails the call, commits nothing, and the next call starts with a fresh object", async () => {
  const deps = testDeps({ Blocking: Stuck });
  built = 0;
  const open = gate();
  const { running, answered } = start(deps, "object");
  await deps.clock.advance(29_999);
  expect(answered()).toBe(false);
  await deps.clock.advance(1);
  expect(await running).toEqual(
    failure(
      "BlockConcurrencyTimeoutError",
      "blockConcurrencyWhile of Blocking did not settle within 30000 ms; nothing was committed",
    ),
  );
  expect((await deps.store.hydrate(to))?.inline.size).toBe(0);
  open();
  expect(await call(deps, "object")).toMatchObject({ result: "[2]" });
  expect((await deps.store.hydrate(to))?.inline.get("loaded")).toBe("[true]");
});

describe("blockConcurrencyWhile is refused", () => {
  const refused = {
    name: "StorageScopeError",
    message: 'blockConcurrencyWhile of Blocking "one" was used outside of its turns',
  };
  let ran = false;
  const block = () =>
    leaked?.blockConcurrencyWhile(() => {
      ran = true;
    });

  test("outside of any turn", async () => {
    await call(testDeps({ Blocking }), "context");
    await expect(block()).rejects.toMatchObject(refused);
    expect(ran).toBe(false);
  });

  test("after its turn has ended", async () => {
    const open = gate();
    let late: Promise<unknown> = Promise.resolve();
    class Late extends Blocking {
      later() {
        leaked = this.ctx;
        late = opened.then(block).catch((error: unknown) => error);
      }
    }
    await call(testDeps({ Blocking: Late }), "later");
    open();
    expect(await late).toMatchObject(refused);
    expect(ran).toBe(false);
  });

  test("in a turn of another instance", async () => {
    class Borrower extends StatefulActor<unknown> {
      borrow() {
        return block();
      }
    }
    const deps = testDeps({ Blocking, Borrower });
    await call(deps, "context");
    const other = { type: "Borrower", name: "two" };
    const one = delivery(other, "borrow");
    await runBatch(other, [one], { times: UNLIMITED, deps });
    expect(deps.replies.outcome(one.envelope.id)).toMatchObject({ ok: false, error: refused });
    expect(ran).toBe(false);
  });
});
