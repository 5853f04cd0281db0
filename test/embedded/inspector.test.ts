import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { inspectorPage } from "../../cli/inspector-page.ts";
import { type EmbeddedServer, IN_MEMORY, startEmbedded } from "../../handlers/embedded.ts";
import { createTurnFeed, type TurnRecord } from "../../handlers/turn-feed.ts";
import { StatefulActor } from "../../runtime/index.ts";

const SOON = { timeout: 60_000, interval: 20 };
const ALARM = Date.now() + 3_600_000;

/** Calls of `hold` wait until it opens. */
let open = () => {};
const gate = new Promise<void>((resolve) => {
  open = resolve;
});

interface Peers {
  readonly CART: { idFromName(name: string): { add(item: string): Promise<void> } };
}

class Cart extends StatefulActor<Peers> {
  async add(item: string) {
    await this.ctx.storage.put(item, { item, at: new Date(0) });
  }
  async fill(keys: number, bytes = 1) {
    for (let key = 0; key < keys; key++) {
      await this.ctx.storage.put(`k${String(key).padStart(4, "0")}`, "x".repeat(bytes));
    }
    await this.ctx.storage.setAlarm(ALARM);
  }
  async pass(to: string) {
    await this.env.CART.idFromName(to).add("apple");
    return new Map([["passed", 1n]]);
  }
  async boom() {
    throw new Error("no <b>cart</b>");
  }
  async hold() {
    await gate;
  }
  async _hidden() {}
}

class Stock extends StatefulActor {
  async look() {}
}

let server: EmbeddedServer;
const code = {
  module: { Cart, Stock },
  actors: [
    { binding: "CART", type: "Cart" },
    { binding: "STOCK", type: "Stock" },
  ],
};

beforeAll(async () => {
  const feed = createTurnFeed(() => performance.timeOrigin + performance.now());
  const inspector = { feed, page: inspectorPage };
  server = await startEmbedded({ ...code, stateFile: IN_MEMORY, port: 0, host: "127.0.0.1", inspector });
  return () => server.close();
});

