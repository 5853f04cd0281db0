import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { ENVELOPE_TYPE, OUTCOME_TYPE } from "../../../runtime/adapters/http/envelope-protocol.ts";
import { createHttpRoute, type HeaderTexts } from "../../../runtime/adapters/http/http-route.ts";
import { systemClock } from "../../../runtime/adapters/system/clock.ts";
import { methodRequest } from "../../../runtime/core/call-request.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { decodeEnvelope } from "../../../runtime/core/envelope.ts";
import { encodeOutcome, resultOf, succeeded } from "../../../runtime/core/outcome.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

interface Received {
  readonly path: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A server on loopback that answers as told, and remembers what it got. */
async function serve(answer: (response: ServerResponse, received: Received) => void) {
  const got: Received[] = [];
  const server = createServer(async (request, response) => {
    const received = { path: request.url, headers: request.headers, body: await text(request) };
    got.push(received);
    answer(response, received);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got };
}

const to = { type: "Greeter", name: "one" };

function connected(url: string, headers: () => HeaderTexts | Promise<HeaderTexts> = () => ({})) {
  let made = 0;
  const caller = createCaller({
    actors: new Map(),
    routeTo: () => route,
    clock: systemClock,
    ids: { next: () => `id-${++made}` },
    callWaitMs: 20_000,
  });
  const route = createHttpRoute({ url, headers, clock: systemClock });
  const request = () => methodRequest(to, { method: "greet", args: ["you"], options: {} });
  return {
    call: async () => resultOf(await caller.call(request()), "greet"),
    send: () => caller.send(request),
  };
}

function giveResult(response: ServerResponse, { body }: Received): void {
  const outcome = encodeOutcome(succeeded("hello", "greet"), decodeEnvelope(body).fingerprint);
  response.writeHead(200, { "content-type": OUTCOME_TYPE }).end(outcome);
}

function giveError(response: ServerResponse, status: number, name: string): void {
  const error = { name, message: `the reason for ${name}` };
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error }));
}

test("an envelope goes there, and its outcome comes back", async () => {
  const { url, got } = await serve(giveResult);
  expect(await connected(url, async () => ({ authorization: "Bearer a" })).call()).toBe("hello");
  expect(got).toHaveLength(1);
  expect(got[0]).toMatchObject({
    path: "/__actors/envelopes",
    headers: {
      "content-type": ENVELOPE_TYPE,
      authorization: "Bearer a",
      "actors-sent-at": expect.stringMatching(/^\d+$/),
    },
  });
  expect(decodeEnvelope(got[0]?.body ?? "")).toMatchObject({ to, awaited: true });
});

test("headers are asked for anew with every call", async () => {
  const { url, got } = await serve(giveResult);
  let token = 0;
  const { call } = connected(url, () => ({ authorization: `Bearer ${++token}` }));
  await call();
  await call();
  expect(got.map(({ headers }) => headers.authorization)).toEqual(["Bearer 1", "Bearer 2"]);
});

test.each<[string, () => HeaderTexts | Promise<HeaderTexts>]>([
  ["a function that throws", () => Promise.reject(new Error("no token"))],
  ["a text that is no header's", () => ({ authorization: "a\nb" })],
])("headers from %s: refused, and nothing is sent", async (_, headers) => {
  const { url, got } = await serve(giveResult);
  await expect(connected(url, headers).call()).rejects.toMatchObject({
    name: "ActorConnectionError",
    effect: "refused",
    message: expect.stringContaining("the headers given to connect"),
  });
  expect(got).toEqual([]);
});

test("a one-way message is answered with 202", async () => {
  const { url, got } = await serve((response) => response.writeHead(202).end());
  await expect(connected(url).send()).resolves.toBeUndefined();
  expect(decodeEnvelope(got[0]?.body ?? "").awaited).toBe(false);
});

