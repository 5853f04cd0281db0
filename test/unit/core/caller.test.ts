import { describe, expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { bindActors } from "../../../runtime/core/bindings.ts";
import type { CallOptions } from "../../../runtime/core/call-options.ts";
import { methodRequest } from "../../../runtime/core/call-request.ts";
import { type CallerDeps, createCaller, onlyRoute } from "../../../runtime/core/caller.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { ActorNameError } from "../../../runtime/core/errors.ts";
import { type ActorNamespace, createNamespace } from "../../../runtime/core/namespace.ts";
import { encodeOutcome, failed, type Outcome, resultOf, succeeded } from "../../../runtime/core/outcome.ts";
import { currentRequest, RequestContext } from "../../../runtime/core/request-context.ts";
import {
  ActorCallTimeoutError,
  ActorMethodError,
  type ActorStorage,
  StatefulActor,
} from "../../../runtime/index.ts";
import type { ActorId, Envelope, Mailbox } from "../../../runtime/ports/mailbox.ts";
import { delivery, RecordedReplies, StepClock, testDeps, UNLIMITED } from "./fixtures.ts";

class Greeter extends StatefulActor<unknown> {
  async greet(name: string) {
    return `hello ${name}`;
  }
}

/** A caller whose envelopes are answered by `answer`, without a worker. */
function start(answer?: (envelope: Envelope) => Outcome | string | undefined) {
  const sent: Envelope[] = [];
  const replies = new RecordedReplies();
  const mailbox: Mailbox = {
    async send(envelope) {
      sent.push(envelope);
      const outcome = answer?.(envelope);
      if (outcome === undefined) return;
      await replies.write(
        envelope.id,
        typeof outcome === "string" ? outcome : encodeOutcome(outcome, envelope.fingerprint),
      );
    },
  };
  const route = { mailbox, replies };
  const deps: CallerDeps = {
    actors: new Map([["Greeter", Greeter]]),
    routeTo: onlyRoute(route, new Set(["Greeter"])),
    clock: new StepClock(),
    ids: { next: () => `id-${sent.length}` },
    callWaitMs: 28_000,
  };
  return { deps, sent, route, ...calling(deps) };
}

/** A caller, and a short way to call with it. */
function calling(deps: CallerDeps) {
  const caller = createCaller(deps);
  const call = async (to: ActorId, method: string, args: readonly unknown[], options: CallOptions = {}) =>
    resultOf(await caller.call(methodRequest(to, { method, args, options })), method);
  return { caller, call };
}

const one = { type: "Greeter", name: "one" };

describe("a call", () => {
  test("becomes an envelope, and its reply the result", async () => {
    const { call, sent, deps } = start(() => succeeded(new Map([[1, 2n]]), "greet"));
    expect(await call(one, "greet", ["you", undefined])).toEqual(new Map([[1, 2n]]));
    expect(sent).toEqual([
      {
        id: "id-0",
        to: one,
        attempt: undefined,
        call: { kind: "method", method: "greet", args: '[[1,-1],"you"]' },
        fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/),
        awaited: true,
        due: undefined,
        deadline: deps.clock.now() + 28_000,
        chain: [],
      },
    ]);
  });

  test("an error comes back by name, with what it means", async () => {
    const { call } = start(() => failed(new TypeError("oh no")));
    const error = await call(one, "greet", []).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActorMethodError);
    expect(error).toMatchObject({ name: "ActorMethodError", message: "oh no", effect: "failed" });
  });

  test("I25: a reply of a newer version is an unknown outcome that says what to update; under its key it stays what it is", async () => {
    const { call, route } = start(({ fingerprint }) => `${fingerprint}2+{"to":"come"}`);
    const asked = () => call(one, "greet", [], { idempotencyKey: "k" });
    for (let tries = 0; tries < 2; tries++) {
      await expect(asked()).rejects.toMatchObject({
        name: "ActorFormatError",
        effect: "unknown",
        message: expect.stringContaining("update stateful-actors here, then ask again under the same key"),
      });
    }
    expect([...route.replies.texts.values()]).toEqual([expect.stringMatching(/2\+\{"to":"come"\}$/)]);
  });

  test.each(["", "x", "[1]", "-5", '-{"name":"ActorMethodError"}', "-null", "-{"])(
    "a reply of %j can't be read",
    async (text) => {
      await expect(start(() => text).call(one, "greet", [])).rejects.toMatchObject({ name: "CodecError" });
    },
  );

  test("no reply in time is an unknown outcome that names its envelope", async () => {
    const { call } = start();
    await expect(call(one, "greet", [])).rejects.toMatchObject({
      name: "ActorCallTimeoutError",
      effect: "unknown",
      envelopeId: "id-0",
    });
  });

  test.each([
    ["an unknown method", "shout", [], "ActorUnknownMethodError"],
    ["a private method", "_greet", [], "ActorPrivateMethodError"],
    ["arguments that can't travel", "greet", [() => {}], "CodecError"],
    ["arguments over 1 MiB in fewer characters", "greet", ["é".repeat(600 * 1024)], "PayloadTooLargeError"],
    ["arguments over 1 MiB", "greet", ["x".repeat(1024 * 1024)], "PayloadTooLargeError"],
  ])("%s is refused before anything is sent", async (_, method, args, name) => {
    const { call, sent } = start();
    await expect(call(one, method, args)).rejects.toMatchObject({ name });
    expect(sent).toEqual([]);
  });

  test("never waits past the request that it serves", async () => {
    const { call, sent, deps } = start(() => succeeded(1, "greet"));
    await currentRequest.run(
      new RequestContext({ deadline: deps.clock.now() + 500, idempotencyKey: undefined }),
      () => call(one, "greet", []),
    );
    expect(sent[0]?.deadline).toBe(deps.clock.now() + 500);
  });

  test("from inside a turn waits until the turns before it are durable, and ends with the turn", async () => {
    const { call, sent } = start(() => succeeded("hello", "greet"));
    class Relay extends StatefulActor<unknown> {
      async note() {
        await this.ctx.storage.put("noted", true);
      }
      async relay() {
        return call(one, "greet", [await this.ctx.storage.get("noted")]);
      }
    }
    const deps = testDeps({ Relay });
    const relay = { type: "Relay", name: "one" };
    let versionWhenSent: number | undefined;
    const store = {
      ...deps.store,
      commit: async (commit: Parameters<typeof deps.store.commit>[0]) => {
        versionWhenSent = sent.length === 0 ? commit.head.version : undefined;
        return deps.store.commit(commit);
      },
    };
    const start2 = deps.clock.now();
    await runBatch(relay, [delivery(relay, "note"), delivery(relay, "relay")], {
      times: UNLIMITED,
      deps: { ...deps, store },
    });
    expect(versionWhenSent).toBe(1);
    expect(sent[0]).toMatchObject({ call: { args: "[[1],true]" }, deadline: start2 + 28_000 });
  });
});

