import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { serveLightObjects } from "../../../handlers/light-http.ts";
import { lightParts } from "../../../handlers/light-response.ts";
import { createListener } from "../../../handlers/node-listener.ts";

const platform = { Request, Response, fetch };
serveLightObjects();

const isLight = (response: Response) => lightParts(response) !== undefined;

/** What broke responses off. */
const broken: unknown[] = [];

/** A server whose requests are light ones. @returns its URL */
async function serve(handler: (request: Request) => Response | Promise<Response>): Promise<string> {
  const server = createServer(
    createListener({ fetch: handler, brokenOff: (error) => void broken.push(error) }),
  );
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const post = { method: "POST", body: "5", headers: { "x-given": "yes" } };

test("a light request can be copied, changed, cloned and sent on, body and headers included", async () => {
  const echo = await serve(
    async (request) =>
      new Response(`${request.method} ${request.headers.get("x-given")} ${await request.text()}`),
  );
  const ways: Record<string, (request: Request) => Promise<Response>> = {
    copied: async (request) => fetch(echo, new Request(request)),
    changed: async (request) => fetch(new Request(request, { headers: { "x-given": "other" } })),
    cloned: async (request) => fetch(echo, request.clone()),
  };
  const answers = await Promise.all(
    Object.entries(ways).map(async ([way, send]) => {
      let passedOn = false;
      const url = await serve((request) => {
        if (passedOn) return new Response(request.headers.get("x-given"));
        passedOn = true;
        return send(request);
      });
      return [way, await (await platform.fetch(url, post)).text()];
    }),
  );
  expect(Object.fromEntries(answers)).toEqual({
    copied: "POST yes 5",
    changed: "other",
    cloned: "POST yes 5",
  });
});

test("a light request is sent on as it is", async () => {
  let url = "";
  let first = true;
  url = await serve(async (request) => {
    if (!first) return new Response(`${request.url} ${await request.text()}`);
    first = false;
    return fetch(request);
  });
  expect(await (await platform.fetch(`${url}/a?b`, post)).text()).toBe(`${url}/a?b 5`);
});

test("light objects are instances of the platform's classes, and so are genuine ones", async () => {
  const seen: boolean[] = [];
  const url = await serve((request) => {
    seen.push(request instanceof Request, request instanceof platform.Request);
    return new Response("ok");
  });
  const genuine = await fetch(url);
  const light = new Response("ok");
  expect(seen).toEqual([true, true]);
  expect([isLight(light), isLight(genuine)]).toEqual([true, false]);
  for (const response of [light, genuine]) {
    expect(response instanceof Response).toBe(true);
    expect(response instanceof platform.Response).toBe(true);
  }
  class Mine extends Response {}
  expect(new Mine("x")).toBeInstanceOf(Mine);
});

test("a response is light where its body is text, and what the platform refuses is refused", async () => {
  expect(isLight(Response.json({ a: 1 }, { status: 201, headers: { "x-a": "1" } }))).toBe(true);
  for (const body of [new Uint8Array(2), null, new Blob(["x"])])
    expect(isLight(new Response(body))).toBe(false);
  expect(() => new Response("x", { status: 99 })).toThrow(RangeError);
  expect(() => new Response("x", { status: 204 })).toThrow(TypeError);
  expect(() => new Response("x", { headers: { "not a name": "x" } })).toThrow(TypeError);
  expect(() => Response.json(undefined)).toThrow(TypeError);
  const { status, headers } = Response.json([1], { status: 418, headers: { "x-a": "1" } });
  expect([status, headers.get("content-type"), headers.get("x-a")]).toEqual([418, "application/json", "1"]);
});

test("a response of text says so, if nothing else is said, and a request that is used up is refused as a rejection", async () => {
  const type = (init?: ResponseInit) => new Response("x", init).headers.get("content-type");
  expect([
    type(),
    type({ headers: { "x-a": "1" } }),
    type({ headers: { "content-type": "text/html" } }),
  ]).toEqual(["text/plain;charset=UTF-8", "text/plain;charset=UTF-8", "text/html"]);
  expect(Response.json({}, { headers: { "x-a": "1" } }).headers.get("content-type")).toBe("application/json");
  const url = await serve(async (request) => {
    await request.text();
    return new Response(await fetch(request).then(String, ({ name }) => name));
  });
  expect(await (await platform.fetch(url, post)).text()).toBe("TypeError");
});