describe("refused:", () => {
  test.each<[string, (response: ServerResponse) => void, string, RegExp]>([
    [
      "a refusal by name",
      (response) => giveError(response, 403, "ActorPrivateMethodError"),
      "ActorPrivateMethodError",
      /^the reason for/,
    ],
    [
      "a deadline that passed",
      (response) => giveError(response, 504, "ActorDeadlineError"),
      "ActorDeadlineError",
      /./,
    ],
    [
      "arguments that are too large there",
      (response) => giveError(response, 413, "PayloadTooLargeError"),
      "PayloadTooLargeError",
      /./,
    ],
    [
      "a refusal without a name of ours",
      (response) => giveError(response, 400, "BadRequestError"),
      "ActorConnectionError",
      /^the other side refused the call: the reason for/,
    ],
    ["401", (response) => response.writeHead(401).end(), "ActorConnectionError", /status 401; give connect/],
    ["403", (response) => response.writeHead(403).end("no"), "ActorConnectionError", /status 403; give/],
    ["404", (response) => response.writeHead(404).end("<p>no"), "ActorConnectionError", /httpCalls: true/],
    ["429", (response) => response.writeHead(429).end("{}"), "ActorConnectionError", /call again later/],
    ["200 of something else", (response) => response.end("<p>hi"), "ActorConnectionError", /answered 200/],
  ])("%s", async (_, answer, name, message) => {
    const { url } = await serve(answer);
    const refusal = { name, effect: "refused", message: expect.stringMatching(message) };
    await expect(connected(url).call()).rejects.toMatchObject(refusal);
    await expect(connected(url).send()).rejects.toMatchObject(refusal);
  });

  test("nobody listens", async () => {
    const { url } = await serve(giveResult);
    const [server] = servers.splice(0);
    server?.close();
    if (server) await once(server, "close");
    const refusal = {
      name: "ActorConnectionError",
      effect: "refused",
      message: expect.stringContaining(url),
    };
    await expect(connected(url).call()).rejects.toMatchObject(refusal);
    await expect(connected(url).send()).rejects.toMatchObject(refusal);
  });
});

describe("unknown:", () => {
  test.each<[string, (response: ServerResponse) => void]>([
    ["a gateway's 502", (response) => response.writeHead(502).end("<p>bad gateway")],
    [
      "a gateway's 503 in JSON",
      (response) => response.writeHead(503).end('{"message":"Service Unavailable"}'),
    ],
    ["a fault in the server", (response) => giveError(response, 500, "InternalError")],
    ["no answer in time there", (response) => giveError(response, 504, "ActorCallTimeoutError")],
    ["a connection that breaks", (response) => response.destroy()],
    [
      "an answer that breaks off",
      (response) => {
        response.writeHead(200, { "content-type": OUTCOME_TYPE, "content-length": "1000" });
        response.write("0123", () => response.destroy());
      },
    ],
  ])("%s", async (_, answer) => {
    const { url } = await serve(answer);
    const unknown = { name: "ActorCallTimeoutError", effect: "unknown" };
    await expect(connected(url).call()).rejects.toMatchObject({ ...unknown, envelopeId: "id-1" });
    await expect(connected(url).send()).rejects.toMatchObject({
      ...unknown,
      envelopeId: expect.stringMatching(/^=id-\d$/),
    });
  });

  test("a call that is answered as a message is has no outcome", async () => {
    const { url } = await serve((response) => response.writeHead(202).end());
    await expect(connected(url).call()).rejects.toMatchObject({ name: "ActorCallTimeoutError" });
  });
});

test("a server that is overloaded has refused the call: it is safe to ask again", async () => {
  const { url } = await serve((response) =>
    response
      .writeHead(503, { "content-type": "application/json", "retry-after": "1" })
      .end(JSON.stringify({ error: { name: "ActorOverloadedError", message: "full" } })),
  );
  await expect(connected(url).call()).rejects.toMatchObject({
    name: "ActorOverloadedError",
    effect: "refused",
    message: "full",
  });
});
