import { describe, expect, test } from "vitest";
import type { EnvelopeDoor, HandedIn } from "../../../handlers/envelope-door.ts";
import { createFrontDoor } from "../../../handlers/front-door.ts";
import type { FetchHandler } from "../../../handlers/project-module.ts";
import {
  ENVELOPE_TYPE,
  ENVELOPES_PATH,
  OUTCOME_TYPE,
} from "../../../runtime/adapters/http/envelope-protocol.ts";
import type { CallRequest } from "../../../runtime/core/call-request.ts";
import { EnvelopeError } from "../../../runtime/core/envelope.ts";
import { ActorCallTimeoutError, ActorNameError } from "../../../runtime/core/errors.ts";
import { succeeded } from "../../../runtime/core/outcome.ts";
import type { Env } from "../../../runtime/core/stateful-actor.ts";
import { StepClock } from "../core/fixtures.ts";

function start({ envelopes, handler }: { envelopes?: EnvelopeDoor; handler?: FetchHandler } = {}) {
  const called: CallRequest[] = [];
  const sent: CallRequest[] = [];
  const door = createFrontDoor({
    handler,
    env: {} as Env,
    types: new Set(["Account"]),
    caller: {
      call: async (request) => {
        called.push(request);
        return succeeded(5, "deposit");
      },
      send: async (make) => void sent.push(make()),
    },
    envelopes,
    requestWaitMs: 28_000,
    clock: new StepClock(),
    telemetry: { problem: () => {}, count: () => {} },
  });
  const post = async (path: string, headers: Record<string, string> = {}, body = "[1]") =>
    door.fetch(new Request(`http://door${path}`, { method: "POST", headers, body }));
  return { post, called, sent };
}

describe("the envelopes' path", () => {
  const right = { "content-type": ENVELOPE_TYPE, "actors-sent-at": "1000" };

  test("hands in the body and the sender's time, and answers with the outcome", async () => {
    const handedIn: HandedIn[] = [];
    const envelopes: EnvelopeDoor = async (given) => {
      handedIn.push(given);
      return "outcome text";
    };
    const response = await start({ envelopes }).post(ENVELOPES_PATH, right, "é");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, OUTCOME_TYPE]);
    expect(await response.text()).toBe("outcome text");
    expect(handedIn).toEqual([{ envelope: "é", sentAt: 1000, signal: expect.any(AbortSignal) }]);
  });

  test("answers a one-way message with 202 and nothing", async () => {
    const response = await start({ envelopes: async () => undefined }).post(ENVELOPES_PATH, right);
    expect([response.status, await response.text()]).toEqual([202, ""]);
  });

  test.each<[string, Record<string, string>]>([
    ["no type", { "actors-sent-at": "1000" }],
    ["a type that any page may send", { ...right, "content-type": "text/plain" }],
    ["JSON", { ...right, "content-type": "application/json" }],
    ["no time", { "content-type": ENVELOPE_TYPE }],
    ["a time that is none", { ...right, "actors-sent-at": "now" }],
  ])("refuses %s", async (_, headers) => {
    const envelopes: EnvelopeDoor = () => Promise.reject(new Error("must not be asked"));
    const response = await start({ envelopes }).post(ENVELOPES_PATH, headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { name: "BadRequestError", message: "this path takes envelopes of stateful-actors/client" },
    });
  });

  test.each<[Error, number, object]>([
    [new EnvelopeError("no envelope"), 400, { name: "BadRequestError", message: "no envelope" }],
    [new ActorNameError("no name"), 400, { name: "ActorNameError", message: "no name" }],
    [
      new ActorCallTimeoutError("too late", { envelopeId: "id-1" }),
      504,
      { name: "ActorCallTimeoutError", message: "too late", envelope: "id-1" },
    ],
    [
      new Error("arn:aws:sqs"),
      500,
      { name: "InternalError", message: "the request failed inside the server; its log says why" },
    ],
  ])("answers %s", async (error, status, shown) => {
    const response = await start({ envelopes: () => Promise.reject(error) }).post(ENVELOPES_PATH, right);
    expect([response.status, await response.json()]).toEqual([status, { error: shown }]);
  });

  test("is none where envelopes must not come in: the RPC door's 404, or the project's own", async () => {
    expect((await start().post(ENVELOPES_PATH, right)).status).toBe(404);
    const handler: FetchHandler = async () => new Response("mine", { status: 418 });
    expect(await (await start({ handler }).post(ENVELOPES_PATH, right)).text()).toBe("mine");
  });

  test("comes before the project's own handler where they may", async () => {
    const handler: FetchHandler = async () => new Response("mine");
    const { post } = start({ handler, envelopes: async () => "outcome" });
    expect(await (await post(ENVELOPES_PATH, right)).text()).toBe("outcome");
    expect(await (await post("/else", right)).text()).toBe("mine");
  });
});

describe("a header of the RPC door", () => {
  const path = "/Account/a/deposit";

  test.each<[string, string, object]>([
    ["Idempotency-Key", "key", { idempotencyKey: "key" }],
    ["Envelope-Id", "=id", { envelopeId: "=id" }],
  ])("%s names the call", async (name, value, options) => {
    const { post, called } = start();
    const response = await post(path, { [name]: value });
    expect([response.status, await response.json()]).toEqual([200, 5]);
    expect(called.map((request) => request.options)).toEqual([options]);
  });

  test.each<Record<string, string>>([
    { "Idempotency-Key": "k".repeat(256) },
    { "Envelope-Id": "a b" },
    { "Idempotency-Key": "key", "Envelope-Id": "id" },
  ])("that breaks its rule is refused: %j", async (headers) => {
    const { post, called } = start();
    const response = await post(path, headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { name: "ActorCallOptionError" } });
    expect(called).toEqual([]);
  });

  test.each(["respond-async", "wait=10, Respond-Async", "respond-async; foo=1, wait=10"])(
    "Prefer: %s makes it a message, answered when that is durable",
    async (prefer) => {
      const { post, called, sent } = start();
      const response = await post(path, { prefer, "idempotency-key": "key" });
      expect([response.status, await response.text()]).toEqual([202, ""]);
      expect(response.headers.get("preference-applied")).toBe("respond-async");
      expect(called).toEqual([]);
      expect(sent).toMatchObject([
        {
          to: { type: "Account", name: "a" },
          call: { method: "deposit" },
          options: { idempotencyKey: "key" },
        },
      ]);
    },
  );

  test.each(["return=minimal", "xrespond-async", "respond-asynchronous"])(
    "Prefer: %s does not",
    async (prefer) => {
      const { post, sent } = start();
      expect((await post(path, { prefer })).status).toBe(200);
      expect(sent).toEqual([]);
    },
  );
});
