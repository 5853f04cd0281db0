import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { readRequest } from "../../../runtime/core/fetch-call.ts";
import { createNamespace } from "../../../runtime/core/namespace.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope, Mailbox } from "../../../runtime/ports/mailbox.ts";
import { testDeps, UNLIMITED } from "./fixtures.ts";

type Handler = (request: Request, site: Site) => unknown;

class Site extends StatefulActor<{ handler: Handler }> {
  override async fetch(request: Request) {
    return (await this.env.handler(request, this)) as Response;
  }
  get storage() {
    return this.ctx.storage;
  }
}
class Silent extends StatefulActor {}

/** A stub whose calls are served by a batch at once. */
function start(handler: Handler) {
  const deps = testDeps({ Site, Silent }, { handler });
  const sent: Envelope[] = [];
  const mailbox: Mailbox = {
    async send(envelope) {
      sent.push(envelope);
      await runBatch(envelope.to, [{ envelope, mark: undefined, suspect: false, receives: 1 }], {
        times: UNLIMITED,
        deps,
      });
    },
  };
  let made = 0;
  const ids = { next: () => `id-${++made}` };
  const caller = createCaller({
    ...deps,
    routeTo: () => ({ mailbox, replies: deps.replies }),
    ids,
    callWaitMs: 60_000,
  });
  const stub = (type: string) => createNamespace(type, { caller, ids }).idFromName("one");
  return { deps, sent, site: stub("Site"), silent: stub("Silent") };
}

const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

describe("a request", () => {
  test("arrives with method, URL, headers and bytes", async () => {
    let seen: unknown;
    const { site } = start(async (request) => {
      seen = [request.method, request.url, request.headers.get("x-a"), await request.bytes()];
      return new Response();
    });
    const init = { method: "PUT", headers: { "x-a": "ü" }, body: BYTES };
    await site.fetch("https://actor/a%20b?c=d#e", init);
    expect(seen).toEqual(["PUT", "https://actor/a%20b?c=d#e", "ü", BYTES]);
    await site.fetch(new Request(new URL("https://actor/"), init), { method: "POST" });
    expect(seen).toEqual(["POST", "https://actor/", "ü", BYTES]);
  });

  test("without a body has none there either", async () => {
    const { site } = start((request) => Response.json([request.method, request.body === null]));
    expect(await (await site.fetch("https://actor/")).json()).toEqual(["GET", true]);
  });

  test.each(["/path", "", "not a url"])("to %j names the rule and the fix", async (url) => {
    const { site, sent } = start(() => new Response());
    const error = await site.fetch(url).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(
      `stub.fetch takes a Request, or an absolute URL such as "https://actor/path" for ${JSON.stringify(url)}`,
    );
    expect(sent).toEqual([]);
  });

  test("over 1 MiB is refused before it leaves", async () => {
    const { site, sent } = start(() => new Response());
    const body = new Uint8Array(800 * 1024);
    await expect(site.fetch("https://actor/", { method: "POST", body })).rejects.toMatchObject({
      name: "PayloadTooLargeError",
      effect: "refused",
    });
    expect(sent).toEqual([]);
  });
});

