import type { APIGatewayProxyResult } from "hono/aws-lambda";
import { describe, expect, test, vi } from "vitest";
import { createFrontDoor } from "../../../handlers/front-door.ts";
import { encodedPath } from "../../../handlers/http-api-path.ts";
import {
  actorClasses,
  type FetchHandler,
  fetchHandler,
  ProjectError,
} from "../../../handlers/project-module.ts";
import { createRouterHandler } from "../../../handlers/router.ts";
import type { CallRequest } from "../../../runtime/core/call-request.ts";
import { type Caller, createCaller } from "../../../runtime/core/caller.ts";
import { decode } from "../../../runtime/core/codec.ts";
import {
  ActorCallTimeoutError,
  ActorDeadlineError,
  ActorMethodError,
  ActorMethodTimeoutError,
  ActorNameError,
  ActorPrivateMethodError,
  ActorUnknownMethodError,
  ActorUnknownTypeError,
  CodecError,
  PayloadTooLargeError,
  StorageLimitError,
} from "../../../runtime/core/errors.ts";
import { succeeded } from "../../../runtime/core/outcome.ts";
import { currentRequest } from "../../../runtime/core/request-context.ts";
import type { Env } from "../../../runtime/core/stateful-actor.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { ActorId, Mailbox } from "../../../runtime/ports/mailbox.ts";
import { StepClock, testDeps } from "../core/fixtures.ts";

/** A caller that is answered by a function instead of a worker. */
function answering(
  answer: (to: ActorId, method: string, args: readonly unknown[], request: CallRequest) => unknown,
) {
  const sent: CallRequest[] = [];
  const caller: Caller = {
    call: async (request) =>
      succeeded(
        await answer(
          request.to,
          request.call.method,
          decode(request.call.args, "arguments") as unknown[],
          request,
        ),
        request.call.method,
      ),
    send: async (make) => void sent.push(make()),
  };
  return { caller, sent };
}

/** What every door here has. */
const DOOR = {
  handler: undefined,
  env: {} as Env,
  types: new Set(["Account"]),
  caller: answering(() => 1).caller,
  envelopes: undefined,
  requestWaitMs: 28_000,
  clock: new StepClock(),
  telemetry: { problem: () => {}, count: () => {} },
};

