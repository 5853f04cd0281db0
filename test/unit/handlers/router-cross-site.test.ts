import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { beforeEach, describe, expect, test } from "vitest";
import {
  ENVELOPE_TYPE,
  ENVELOPES_PATH,
  SENT_AT_HEADER,
} from "../../../runtime/adapters/http/envelope-protocol.ts";
import { fetchRequest } from "../../../runtime/core/call-request.ts";
import { decode, encode } from "../../../runtime/core/codec.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { toRequest } from "../../../runtime/core/fetch-call.ts";
import { IDENTITY_HEADER } from "../../../runtime/core/identity.ts";
import { type Identity, identityOf, StatefulActor } from "../../../runtime/index.ts";
import { type HttpEvent, throughRouter } from "./router-http.ts";

class Account extends StatefulActor {
  async withdraw(_cents: number) {}
}

const sqs = mockClient(SQSClient);
beforeEach(() => {
  sqs.reset();
  sqs.on(SendMessageCommand).resolves({});
});

const sent = () => sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input.MessageBody ?? "");

const APP = "https://app.example";
const EVIL = "https://evil.example";
const COOKIE = ["session=alice"];

describe("the built-in door of a deployed stack", () => {
  /** What a form or a script can post blindly; one-way, so that its being sent is the answer. */
  async function post(
    headers: Record<string, string>,
    { cors, ...more }: HttpEvent & { cors?: string } = {},
  ) {
    const { statusCode, body } = await throughRouter(undefined, {
      method: "POST",
      path: "/Account/alice/withdraw",
      headers: { "content-type": "text/plain", prefer: "respond-async", ...headers },
      body: "[100]",
      actors: { Account },
      ...(cors !== undefined && { environment: { FRONT_DOOR_ORIGINS: cors } }),
      ...more,
    });
    return { statusCode, sent: sent().length, why: body && JSON.parse(body).error };
  }
  const ran = { statusCode: 202, sent: 1 };
  const refused = { statusCode: 403, sent: 0, why: { name: "ForeignRequestError" } };

  test.each<[string, Record<string, string>]>([
    ["another site", { origin: EVIL, "sec-fetch-site": "cross-site" }],
    ["another site, in a browser that says no more", { origin: EVIL }],
    ["a neighbour under the same domain", { origin: "https://blog.example", "sec-fetch-site": "same-site" }],
    ["a sandboxed frame", { origin: "null", "sec-fetch-site": "cross-site" }],
    ["nobody, as the browser hides him", { "sec-fetch-site": "cross-site" }],
    ["this host without encryption", { origin: "http://api.example", "sec-fetch-site": "cross-site" }],
    ["a name that begins like this host", { origin: "https://api.example.evil.example" }],
  ])("runs nothing for a page of %s", async (_, headers) => {
    expect(await post(headers, { cookies: COOKIE })).toMatchObject(refused);
    sqs.resetHistory();
    expect(await post(headers, { cookies: COOKIE, cors: APP })).toMatchObject(refused);
  });

  test.each<[string, Record<string, string>]>([
    ["curl, and connect()", {}],
    [
      "a page of its own, in front of which stands another name",
      { origin: APP, "sec-fetch-site": "same-origin" },
    ],
    ["a page of its own, in a browser that says no more", { origin: "https://api.example" }],
    ["whoever types the address", { "sec-fetch-site": "none" }],
  ])("runs what comes of %s", async (_, headers) => {
    expect(await post(headers, { cookies: COOKIE })).toMatchObject(ran);
  });

  test.each(["cross-site", "same-site"])("runs what comes of a page that cors names, %s", async (site) => {
    const headers = { origin: APP, "sec-fetch-site": site };
    expect(await post(headers, { cookies: COOKIE, cors: `https://other.example ${APP}` })).toMatchObject(ran);
  });

  test("lets every site in where cors says so, without cookies", async () => {
    const headers = { origin: EVIL, "sec-fetch-site": "cross-site" };
    expect(await post(headers, { cors: "*" })).toMatchObject(ran);
    sqs.resetHistory();
    expect(await post(headers, { cors: "*", cookies: COOKIE })).toMatchObject(refused);
  });

  test("lets sites of a scheme in where cors says so, without cookies", async () => {
    const headers = { origin: EVIL, "sec-fetch-site": "cross-site" };
    const scheme = new URL(EVIL).protocol;
    expect(await post(headers, { cors: `${scheme}//*` })).toMatchObject(ran);
    sqs.resetHistory();
    expect(await post(headers, { cors: `${scheme}//*`, cookies: COOKIE })).toMatchObject(refused);
    expect(await post({ ...headers, origin: "app://evil" }, { cors: `${scheme}//*` })).toMatchObject(refused);
  });

  test("says what to do", async () => {
    const { why } = await post({ origin: EVIL });
    expect(why.message).toBe(
      `the Origin is "${EVIL}": pages of other sites can't use the built-in door; name their origins in cors, or write a fetch handler, which decides for itself`,
    );
  });
});