describe("a call made by a method", () => {
  /** An instance whose method `work` calls what `work` is told to, through a mailbox that does `send`. */
  function caller(work: (greet: (name: string) => Promise<unknown>, storage: ActorStorage) => unknown) {
    const { deps, sent, route } = start();
    const reply = ({ id, fingerprint }: Envelope, outcome: string) =>
      route.replies.write(id, fingerprint + outcome);
    const mailbox = { ...route.mailbox };
    const { caller } = calling({ ...deps, routeTo: () => ({ ...route, mailbox }) });
    const calls = createNamespace("Greeter", { caller, ids: deps.ids });
    class Worker extends StatefulActor<unknown> {
      async work() {
        const greet = (name: string) => (calls.idFromName(name) as unknown as Greeter).greet(name);
        return work(greet, this.ctx.storage);
      }
    }
    const to = { type: "Worker", name: "one" };
    const turn = testDeps({ Worker });
    const one = delivery(to, "work");
    const run = async () => {
      expect(await runBatch(to, [one], { times: UNLIMITED, deps: turn })).toEqual([]);
      return turn.replies.outcome(one.envelope.id);
    };
    const stored = async () => [...((await turn.store.hydrate(to))?.inline.keys() ?? [])];
    return { run, sent, mailbox, reply, stored };
  }

  test("and refused fails the method; it does not make it look as if it had not run", async () => {
    const { run, sent, mailbox, reply } = caller(async (greet) => {
      await greet("bob");
      await greet("carol");
    });
    const { send } = mailbox;
    mailbox.send = async (envelope) => {
      await send(envelope);
      const refused = '-{"name":"ActorDeadlineError","message":"Greeter.greet was not run"}';
      await reply(envelope, envelope.to.name === "bob" ? "+[-1]" : refused);
    };
    const outcome = await run();
    expect(sent.map(({ to }) => to.name)).toEqual(["bob", "carol"]);
    expect(outcome).toEqual({
      ok: false,
      error: { name: "ActorMethodError", message: "Greeter.greet was not run" },
    });
  });

  test("and unknown fails the method too: its turn is rolled back, and can't be asked for by the other's id", async () => {
    const { run, stored } = caller(async (greet, storage) => {
      await storage.put("kept", true);
      await greet("bob");
    });
    expect(await run()).toEqual({
      ok: false,
      error: {
        name: "ActorMethodError",
        message: expect.stringContaining("Greeter.greet did not answer in time"),
      },
    });
    expect(await stored()).toEqual([]);
  });

  test("I6: and not awaited has left before its turn ends", async () => {
    const { run, mailbox, sent } = caller((greet) => {
      greet("log").catch(() => {});
      return "done";
    });
    let land = () => {};
    const landed = new Promise<void>((resolve) => {
      land = resolve;
    });
    const { send } = mailbox;
    mailbox.send = async (envelope) => {
      await landed;
      await send(envelope);
    };
    let over = false;
    const running = run().finally(() => {
      over = true;
    });
    for (let hop = 0; hop < 10; hop++) await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    land();
    expect(await running).toEqual({ ok: true, result: '["done"]' });
    expect(sent.length).toBe(1);
  });

  test("I6: what user code writes when a call that it did not await can't leave is part of the turn", async () => {
    const { run, mailbox, stored } = caller((greet, storage) => {
      // Each function in between takes a few microtasks to pass a failure on.
      const inner = async () => greet("log");
      const middle = async () => inner();
      const outer = async () => middle();
      outer().catch(() => storage.put("failed", true));
    });
    mailbox.send = () => Promise.reject(new Error("down"));
    expect(await run()).toMatchObject({ ok: true });
    expect(await stored()).toEqual(["failed"]);
  });
});

