import { describe, expect, test } from "vitest";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { isKept } from "../../../runtime/core/envelope-id.ts";
import { createNamespace } from "../../../runtime/core/namespace.ts";
import { type ActorNamespace, type ActorStub, StatefulActor } from "../../../runtime/index.ts";
import type { Delivery, Envelope, Mailbox } from "../../../runtime/ports/mailbox.ts";
import type { Commit } from "../../../runtime/ports/store.ts";
import { delivery, redelivered, testDeps, UNLIMITED } from "./fixtures.ts";

class Log extends StatefulActor<unknown> {
  async write(_line: string) {}
}

class Writer extends StatefulActor<{ LOG: ActorNamespace<Log> }> {
  async note(...lines: string[]) {
    const log = this.env.LOG.idFromName("log");
    for (const line of lines) await log.send.write(line);
    await this.ctx.storage.put("noted", lines.length);
  }
  async noteThenThrow(...lines: string[]) {
    await this.note(...lines);
    throw new Error("thrown on purpose");
  }
  async noteInFailedTransaction() {
    await this.note("a");
    await this.ctx.storage.transaction(() => Promise.reject(new Error("no"))).catch(() => {});
  }
  async work(body: string) {
    const log = this.env.LOG.idFromName("log");
    return bodies[body]?.(log);
  }
  async later(line: string) {
    await this.env.LOG.idFromName("log").with({ delayMs: 5_000 }).send.write(line);
  }
  async clear() {
    await this.note("before");
    await this.ctx.storage.deleteAll();
  }
}
const bodies: Record<string, (log: ActorStub<Log>) => unknown> = {};

const writer = { type: "Writer", name: "one" };

/** A writer whose messages go to `mailbox`. */
function start() {
  const env: Record<string, unknown> = {};
  const deps = testDeps({ Writer, Log }, env);
  const commits: Commit[] = [];
  const arrived: Envelope[] = [];
  const mailbox: Mailbox = { send: async (envelope) => void arrived.push(envelope) };
  const store = {
    ...deps.store,
    commit: async (commit: Commit) => {
      commits.push(commit);
      return deps.store.commit(commit);
    },
  };
  const route = { mailbox: { send: (envelope: Envelope) => mailbox.send(envelope) }, replies: deps.replies };
  let ids = 0;
  const caller = createCaller({
    ...deps,
    routeTo: () => route,
    ids: { next: () => `id-${++ids}` },
    callWaitMs: 1000,
  });
  env.LOG = createNamespace("Log", { caller, ids: { next: () => "unused" } });
  const own = { ...deps, store, mailbox: route.mailbox };
  return {
    ...own,
    mailbox,
    commits,
    arrived,
    lines: () => arrived.map(({ call }) => JSON.parse(call.args)[1]),
    run: (deliveries: Delivery[], more: Partial<typeof own> = {}) =>
      runBatch(writer, deliveries, { times: UNLIMITED, deps: { ...own, ...more } }),
    outbox: async () => (await deps.store.hydrate(writer))?.outbox ?? [],
  };
}