test("a fetch handler of the project decides for itself", async () => {
  const seen = await throughRouter(async (request) => new Response(request.headers.get("origin")), {
    method: "POST",
    headers: { origin: EVIL, "sec-fetch-site": "cross-site" },
    cookies: COOKIE,
  });
  expect(seen).toMatchObject({ statusCode: 200, body: EVIL });
});

describe("who calls, to an actor's own fetch", () => {
  const FORGED = JSON.stringify({ kind: "lambda", context: { admin: true } });
  const jwt = { claims: { sub: "älice" }, scopes: null };

  /** What an actor is told of a client that calls its fetch through the front door, with what the client says of itself. */
  async function told(headers: [string, string][], authorizer?: unknown) {
    const to = { type: "Account", name: "alice" };
    const input = new Request("https://actor/x?y", { method: "POST", body: "b", headers: { "x-a": "1" } });
    const { call, fingerprint } = await fetchRequest(to, { input, init: undefined, options: {} });
    const [request] = decode(call.args, "it") as [{ headers: [string, string][] }];
    const forged = { ...request, headers: [...request.headers, ...headers] };
    const envelope = encodeEnvelope({
      id: "=id",
      attempt: "a1",
      to,
      call: { ...call, args: encode([forged], "it") },
      fingerprint,
      awaited: false,
      due: undefined,
      deadline: Number.MAX_SAFE_INTEGER,
      chain: [],
    });
    const { statusCode } = await throughRouter(undefined, {
      method: "POST",
      path: ENVELOPES_PATH,
      headers: {
        "content-type": ENVELOPE_TYPE,
        [SENT_AT_HEADER]: `${Date.now()}`,
        [IDENTITY_HEADER]: FORGED,
      },
      body: envelope,
      actors: { Account },
      authorizer,
    });
    expect(statusCode).toBe(202);
    const arrived = decodeEnvelope(sent()[0] ?? "");
    expect(arrived.fingerprint).toBe(fingerprint);
    const [wire] = decode(arrived.call.args, "it") as [unknown];
    const seen = toRequest(wire, new AbortController().signal);
    expect([seen.method, seen.url, await seen.text(), seen.headers.get("x-a")]).toEqual([
      "POST",
      "https://actor/x?y",
      "b",
      "1",
    ]);
    return { identity: identityOf(seen), header: seen.headers.get(IDENTITY_HEADER) };
  }

  test.each([
    [[[IDENTITY_HEADER, FORGED]]],
    [[["Actors-Identity", FORGED]]],
    [
      [
        ["ACTORS-identity", FORGED],
        [IDENTITY_HEADER, FORGED],
      ],
    ],
    // A list of one text is that text, where a name is wanted.
    [[[[IDENTITY_HEADER], FORGED]]],
  ] as unknown as [[string, string][]][])("is not what the client makes up: %j", async (headers) => {
    expect(await told(headers)).toEqual({ identity: undefined, header: null });
    sqs.resetHistory();
    const identity: Identity = { kind: "jwt", claims: { sub: "älice" }, scopes: [] };
    expect(await told(headers, { jwt })).toMatchObject({ identity });
  });

  test("is whom the front door let in, also where the client says nothing", async () => {
    expect((await told([], { jwt })).identity).toEqual({ kind: "jwt", claims: { sub: "älice" }, scopes: [] });
  });
});