test.each(["sending", "waiting"])(
  "a call whose %s broke off is an unknown outcome that names its envelope and hides the cause",
  async (what) => {
    const { deps, route } = start();
    const denied = () =>
      Promise.reject(new Error("User: arn:aws:sts::123456789012:role/x is not authorized"));
    const mailbox = what === "sending" ? { send: denied } : route.mailbox;
    const replies = Object.assign(new RecordedReplies(), what === "waiting" && { wait: denied });
    const error = await calling({ ...deps, routeTo: () => ({ mailbox, replies }) })
      .call(one, "greet", [])
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActorCallTimeoutError);
    expect(error).toMatchObject({ effect: "unknown", envelopeId: "id-0" });
    expect(String(error)).not.toContain("arn:aws");
  },
);

test("a new unique id is a fresh instance, reached again by that id", async () => {
  const { caller, sent } = start(() => succeeded("hi", "greet"));
  const fresh = ["first", "second"];
  const namespace = createNamespace("Greeter", { caller, ids: { next: () => fresh.shift() ?? "" } });
  const [first, second] = [namespace.newUniqueId(), namespace.newUniqueId({ locationHint: "weur" })];
  expect([first.id, second.id]).toEqual(["first", "second"]);
  for (const stub of [second, namespace.idFromName(second.id)]) {
    expect(await (stub as unknown as Greeter).greet("you")).toBe("hi");
  }
  expect(sent.map(({ to }) => to)).toEqual([
    { type: "Greeter", name: "second" },
    { type: "Greeter", name: "second" },
  ]);
});

describe("I10: a call cycle fails at once, by name", () => {
  /** Every instance relays to the next name it is given; calls run as turns of their own, one inside the other. */
  class Relay extends StatefulActor<{ RELAY: ActorNamespace<Relay> }> {
    async pass(names: string[]): Promise<string> {
      const [next, ...rest] = names;
      return next === undefined ? this.ctx.id : this.env.RELAY.idFromName(next).pass(rest);
    }
    async tryPass(names: string[]): Promise<string> {
      return this.pass(names).catch((error: Error) => `${error.name}: ${error.message}`);
    }
  }
  const system = () => {
    const env: Record<string, unknown> = {};
    const deps = testDeps({ Relay }, env);
    const sent: Envelope[] = [];
    const mailbox: Mailbox = {
      async send(envelope) {
        sent.push(envelope);
        const one = { envelope, mark: undefined, suspect: false, receives: 1 };
        await runBatch(envelope.to, [one], { times: UNLIMITED, deps });
      },
    };
    const { call, caller } = calling({
      ...deps,
      routeTo: () => ({ mailbox, replies: deps.replies }),
      ids: { next: () => `e${sent.length}` },
      callWaitMs: 20_000,
    });
    env.RELAY = createNamespace("Relay", { caller, ids: { next: () => "unused" } });
    return {
      call: (name: string, ...args: unknown[]) => call({ type: "Relay", name }, "tryPass", args),
      sent,
    };
  };

  test.each([
    ["to itself", ["a"], "Relay/a → Relay/a"],
    ["over another", ["b", "a"], "Relay/a → Relay/b → Relay/a"],
  ])("%s", async (_, names, path) => {
    const { call, sent } = system();
    expect(await call("a", names)).toContain(`the call would wait for itself: ${path}`);
    expect(sent.length).toBe(names.length);
  });

  test("a long way round without meeting itself is no cycle", async () => {
    expect(await system().call("a", ["b", "c", "d", "e"])).toBe("e");
  });
});