async function get(path: string, query: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/__actors/api/${path}?${new URLSearchParams(query)}`);
  // biome-ignore lint/suspicious/noExplicitAny: what the test expects it to be
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

async function call(name: string, method: string, ...args: unknown[]) {
  const response = await fetch(`${server.url}/__actors/api/call`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "Cart", name, method, args }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what the test expects it to be
  return { status: response.status, body: (await response.json()) as any };
}

describe("the page", () => {
  test("is one document, in which nothing runs but what is in it", async () => {
    const response = await fetch(`${server.url}/__actors`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/=]{44}'; style-src 'sha256-[\w+/=]{44}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(policy).not.toContain("unsafe");
    const html = await response.text();
    expect(html).not.toMatch(/\b(src|href)="(?!#)|@import|url\(|\sstyle="|\son\w+="/i);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html.match(/<\/script/g)).toHaveLength(1);
    expect(await (await fetch(`${server.url}/__actors/`)).text()).toBe(html);
  });

  test("no answer may be kept, framed, or embedded by another site", async () => {
    for (const path of ["", "/api/project", "/api/none"]) {
      const { headers } = await fetch(`${server.url}/__actors${path}`);
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("another site's page", () => {
  /** As `fetch` does not let a program choose these headers. */
  async function raw(method: string, path: string, headers: Record<string, string>, body = "") {
    const url = new URL(`/__actors${path}`, server.url);
    const sent = request({ host: "127.0.0.1", port: url.port, path: url.pathname, method, headers });
    sent.end(body);
    const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
      sent.on("response", resolve);
      sent.on("error", reject);
    });
    return { status: response.statusCode, body: await text(response) };
  }

  const addPear = JSON.stringify({ type: "Cart", name: "robbed", method: "add", args: ["pear"] });
  const json = "application/json";

  test.each([
    ["under a name that it has pointed here", { host: "evil.example:8787", "content-type": json }],
    ["from its own origin", { host: "localhost:1", origin: "https://evil.example", "content-type": json }],
    [
      "from another server of this machine",
      { host: "localhost:1", origin: "http://localhost:2", "content-type": json },
    ],
    ["from no origin, as a sandbox", { host: "localhost:1", origin: "null", "content-type": json }],
    ["with a form", { host: "localhost:1", "content-type": "text/plain" }],
  ])("can't call: %s", async (_, headers) => {
    const { status, body } = await raw("POST", "/api/call", headers, addPear);
    expect({ status, name: JSON.parse(body).error.name }).toEqual({
      status: 403,
      name: "ForeignRequestError",
    });
    expect((await get("instance", { type: "Cart", name: "robbed" })).body.version).toBe(0);
  });

  test("can't read, under a name that it has pointed here", async () => {
    for (const path of ["", "/api/project", "/api/instances", "/api/turns"]) {
      expect((await raw("GET", path, { host: "evil.example" })).status).toBe(403);
    }
  });
});

describe("the API", () => {
  test("knows the types and what can be called on them", async () => {
    const { body } = await get("project");
    expect(body).toEqual({
      types: [
        { type: "Cart", methods: ["add", "fill", "pass", "boom", "hold"], here: true },
        { type: "Stock", methods: ["look"], here: true },
      ],
    });
  });

  test("calls a method, and shows the result as a console does", async () => {
    expect(await call("caller", "pass", "callee")).toEqual({
      status: 200,
      body: { ok: true, result: "Map(1) { 'passed' => 1n }" },
    });
    expect(await call("caller", "boom")).toEqual({
      status: 200,
      body: { ok: false, error: { name: "ActorMethodError", message: "no <b>cart</b>" } },
    });
  });

  test.each([
    ["_hidden", 403, "ActorPrivateMethodError"],
    ["constructor", 403, "ActorPrivateMethodError"],
    ["nothing", 404, "ActorUnknownMethodError"],
  ])("refuses %s as the front door does", async (method, status, name) => {
    expect(await call("caller", method)).toMatchObject({ status, body: { error: { name } } });
  });

  test.each([
    ["", 400],
    ["[]", 400],
    ['{"type":"Cart"}', 400],
    ['{"type":"Cart","name":"a","method":"add","args":{}}', 400],
  ])("refuses the body %j", async (body, status) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${server.url}/__actors/api/call`, { method: "POST", headers, body });
    expect(response.status).toBe(status);
  });

  test.each([
    ["announced", (body: string) => body],
    ["of unknown length", (body: string) => new Blob([body]).stream()],
  ])("refuses a body over 1 MiB, %s", async (_, made) => {
    const text = JSON.stringify({
      type: "Cart",
      name: "large",
      method: "add",
      args: ["x".repeat(1_100_000)],
    });
    const response = await fetch(`${server.url}/__actors/api/call`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: made(text),
      duplex: "half",
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { name: "PayloadTooLargeError" } });
    expect((await get("instance", { type: "Cart", name: "large" })).body.version).toBe(0);
  });

  test("refuses an unknown path, and another method", async () => {
    expect((await get("nothing")).status).toBe(404);
    expect((await fetch(`${server.url}/__actors/api/call`)).status).toBe(404);
  });

  test("shows an instance: its version, alarm, keys in order, page by page", async () => {
    await call("full", "fill", 120, 40);
    const first = await get("instance", { type: "Cart", name: "full" });
    expect(first.body).toMatchObject({
      version: 1,
      depth: 0,
      outbox: 0,
      alarm: { at: ALARM, retries: 0 },
      more: true,
    });
    const keys = [...first.body.keys];
    for (let more = true; more; ) {
      const { body } = await get("instance", { type: "Cart", name: "full", after: keys.at(-1).key });
      keys.push(...body.keys);
      more = body.more;
    }
    expect(keys.map(({ key }) => key)).toEqual(
      Array.from({ length: 120 }, (_, index) => `k${String(index).padStart(4, "0")}`),
    );
    expect(keys[7]).toEqual({ key: "k0007", bytes: 44, value: `'${"x".repeat(40)}'` });
  });

  test("cuts off the end of a long value", async () => {
    await call("long", "fill", 1, 300_000);
    const { body } = await get("instance", { type: "Cart", name: "long" });
    expect(body.keys[0].bytes).toBeGreaterThan(300_000);
    expect(body.keys[0].value.length).toBeLessThan(5_000);
  });

  test("shows one that was never called as empty", async () => {
    const { body } = await get("instance", { type: "Cart", name: "nobody" });
    expect(body).toMatchObject({ version: 0, alarm: null, keys: [], more: false });
  });

  test("lists instances by type and prefix, in pages", async () => {
    await Promise.all(Array.from({ length: 70 }, (_, index) => call(`list/${index}`, "add", "x")));
    await call("list0", "add", "x");
    const names: string[] = [];
    for (let after: string | undefined, more = true; more; after = names.at(-1)) {
      const { body } = await get("instances", {
        type: "Cart",
        prefix: "list/",
        ...(after !== undefined && { after }),
      });
      expect(body.instances.length).toBeLessThanOrEqual(50);
      names.push(...body.instances.map(({ name }: { name: string }) => name));
      more = body.more;
    }
    expect(names).toEqual(Array.from({ length: 70 }, (_, index) => `list/${index}`).sort());
    expect((await get("instances", { type: "Stock", prefix: "" })).body).toEqual({
      instances: [],
      more: false,
    });
    expect((await get("instances", { type: "Car", prefix: "" })).body.instances).toEqual([]);
  });

  test("tells how many calls wait or run", async () => {
    const held = Promise.all([call("busy", "hold"), call("busy", "hold")]);
    const depth = async () => (await get("instance", { type: "Cart", name: "busy" })).body.depth;
    await expect.poll(depth, SOON).toBe(2);
    open();
    await held;
    await expect.poll(depth, SOON).toBe(0);
  });
});