describe("a response", () => {
  test("comes back with status, text, headers and bytes", async () => {
    const { site } = start(() => new Response(BYTES, { status: 418, statusText: "Teapot" }));
    const response = await site.fetch("https://actor/");
    expect([response.status, response.statusText]).toEqual([418, "Teapot"]);
    expect(await response.bytes()).toEqual(BYTES);
  });

  test("keeps several cookies apart", async () => {
    const { site } = start(() => {
      const headers = new Headers({ "x-a": "1, 2" });
      headers.append("set-cookie", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
      headers.append("set-cookie", "b=2");
      return new Response("", { headers });
    });
    const { headers } = await site.fetch("https://actor/");
    expect(headers.getSetCookie()).toEqual(["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2"]);
    expect(headers.get("x-a")).toBe("1, 2");
  });

  test.each([204, 205, 304])("of status %i has no body", async (status) => {
    const { site } = start(() => new Response(null, { status, headers: { etag: "a" } }));
    const response = await site.fetch("https://actor/");
    expect([response.status, response.body, response.headers.get("etag")]).toEqual([status, null, "a"]);
  });

  test("is 404 where the actor has no handler", async () => {
    expect((await start(() => 1).silent.fetch("https://actor/")).status).toBe(404);
  });

  test.each<[string, () => unknown, RegExp]>([
    ["nothing", () => undefined, /^fetch returned undefined; it must return a Response$/],
    ["null", () => null, /^fetch returned null; it must/],
    ["a text", () => "hi", /^fetch returned string; it must/],
    ["one of status 0", () => Response.error(), /of status 0; it must be from 200 to 599/],
    [
      "one that was read",
      async () => {
        const response = new Response("hi");
        await response.text();
        return response;
      },
      /body has been read already/,
    ],
  ])("that is %s is the handler's mistake, and nothing is committed", async (_, answer, message) => {
    const { site, deps } = start(async (__, { storage }) => {
      await storage.put("a", 1);
      return answer();
    });
    await expect(site.fetch("https://actor/")).rejects.toMatchObject({
      name: "CodecError",
      effect: "failed",
      message: expect.stringMatching(message),
    });
    expect((await deps.store.hydrate({ type: "Site", name: "one" }))?.inline.has("a")).toBeFalsy();
  });

  test("over 4 MiB encoded fails the turn", async () => {
    const { site } = start(() => new Response(new Uint8Array(3.2 * 1024 * 1024)));
    await expect(site.fetch("https://actor/")).rejects.toMatchObject({
      name: "PayloadTooLargeError",
      effect: "failed",
    });
  });

  test("of 2.9 MiB passes", async () => {
    const { site } = start(() => new Response(new Uint8Array(2.9 * 1024 * 1024)));
    expect((await (await site.fetch("https://actor/")).bytes()).length).toBe(Math.floor(2.9 * 1024 * 1024));
  });
});

test("a handler's writes commit with a response of any status, and not when it throws", async () => {
  const { site, deps } = start(async (request, { storage }) => {
    await storage.put(new URL(request.url).pathname, true);
    if (request.url.endsWith("/throw")) throw new RangeError("oh no");
    return new Response("", { status: 500 });
  });
  expect((await site.fetch("https://actor/kept")).status).toBe(500);
  await expect(site.fetch("https://actor/throw")).rejects.toMatchObject({
    name: "ActorMethodError",
    effect: "failed",
    message: "oh no",
  });
  const head = await deps.store.hydrate({ type: "Site", name: "one" });
  expect([...(head?.inline.keys() ?? [])]).toEqual(["/kept"]);
});

test("a handler over its budget is told so by its request's signal, and its caller by name", async () => {
  let signal: AbortSignal | undefined;
  const { site, deps } = start((request) => {
    signal = request.signal;
    return new Promise(() => {});
  });
  const answer = expect(site.fetch("https://actor/")).rejects.toMatchObject({
    name: "ActorFetchTimeoutError",
    effect: "failed",
    message: "Site.fetch ran longer than its budget of 30000 ms; nothing was committed",
  });
  await deps.clock.advance(29_999);
  expect(signal?.aborted).toBe(false);
  await deps.clock.advance(1);
  await answer;
  expect(signal).toMatchObject({ aborted: true, reason: { name: "ActorFetchTimeoutError" } });
});

describe("an aborted signal", () => {
  test("keeps the request from leaving", async () => {
    const { site, sent } = start(() => new Response());
    const signal = AbortSignal.abort(new Error("never mind"));
    await expect(site.fetch("https://actor/", { signal })).rejects.toThrow("never mind");
    await expect(site.fetch(new Request("https://actor/", { signal }))).rejects.toThrow("never mind");
    expect(sent).toEqual([]);
  });

  test("ends the waiting, and later answers harm nobody", async () => {
    const { deps } = start(() => new Response());
    let fail = (_: Error) => {};
    const answer = new Promise<undefined>((_, reject) => {
      fail = reject;
    });
    const sent: Envelope[] = [];
    const caller = createCaller({
      ...deps,
      routeTo: () => ({
        mailbox: { send: async (envelope) => void sent.push(envelope) },
        replies: { wait: () => answer },
      }),
      ids: { next: () => "id" },
      callWaitMs: 1000,
    });
    const controller = new AbortController();
    const response = createNamespace("Site", { caller, ids: { next: () => "id" } })
      .idFromName("one")
      .fetch("https://actor/", { signal: controller.signal });
    await deps.clock.idle();
    expect(sent).toHaveLength(1);
    controller.abort(new Error("never mind"));
    await expect(response).rejects.toThrow("never mind");
    fail(new Error("too late"));
    await deps.clock.idle();
  });

  test.each<[string, (signal: AbortSignal) => [Request | string, RequestInit?]]>([
    ["a Request that nobody holds", (signal) => [new Request("https://actor/", { signal })]],
    ["options", (signal) => ["https://actor/", { signal }]],
  ])("reaches whoever waits, also after a collection of garbage: given in %s", async (_, input) => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const controller = new AbortController();
    const { signal } = await readRequest(...(input(controller.signal) as [Request | string, RequestInit]));
    for (let round = 0; round < 5; round++) {
      // What a weak reference has given stays until the running task is over.
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    controller.abort();
    expect(signal.aborted).toBe(true);
  });
});