function start(answer: Parameters<typeof answering>[0] | Caller, handler?: FetchHandler) {
  const problems: string[] = [];
  const { caller, sent } = typeof answer === "function" ? answering(answer) : { caller: answer, sent: [] };
  const door = createFrontDoor({
    ...DOOR,
    handler,
    env: { BOUND: true } as Env,
    caller,
    telemetry: { problem: (what) => void problems.push(what), count: () => {} },
  });
  const post = async (
    path: string,
    body?: RequestInit["body"],
    { method = "POST", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ) => {
    const init = { method, headers, ...(body !== undefined && { body }) };
    const response = await door.fetch(new Request(`http://door${path}`, init));
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
  };
  return { post, problems, door, sent };
}

const echo = (to: ActorId, method: string, args: readonly unknown[]) => ({ ...to, method, args });

describe("the RPC door", () => {
  test.each([
    ["a plain name", "/Account/alice/debit", "alice"],
    ["a space", "/Account/a%20b/debit", "a b"],
    ["emoji", "/Account/%F0%9F%98%80/debit", "😀"],
    ["an escaped slash", "/Account/a%2Fb/debit", "a/b"],
    ["a slash that the gateway decoded", "/Account/a/b/debit", "a/b"],
    ["a percent sign", "/Account/100%2525/debit", "100%25"],
    ["a dot segment within", "/Account/x%2F..%2Falice/debit", "x/../alice"],
    ["__proto__", "/Account/__proto__/debit", "__proto__"],
  ])("reaches the instance: %s", async (_, path, name) => {
    const { post } = start(echo);
    expect(await post(path, "[5]")).toEqual({
      status: 200,
      body: { type: "Account", name, method: "debit", args: [5] },
    });
  });

  test("no body is no arguments; a result of undefined is null; the rest has a JSON view", async () => {
    expect((await start(echo).post("/Account/a/m")).body).toMatchObject({ args: [] });
    expect((await start(() => undefined).post("/Account/a/m")).body).toBe(null);
    const odd = {
      d: new Date(0),
      m: new Map([[1, 2n]]),
      s: new Set(["a"]),
      b: new Uint8Array([9, 1, 2, 9]).subarray(1, 3),
      a: new Uint8Array([1, 2]).buffer,
      r: /x/g,
    };
    expect((await start(() => odd).post("/Account/a/m")).body).toEqual({
      d: "1970-01-01T00:00:00.000Z",
      m: [[1, "2"]],
      s: ["a"],
      b: "AQI=",
      a: "AQI=",
      r: "/x/g",
    });
  });

  test.each<[string, string, RequestInit["body"], number, string]>([
    ["unknown type", "/Nobody/a/m", "[]", 404, "ActorUnknownTypeError"],
    ["a type from the prototype", "/constructor/a/m", "[]", 404, "ActorUnknownTypeError"],
    ["too short a path", "/Account/a", "[]", 404, "NotFoundError"],
    ["the root", "/", "[]", 404, "NotFoundError"],
    ["an empty name", "/Account//m", "[]", 400, "ActorNameError"],
    ["a 10 KB name", `/Account/${"x".repeat(10_240)}/m`, "[]", 400, "ActorNameError"],
    ["a broken escape", "/Account/%zz/m", "[]", 400, "BadRequestError"],
    ["malformed JSON", "/Account/a/m", "[1", 400, "BadRequestError"],
    ["an object instead of an array", "/Account/a/m", '{"a":1}', 400, "BadRequestError"],
    ["a 2 MB body", "/Account/a/m", `["${"x".repeat(2_000_000)}"]`, 413, "PayloadTooLargeError"],
  ])("I9: %s is a clear 4xx", async (_, path, body, status, name) => {
    const answer = await start(echo).post(path, body);
    expect(answer).toMatchObject({ status, body: { error: { name, message: expect.any(String) } } });
  });

  test("a 2 MB body without a length is refused too", async () => {
    const stream = new ReadableStream({
      start(controller) {
        for (let part = 0; part < 32; part++)
          controller.enqueue(new TextEncoder().encode("x".repeat(65_536)));
        controller.close();
      },
    });
    const request = new Request("http://door/Account/a/m", {
      method: "POST",
      body: stream,
      duplex: "half",
    } as RequestInit);
    const door = createFrontDoor(DOOR);
    expect((await door.fetch(request)).status).toBe(413);
  });

  test("of a refused body only so much is read that its client hears the answer", async () => {
    let sent = 0;
    const stream = new ReadableStream({
      pull(controller) {
        if (++sent > 64) controller.close();
        else controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    const headers = { "content-length": String(64 * 1024 * 1024) };
    const init = { method: "POST", body: stream, duplex: "half", headers };
    const request = new Request("http://door/Account/a/m", init as RequestInit);
    expect((await start(echo).door.fetch(request)).status).toBe(413);
    expect(sent).toBeGreaterThan(15);
    expect(sent).toBeLessThan(25);
  });

  test("other methods than POST are refused", async () => {
    expect(await start(echo).post("/Account/a/m", undefined, { method: "GET" })).toMatchObject({
      status: 405,
    });
  });

  test.each<[Error, number, object]>([
    [new ActorMethodError("no"), 500, { name: "ActorMethodError", message: "no" }],
    [new ActorUnknownMethodError("what"), 404, { name: "ActorUnknownMethodError", message: "what" }],
    [
      new ActorCallTimeoutError("late", { envelopeId: "e9" }),
      504,
      { name: "ActorCallTimeoutError", message: "late", envelope: "e9" },
    ],
  ])("%s has its status", async (error, status, body) => {
    const { post } = start(() => Promise.reject(error));
    expect(await post("/Account/a/m", "[]")).toEqual({ status, body: { error: body } });
  });
});

test.each([
  [ActorNameError, 400],
  [ActorPrivateMethodError, 403],
  [ActorUnknownMethodError, 404],
  [ActorUnknownTypeError, 404],
  [PayloadTooLargeError, 413],
  [ActorMethodError, 500],
  [CodecError, 500],
  [StorageLimitError, 500],
  [ActorMethodTimeoutError, 504],
  [ActorCallTimeoutError, 504],
  [ActorDeadlineError, 504],
])("%o is answered with status %i, and is no problem of the server", async (Failure, status) => {
  const { post, problems } = start(() => Promise.reject(new Failure("no")));
  expect(await post("/Account/a/m", "[]")).toMatchObject({ status, body: { error: { message: "no" } } });
  expect(problems).toEqual([]);
});

test("an answer of the RPC door is JSON by its header too", async () => {
  const response = await start(echo).door.fetch(new Request("http://door/Account/a/m", { method: "POST" }));
  expect(response.headers.get("content-type")).toBe("application/json");
});

describe("a project's own fetch handler", () => {
  test("gets the request and the bindings, and a deadline for its calls", async () => {
    let deadline: number | undefined;
    const { post } = start(echo, async (request, env) => {
      deadline = currentRequest.getStore()?.deadline;
      return Response.json({ body: await request.text(), env });
    });
    expect(await post("/any/where", "x")).toEqual({ status: 200, body: { body: "x", env: { BOUND: true } } });
    expect(deadline).toBe(1_028_000);
  });

  test("what it throws stays inside; an actor's error is passed on", async () => {
    const inner = start(echo, () => Promise.reject(new Error("password is hunter2")));
    expect(await inner.post("/", "x")).toEqual({
      status: 500,
      body: {
        error: { name: "InternalError", message: "the request failed inside the server; its log says why" },
      },
    });
    expect(inner.problems).toEqual(["request failed"]);
    const outer = start(echo, () => Promise.reject(new ActorMethodError("from the actor")));
    expect(await outer.post("/", "x")).toMatchObject({
      status: 500,
      body: { error: { name: "ActorMethodError" } },
    });
  });

  test("a broken escape in the path is refused before the handler sees it", async () => {
    const { post } = start(echo, () => new Response("reached"));
    expect(await post("/accounts/%zz/balance", "x")).toMatchObject({
      status: 400,
      body: { error: { name: "BadRequestError" } },
    });
  });

  test("bytes without a type are sent as bytes; a type that is given stays", async () => {
    const bytes = new Uint8Array([0, 255, 128]);
    const answer = async (response: Response) => {
      const door = createFrontDoor({ ...DOOR, handler: () => response });
      const answered = await door.fetch(new Request("http://door/"));
      return [
        answered.status,
        answered.headers.get("content-type"),
        [...new Uint8Array(await answered.arrayBuffer())],
      ];
    };
    expect(await answer(new Response(bytes, { status: 201 }))).toEqual([
      201,
      "application/octet-stream",
      [...bytes],
    ]);
    expect(await answer(new Response(bytes, { headers: { "content-type": "image/png" } }))).toEqual([
      200,
      "image/png",
      [...bytes],
    ]);
    expect(await answer(new Response(null, { status: 204 }))).toEqual([204, null, []]);
  });

  test("no Response is an error, not a hang", async () => {
    const { post } = start(echo, () => "text" as unknown as Response);
    expect(await post("/", "x")).toMatchObject({
      status: 500,
      body: { error: { message: "the fetch handler returned no Response" } },
    });
  });
});

describe("every failure of a fetch handler is answered in JSON", () => {
  test.each<[string, unknown]>([
    ["text", "no"],
    ["nothing", undefined],
    ["a response", new Response("no")],
  ])("also when it throws %s", async (_, thrown) => {
    const { post, problems } = start(echo, () => Promise.reject(thrown));
    expect(await post("/", "x")).toMatchObject({ status: 500, body: { error: { name: "InternalError" } } });
    expect(problems).toEqual(["request failed"]);
  });
});

describe("arguments that can't travel are the client's mistake", () => {
  test.each([
    ["__proto__ as a key", '[{"__proto__":1}]'],
    ["nested too deeply", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ])("%s", async (_, body) => {
    const sent: string[] = [];
    const deps = testDeps({});
    const mailbox: Mailbox = { send: async ({ id }) => void sent.push(id) };
    const caller = createCaller({
      actors: deps.actors,
      routeTo: () => ({ mailbox, replies: deps.replies }),
      clock: deps.clock,
      ids: { next: () => "e1" },
      callWaitMs: 1000,
    });
    expect(await start(caller).post("/Account/a/m", body)).toMatchObject({
      status: 400,
      body: { error: { name: "CodecError" } },
    });
    expect(sent).toEqual([]);
  });
});

describe("I9: two names are two instances, also behind a gateway that decodes %2F", () => {
  // What a client sends as /Account/x%2F..%2Falice/debit, an HTTP API hands over as the first of these.
  const paths = [
    "/Account/x/../alice/debit",
    "/Account/./alice/debit",
    "/Account/x/%2e%2E/alice/debit",
    "/Account/alice/..",
    "../Account/alice/debit",
  ];

  test.each(paths)("%s has no URL, and the router refuses it", async (rawPath) => {
    expect(encodedPath(rawPath)).toBeUndefined();
    const listeners = process.listeners("unhandledRejection");
    vi.stubEnv("MAILBOX_URL", "http://127.0.0.1:1/mailbox.fifo");
    vi.stubEnv("DELAY_URL", "http://127.0.0.1:1/delay");
    vi.stubEnv("REPLY_TABLE", "replies");
    vi.stubEnv("REPLY_RETENTION_SECONDS", "60");
    vi.stubEnv("AWS_REGION", "us-east-1");
    try {
      const router = createRouterHandler({ module: {}, actors: [] });
      const event = { routeKey: "$default", rawPath, requestContext: {} } as unknown as Parameters<
        typeof router
      >[0];
      const answer = (await router(event, {} as Parameters<typeof router>[1])) as APIGatewayProxyResult;
      expect(answer.statusCode).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ error: { name: "BadRequestError" } });
    } finally {
      vi.unstubAllEnvs();
      process.removeAllListeners("unhandledRejection");
      for (const each of listeners) process.on("unhandledRejection", each);
    }
  });

  test.each(["/Account/.../debit", "/Account/.hidden/debit", "/Account/a..b/debit"])("%s has one", (path) => {
    expect(encodedPath(path)).toBe(path);
  });
});

describe("a project's module", () => {
  class Account extends StatefulActor<unknown> {}
  const bound = (type: string) => [{ binding: "ACCOUNT", type }];

  test("gives the classes that the bindings name", () => {
    expect([...actorClasses({ Account }, bound("Account"))]).toEqual([["Account", Account]]);
  });

  test.each<[string, object, string, string]>([
    [
      "does not export",
      {},
      "Account",
      'the entry module exports no class Account; add: export { Account } from "./…"',
    ],
    ["only inherits", {}, "toString", "the entry module exports no class toString"],
    ["exports as no actor", { Account: class {} }, "Account", "must be a class that extends StatefulActor"],
    ["exports as no class", { Account: () => {} }, "Account", "must be a class that extends StatefulActor"],
  ])("is refused when a binding names what it %s", (_, module, type, message) => {
    expect(() => actorClasses({ ...module }, bound(type))).toThrow(ProjectError);
    expect(() => actorClasses({ ...module }, bound(type))).toThrow(message);
  });

  test("may have a fetch handler, called on its default export", async () => {
    const owner = {
      greeting: "hello",
      fetch() {
        return new Response(this.greeting);
      },
    };
    const response = await fetchHandler({ default: owner })?.(new Request("http://door/"), {});
    expect(await response?.text()).toBe("hello");
    expect(fetchHandler({})).toBeUndefined();
    expect(fetchHandler({ default: {} })).toBeUndefined();
    expect(() => fetchHandler({ default: { fetch: "no" } })).toThrow(ProjectError);
  });
});

test("the path of an HTTP API event is escaped again, once", () => {
  const decodedByGateway: [sent: string, raw: string][] = [
    ["a%20b", "a b"],
    ["%F0%9F%98%80", "😀"],
    ["100%2525", "100%2525"],
    ["a%23b%3Fc", "a#b?c"],
    ["a%22b", 'a"b'],
    ["%C3%A9", "é"],
  ];
  for (const [sent, raw] of decodedByGateway) {
    const url = new URL(`https://x${encodedPath(`/T/${raw}/m`)}`);
    expect(url.pathname.split("/").map(decodeURIComponent)).toEqual(["", "T", decodeURIComponent(sent), "m"]);
    expect(url.search + url.hash).toBe("");
  }
});

test("the path of a function URL's event, which is the one that was sent, stays as it is", () => {
  for (const name of ["a b", "a/b", "100%", "100%25", "a#b?c", 'a"b', "é", "😀", "x/../y"]) {
    const sent = `/T/${encodeURIComponent(name)}/m`;
    expect(encodedPath(sent)).toBe(sent);
  }
});