describe("the stream of turns", () => {
  /** Follows the stream; what has come by now. */
  function follow(): TurnRecord[] {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const turns: TurnRecord[] = [];
    const read = async () => {
      const response = await fetch(`${server.url}/__actors/api/turns`, { signal: stop.signal });
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      let rest = "";
      for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const events = (rest + part).split("\n\n");
        rest = events.pop() ?? "";
        for (const event of events) {
          if (event.startsWith("data: ")) turns.push(...JSON.parse(event.slice("data: ".length)).turns);
        }
      }
    };
    read().catch((error) => {
      if (!stop.signal.aborted) throw error;
    });
    return turns;
  }

  test("tells of each turn: caller, method, outcome, duration, version; of late ones too", async () => {
    await call("before", "add", "x");
    const turns = follow();
    const of = (name: string) => turns.filter((turn) => turn.name === name);
    await expect.poll(() => of("before"), SOON).toHaveLength(1);
    await call("one", "pass", "two");
    await call("one", "boom");
    await expect.poll(() => of("one"), SOON).toHaveLength(2);
    expect(of("one")).toEqual([
      expect.objectContaining({ type: "Cart", method: "pass", caller: "outside", ran: true, version: 0 }),
      expect.objectContaining({
        method: "boom",
        error: { name: "ActorMethodError", message: "no <b>cart</b>" },
        version: 1,
      }),
    ]);
    expect(of("two")).toEqual([expect.objectContaining({ method: "add", caller: "Cart/one", version: 1 })]);
    expect(of("two")[0]?.ms).toBeGreaterThanOrEqual(0);
    const numbers = turns.map(({ number }) => number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test("does not keep a server from closing", async () => {
    const feed = createTurnFeed(() => performance.now());
    const inspector = { feed, page: () => "" };
    const other = await startEmbedded({
      ...code,
      stateFile: IN_MEMORY,
      port: 0,
      host: "127.0.0.1",
      inspector,
    });
    const response = await fetch(`${other.url}/__actors/api/turns`);
    const body = response.text();
    await other.close();
    expect(await body).toMatch(/^: turns\n\n/);
  });
});

test("a connection that was never used, as browsers open them, does not keep a server from closing", async () => {
  const other = await startEmbedded({ ...code, stateFile: IN_MEMORY, port: 0, host: "127.0.0.1" });
  const socket = connect(Number(new URL(other.url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  const ended = once(socket, "close");
  await other.close();
  await ended;
});

test("the project's own paths stay its own", async () => {
  for (const path of ["/__actors2", "/x/__actors", "/__actors/other"]) {
    const answer = await (await fetch(`${server.url}${path}`)).text();
    expect(answer).toContain("POST /{type}/{name}/{method}");
  }
});

test("without the option there is no inspector, as on a deployed stack", async () => {
  const bare = await startEmbedded({ ...code, stateFile: IN_MEMORY, port: 0, host: "127.0.0.1" });
  onTestFinished(() => bare.close());
  for (const path of ["", "/api/project"]) {
    const response = await fetch(`${bare.url}/__actors${path}`);
    expect(response.status).toBe(405);
    expect(await response.text()).toContain("POST /{type}/{name}/{method}");
  }
});