describe("I12: one-way messages of a turn leave with its commit, each once", () => {
  test("in order, after the commit, and the outbox is empty then", async () => {
    const system = start();
    const outboxes: number[] = [];
    const { send } = system.mailbox;
    system.mailbox.send = async (envelope) => {
      outboxes.push((await system.outbox()).length);
      await send(envelope);
    };
    expect(await system.run([delivery(writer, "note", "a", "b", "c")])).toEqual([]);
    expect(system.lines()).toEqual(["a", "b", "c"]);
    expect(outboxes).toEqual([3, 3, 3]);
    expect(await system.outbox()).toEqual([]);
    expect(system.commits.length).toBe(2);
    for (const each of system.arrived) {
      expect(each).toMatchObject({ awaited: false, chain: [], attempt: expect.any(String) });
      expect(isKept(each.id)).toBe(true);
    }
  });

  test("none of a turn that throws", async () => {
    const system = start();
    expect(await system.run([delivery(writer, "noteThenThrow", "a", "b", "c")])).toEqual([]);
    expect(system.arrived).toEqual([]);
    expect(await system.outbox()).toEqual([]);
  });

  test("none of a turn whose transaction threw, though its other writes commit", async () => {
    const system = start();
    await system.run([delivery(writer, "noteInFailedTransaction")]);
    expect(system.arrived).toEqual([]);
    expect((await system.store.hydrate(writer))?.inline.get("noted")).toBe("[1]");
  });

  test("none of a turn whose commit was lost; the turn that runs again sends them", async () => {
    const system = start();
    let lost = false;
    const store = {
      ...system.store,
      commit: async (commit: Commit) => {
        if (lost) return system.store.commit(commit);
        lost = true;
        throw new Error("lost");
      },
    };
    expect(await system.run([delivery(writer, "note", "a")], { store })).toEqual([]);
    expect(system.lines()).toEqual(["a"]);
  });

  test("a worker that dies after the commit: whoever comes next sends the same messages", async () => {
    const system = start();
    const one = delivery(writer, "note", "a", "b");
    const { send } = system.mailbox;
    system.mailbox.send = async (envelope) => {
      if (system.arrived.length > 0) throw new Error("dead");
      await send(envelope);
    };
    expect(await system.run([one])).toEqual([one]);
    expect(system.lines()).toEqual(["a"]);
    expect((await system.outbox()).length).toBe(2);
    system.mailbox.send = send;
    expect(await system.run([redelivered(one)], { activations: new Activations(1) })).toEqual([]);
    expect(system.lines()).toEqual(["a", "a", "b"]);
    const [first, second] = system.arrived;
    expect(second).toEqual(first);
    expect(await system.outbox()).toEqual([]);
  });

  test("an empty batch sends what an instance owes", async () => {
    const system = start();
    const { send } = system.mailbox;
    system.mailbox.send = () => Promise.reject(new Error("down"));
    await system.run([delivery(writer, "note", "a")]);
    system.mailbox.send = send;
    expect(await system.run([], { activations: new Activations(1) })).toEqual([]);
    expect(system.lines()).toEqual(["a"]);
    expect(await system.outbox()).toEqual([]);
  });

  test("a delivery is not finished before its messages have left, even when it is answered", async () => {
    const system = start();
    system.mailbox.send = () => Promise.reject(new Error("down"));
    const one = delivery(writer, "note", "a");
    expect(await system.run([one])).toEqual([one]);
    expect(system.replies.outcome(one.envelope.id)).toMatchObject({ ok: true });
  });

  test("deleteAll keeps the messages of its own and of earlier turns", async () => {
    const system = start();
    await system.run([
      delivery(writer, "note", "a"),
      delivery(writer, "clear"),
      delivery(writer, "note", "b"),
    ]);
    expect(system.lines()).toEqual(["a", "before", "b"]);
  });

  test("a slow receiver holds up no other receiver, and its own messages stay in order", async () => {
    const system = start();
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    bodies.two = async (log) => {
      await log.send.write("slow 1");
      await (system.env as { LOG: ActorNamespace<Log> }).LOG.idFromName("other").send.write("quick");
      await log.send.write("slow 2");
    };
    const { send } = system.mailbox;
    system.mailbox.send = async (envelope) => {
      if (envelope.to.name === "log") await opened;
      await send(envelope);
    };
    const running = system.run([delivery(writer, "work", "two")]);
    await expect.poll(() => system.lines()).toEqual(["quick"]);
    open();
    expect(await running).toEqual([]);
    expect(system.lines()).toEqual(["quick", "slow 1", "slow 2"]);
  });

  test("a delay becomes the time before which the message is not delivered", async () => {
    const system = start();
    await system.run([delivery(writer, "later", "x")]);
    expect(system.arrived[0]?.due).toBe(system.clock.now() + 5_000);
  });

  test.each<[string, (log: ActorStub<Log>) => unknown, string]>([
    [
      "an unknown method",
      (log) => (log as unknown as { send: { nope(): void } }).send.nope(),
      "nope is not a method",
    ],
    [
      "an argument that can't travel",
      (log) => log.send.write((() => {}) as unknown as string),
      "can't be encoded",
    ],
    [
      "over 100 messages",
      (log) => Promise.all(Array.from({ length: 101 }, () => log.send.write("x"))),
      "number 101",
    ],
    [
      "over 128 KiB",
      (log) => Promise.all([log.send.write("x".repeat(70_000)), log.send.write("x".repeat(70_000))]),
      "131072",
    ],
  ])("%s fails the turn, and nothing leaves", async (_, body, message) => {
    const system = start();
    bodies.bad = async (log) => {
      await log.send.write("first");
      await body(log);
    };
    const one = delivery(writer, "work", "bad");
    await system.run([one]);
    expect(system.replies.outcome(one.envelope.id)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining(message) },
    });
    expect(system.arrived).toEqual([]);
  });

  test("a message that nobody awaited fails the turn all the same", async () => {
    const system = start();
    bodies.bad = (log) => {
      log.send.write("first");
      log.send.write((() => {}) as unknown as string);
    };
    const one = delivery(writer, "work", "bad");
    await system.run([one]);
    expect(system.replies.outcome(one.envelope.id)).toMatchObject({
      error: { name: "ActorOutputGateError" },
    });
    expect(system.arrived).toEqual([]);
  });

  test("stray code of a turn that has ended sends nothing", async () => {
    const system = start();
    let stray: Promise<unknown> = Promise.resolve();
    bodies.stray = (log) => {
      stray = new Promise((resolve) =>
        setImmediate(() => resolve(log.send.write("late").catch((error) => error))),
      );
    };
    await system.run([delivery(writer, "work", "stray")]);
    expect(await stray).toMatchObject({ name: "StorageScopeError" });
    expect(system.arrived).toEqual([]);
  });

  test("an actor may send to itself", async () => {
    const system = start();
    bodies.self = () => (system.env as { LOG: ActorNamespace<Log> }).LOG.idFromName("one").send.write("me");
    const one = delivery({ type: "Writer", name: "one" }, "work", "self");
    await system.run([one]);
    expect(system.arrived.length).toBe(1);
  });
});
