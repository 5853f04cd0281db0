import { describe, expect, test } from "vitest";
import { createEnvelopeDoor } from "../../../handlers/envelope-door.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { methodRequest } from "../../../runtime/core/call-request.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { ActorOverloadedError, fromWireError, toWireError } from "../../../runtime/core/errors.ts";
import { type ActorStub, createNamespace } from "../../../runtime/core/namespace.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { delivery, type TestDeps, testDeps, UNLIMITED } from "./fixtures.ts";

class Log extends StatefulActor<unknown> {
  async write() {}
}

class Writer extends StatefulActor<{ LOG: { idFromName(name: string): ActorStub<Log> } }> {
  async tell() {
    await this.ctx.storage.put("told", true);
    await this.env.LOG.idFromName("log").send.write();
  }
  async tellIfItCan() {
    await this.ctx.storage.put("told", false);
    await this.env.LOG.idFromName("log")
      .send.write()
      .catch((error: Error) => this.ctx.storage.put("told", error.name));
  }
  async ask() {
    await this.env.LOG.idFromName("log").write();
  }
  async told() {
    return this.ctx.storage.get("told");
  }
}

const writer = { type: "Writer", name: "one" };
const log = { type: "Log", name: "log" };

/** A writer whose messages and calls go to a mailbox that may be full. */
function start() {
  const env: Record<string, unknown> = {};
  const deps: TestDeps = testDeps({ Writer, Log }, env);
  const asked: [method: string, inTurn: boolean][] = [];
  const sent: Envelope[] = [];
  const withdrawn: string[] = [];
  const state = { full: true };
  const mailbox = {
    admit: ({ call }: Envelope, { inTurn }: { inTurn: boolean }) => {
      asked.push([call.method, inTurn]);
      if (state.full) throw new ActorOverloadedError("full");
    },
    withdraw: ({ id }: Envelope) => void withdrawn.push(id),
    send: async (envelope: Envelope) => void sent.push(envelope),
  };
  let ids = 0;
  const routeTo = () => ({ mailbox, replies: deps.replies });
  const caller = createCaller({ ...deps, routeTo, ids: { next: () => `id-${++ids}` }, callWaitMs: 1000 });
  env.LOG = createNamespace("Log", { caller, ids: { next: () => "unused" } });
  const run = async (method: string) => {
    const each = delivery(writer, method);
    await runBatch(writer, [each], { times: UNLIMITED, deps: { ...deps, mailbox } });
    return deps.replies.outcome(each.envelope.id);
  };
  const request = () => methodRequest(log, { method: "write", args: [], options: {} });
  const door = createEnvelopeDoor({
    actors: deps.actors,
    routeTo,
    clock: deps.clock,
    requestWaitMs: 1000,
  });
  return { deps, caller, request, run, door, asked, sent, withdrawn, state };
}

describe("I18: a mailbox without room", () => {
  test("refuses a call and a message from outside, by name, and nothing is sent", async () => {
    const { caller, request, asked, sent } = start();
    await expect(caller.call(request())).rejects.toMatchObject({
      name: "ActorOverloadedError",
      effect: "refused",
    });
    await expect(caller.send(request)).rejects.toMatchObject({ name: "ActorOverloadedError" });
    expect(asked).toEqual([
      ["write", false],
      ["write", false],
    ]);
    expect(sent).toEqual([]);
  });

  test("refuses a message of a turn when it is sent, before anything commits: the turn may fail, or go on without it", async () => {
    const { run, sent, asked } = start();
    expect(await run("tell")).toMatchObject({
      ok: false,
      error: { name: "ActorMethodError", message: "full" },
    });
    expect(await run("told")).toMatchObject({ ok: true, result: "-1" });
    expect(await run("tellIfItCan")).toMatchObject({ ok: true });
    expect(await run("told")).toMatchObject({ ok: true, result: '["ActorOverloadedError"]' });
    expect(sent).toEqual([]);
    expect(asked).toEqual([
      ["write", true],
      ["write", true],
    ]);
  });

  test("is asked once: what has committed leaves whether or not there is room by then", async () => {
    const { run, sent, state, asked } = start();
    state.full = false;
    await run("tell");
    expect(sent).toHaveLength(1);
    expect(asked).toHaveLength(1);
  });

  test("a turn's call is told apart from one from outside", async () => {
    const { run, asked } = start();
    expect(await run("ask")).toMatchObject({ ok: false, error: { name: "ActorMethodError" } });
    expect(asked).toEqual([["write", true]]);
  });

  test("an envelope of another program is not preferred, whatever chain it names", async () => {
    const { deps, door, asked, sent } = start();
    const now = deps.clock.now();
    const { envelope } = delivery(log, "write");
    const text = encodeEnvelope({ ...envelope, deadline: now + 500, chain: ["Writer/one"] });
    await expect(door({ envelope: text, sentAt: now })).rejects.toBeInstanceOf(ActorOverloadedError);
    expect([asked, sent]).toEqual([[["write", false]], []]);
  });

  test("the refusal travels", () => {
    const error = fromWireError(toWireError(new ActorOverloadedError("full"), { exposeStacks: false }));
    expect(error).toMatchObject({ name: "ActorOverloadedError", effect: "refused", message: "full" });
  });
});

describe("a caller that is gone", () => {
  test("takes its call back", async () => {
    const { caller, request, withdrawn, state } = start();
    state.full = false;
    const gone = new AbortController();
    const calling = caller.call({ ...request(), signal: gone.signal }).catch((error: unknown) => error);
    await Promise.resolve();
    gone.abort(new Error("hung up"));
    expect(await calling).toMatchObject({ message: "hung up" });
    expect(withdrawn).toEqual(["id-1"]);
  });

  test("of another program too", async () => {
    const { deps, door, withdrawn, state } = start();
    state.full = false;
    const now = deps.clock.now();
    const { envelope } = delivery(log, "write");
    const gone = new AbortController();
    const text = encodeEnvelope({ ...envelope, deadline: now + 500 });
    const waiting = door({ envelope: text, sentAt: now, signal: gone.signal }).catch(
      (error: unknown) => error,
    );
    gone.abort(new Error("hung up"));
    expect(await waiting).toMatchObject({ message: "hung up" });
    expect(withdrawn).toEqual([envelope.id]);
  });
});

class Busy extends StatefulActor<unknown> {
  async work() {
    took();
  }
}
let took: () => void = () => {};

test("I19: turns that wait for nothing let the rest of the process run in between", async () => {
  const deps = testDeps({ Busy });
  let ms = 0;
  let turns = 0;
  const runs: number[] = [];
  const clock = Object.assign(Object.create(deps.clock), {
    now: () => 1_000_000 + ms,
    after: () => () => {},
    idle: async () => {
      runs.push(turns);
      await deps.clock.idle();
    },
  });
  took = () => {
    turns++;
    ms += 4;
  };
  const busy = { type: "Busy", name: "one" };
  const batch = Array.from({ length: 64 }, () => delivery(busy, "work"));
  expect(await runBatch(busy, batch, { times: UNLIMITED, deps: { ...deps, clock } })).toEqual([]);
  // Every 10 ms, and whatever the commits do besides.
  const stretches = [...runs, turns].map((each, index) => each - (runs[index - 1] ?? 0));
  expect(Math.max(...stretches)).toBeLessThanOrEqual(3);
  expect(turns).toBe(64);
});
