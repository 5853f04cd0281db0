import { describe, expect, test } from "vitest";
import { createFrontDoor } from "../../../handlers/front-door.ts";
import type { FetchHandler } from "../../../handlers/project-module.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { bindActors } from "../../../runtime/core/bindings.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { keyedId } from "../../../runtime/core/envelope-id.ts";
import { encodeOutcome, succeeded } from "../../../runtime/core/outcome.ts";
import type { Env } from "../../../runtime/core/stateful-actor.ts";
import { type ActorNamespace, StatefulActor } from "../../../runtime/index.ts";
import type { Envelope, Mailbox } from "../../../runtime/ports/mailbox.ts";
import { RecordedReplies, StepClock, testDeps, UNLIMITED } from "./fixtures.ts";

class Greeter extends StatefulActor {
  async greet(name: string) {
    return name;
  }
}
interface Bound {
  readonly GREETER: ActorNamespace<Greeter>;
}

/** The front door of a project with a fetch handler; what its handler calls is answered at once, or by `serve`. */
function start(work: (greeters: ActorNamespace<Greeter>) => unknown, serve?: Mailbox["send"]) {
  const sent: Envelope[] = [];
  const replies = new RecordedReplies();
  const clock = new StepClock();
  let made = 0;
  const ids = { next: () => `fresh-${++made}` };
  const mailbox: Mailbox = {
    async send(envelope) {
      sent.push(envelope);
      await serve?.(envelope);
      await replies.write(envelope.id, encodeOutcome(succeeded("hi", "greet"), envelope.fingerprint));
    },
  };
  const caller = createCaller({
    actors: new Map([["Greeter", Greeter]]),
    routeTo: () => ({ mailbox, replies }),
    clock,
    ids,
    callWaitMs: 28_000,
  });
  const env = bindActors([{ binding: "GREETER", type: "Greeter" }], { caller, ids });
  const handler: FetchHandler = async (_, given) => {
    await work((given as unknown as Bound).GREETER);
    return new Response("done");
  };
  const door = createFrontDoor({
    handler,
    env: env as Env,
    types: new Set(["Greeter"]),
    caller,
    envelopes: undefined,
    requestWaitMs: 28_000,
    clock,
    telemetry: { problem: () => {}, count: () => {} },
  });
  const request = async (key?: string) => {
    sent.length = 0;
    const headers = key === undefined ? {} : { "idempotency-key": key };
    const { status } = await door.fetch(new Request("http://door/x", { method: "POST", headers }));
    return { status, ids: sent.map(({ id }) => id) };
  };
  return { request, sent, env: env as unknown as Bound };
}

const a = { type: "Greeter", name: "a" };
const b = { type: "Greeter", name: "b" };

describe("a request with an idempotency key", () => {
  test("gives each of its calls a key: its own, and the number of the call to that instance", async () => {
    const { request, sent } = start(async (greeters) => {
      await greeters.idFromName("a").greet("x");
      await greeters.idFromName("b").greet("x");
      await greeters.idFromName("a").greet("x");
      await greeters.idFromName("b").send.greet("x");
    });
    const first = await request("key");
    expect(first).toEqual({
      status: 200,
      ids: [keyedId(a, "key\n1"), keyedId(b, "key\n1"), keyedId(a, "key\n2"), keyedId(b, "key\n2")],
    });
    const attempts = sent.map(({ attempt }) => attempt);
    expect(new Set(attempts).size).toBe(4);
    // The same request again: the same calls, each asked for in an attempt of its own.
    expect(await request("key")).toEqual(first);
    expect(sent.some(({ attempt }) => attempts.includes(attempt))).toBe(false);
    expect((await request("other")).ids.some((id) => first.ids.includes(id))).toBe(false);
  });

  test("leaves those alone that have a key or an envelope id", async () => {
    const { request } = start(async (greeters) => {
      const stub = greeters.idFromName("a");
      await stub.with({ idempotencyKey: "own" }).greet("x");
      await stub.with({ envelopeId: "again" }).greet("x");
      await stub.greet("x");
    });
    expect((await request("key")).ids).toEqual([keyedId(a, "own"), "again", keyedId(a, "key\n1")]);
  });

  test("gives none to what a turn calls, though it runs within the request", async () => {
    class Relay extends StatefulActor<Bound> {
      async relay() {
        await this.env.GREETER.idFromName("a").greet("x");
      }
    }
    const relay = { type: "Relay", name: "one" };
    const { request, sent, env } = start(async () => {
      const envelope: Envelope = {
        id: "id",
        attempt: undefined,
        to: relay,
        call: { kind: "method", method: "relay", args: "[[]]" },
        fingerprint: "0123456789ab",
        awaited: true,
        due: undefined,
        deadline: Number.MAX_SAFE_INTEGER,
        chain: [],
      };
      await runBatch(relay, [{ envelope, mark: undefined, suspect: false, receives: 1 }], {
        times: UNLIMITED,
        deps: testDeps({ Relay }, env),
      });
    });
    const { ids } = await request("key");
    expect(ids).toEqual([expect.stringMatching(/^fresh-/)]);
    expect(sent[0]?.attempt).toBeUndefined();
  });

  test.each(["", "x".repeat(256)])("that is no key is refused before the handler runs: %j", async (key) => {
    let ran = false;
    const { request } = start(() => {
      ran = true;
    });
    expect((await request(key)).status).toBe(400);
    expect(ran).toBe(false);
  });
});

test("without a key, each call has an id of its own", async () => {
  const { request, sent } = start((greeters) => greeters.idFromName("a").greet("x"));
  const [first] = (await request()).ids;
  expect((await request()).ids).not.toEqual([first]);
  expect(sent[0]?.attempt).toBeUndefined();
});