test("a call from inside a turn never waits past the end of that turn", async () => {
  const { call, sent } = start(() => succeeded("hello", "greet"));
  class Relay extends StatefulActor<unknown> {
    relay() {
      return call(one, "greet", []);
    }
  }
  const deps = testDeps({ Relay });
  const relay = { type: "Relay", name: "one" };
  const hurried = delivery(relay, "relay");
  const deadline = deps.clock.now() + 10_000;
  await runBatch(relay, [{ ...hurried, envelope: { ...hurried.envelope, deadline } }], {
    times: UNLIMITED,
    deps,
  });
  expect(sent[0]?.deadline).toBe(deadline - 1000);
});

test("a binding reaches the instances of its type", async () => {
  const { caller, sent } = start(() => succeeded("hi", "greet"));
  const bound = { caller, ids: { next: () => "fresh" } };
  const env = bindActors([{ binding: "GREETERS", type: "Greeter" }], bound) as unknown as {
    GREETERS: ActorNamespace<Greeter>;
  };
  expect(await env.GREETERS.idFromName("two").greet("you")).toBe("hi");
  expect(sent[0]?.to).toEqual({ type: "Greeter", name: "two" });
});

test("a call with the key of a one-way message is refused: there is no result to give", async () => {
  const { caller, call, sent, route } = start();
  const { send } = route.mailbox;
  route.mailbox.send = async (envelope) => {
    await send(envelope);
    await route.replies.write(
      envelope.id,
      encodeOutcome(succeeded(undefined, "greet"), envelope.fingerprint),
    );
  };
  const options = { idempotencyKey: "one" };
  await caller.send(() => methodRequest(one, { method: "greet", args: ["you"], options }));
  await expect(call(one, "greet", ["you"], options)).rejects.toMatchObject({ name: "ActorIdempotencyError" });
  expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
});

describe("a stub", () => {
  const { caller, sent } = start(() => succeeded("hi", "greet"));
  const namespace = createNamespace("Greeter", { caller, ids: { next: () => "fresh" } });
  const stub = namespace.idFromName("one") as unknown as Record<string, unknown>;

  test("calls methods and knows its name", async () => {
    expect(stub.id).toBe("one");
    expect(await (stub.greet as (name: string) => Promise<unknown>)("you")).toBe("hi");
    expect(sent.length).toBe(1);
  });

  test("is refused for what can't name an instance", () => {
    for (const name of ["", "x".repeat(1025), 7 as unknown as string]) {
      expect(() => namespace.idFromName(name)).toThrow(ActorNameError);
    }
  });

  test("can be shown and compared without a call", async () => {
    expect([`${stub}`, `${stub.send}`.includes("=>"), [stub, stub].sort().length]).toEqual([
      "Greeter/one",
      true,
      2,
    ]);
    expect(sent.length).toBe(1);
  });

  test("can't be sent or stored: it is no plain value", () => {
    expect(() => encode({ to: stub }, "the arguments")).toThrow(
      "the arguments can't be encoded at $.to: an instance of Stub; store a plain object instead",
    );
  });

  test("looks like nothing but a stub", async () => {
    expect(stub.then).toBeUndefined();
    expect(stub.toJSON).toBeUndefined();
    expect(stub.constructor).toBeUndefined();
    expect((stub as Record<symbol, unknown>)[Symbol.iterator]).toBeUndefined();
    expect(await stub).toBe(stub);
    expect(JSON.stringify(stub)).toBe('{"id":"one"}');
    expect(String(Object.prototype.toString.call(stub))).toBe("[object Object]");
    expect(sent.length).toBe(1);
  });
});
