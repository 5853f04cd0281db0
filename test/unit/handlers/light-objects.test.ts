import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { serveLightObjects } from "../../../handlers/light-http.ts";
import { lightRequest, TargetError } from "../../../handlers/light-request.ts";
import { lightParts } from "../../../handlers/light-response.ts";

const platform = { Request, Response };
serveLightObjects();

interface Received {
  readonly method?: string;
  readonly target?: string;
  readonly raw?: readonly string[];
  readonly body?: readonly Uint8Array[];
}

/** A light request, as a Node server would have received it, with its whole body. */
function received({ method = "POST", target = "/", raw = ["Host", "localhost"], body = [] }: Received = {}) {
  const incoming = new IncomingMessage(new Socket());
  Object.assign(incoming, { method, url: target, rawHeaders: raw });
  for (const part of [...body, null]) incoming.push(part);
  return lightRequest(incoming, new ServerResponse(incoming));
}

/** What comes of it: a value, or the name of what is thrown. */
function outcome(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return (error as Error).name;
  }
}

/** What an object of the platform's tells by its properties, but for its other objects. */
function told(object: Request | Response, { prototype }: { prototype: object }): Record<string, unknown> {
  const names = Object.keys(prototype).filter((name) => typeof Reflect.get(object, name) !== "function");
  const values = names.map((name) => [name, Reflect.get(object, name)]);
  return Object.fromEntries(values.filter(([, value]) => typeof value !== "object"));
}

/** Any code unit, halves of surrogate pairs too. */
const ANY_UNIT = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code)),
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
);
const bytesOf = (text: string) => new TextEncoder().encode(text);
const name = fc.constantFrom("cookie", "Cookie", "set-cookie", "x-a", "X-A", "X-b", "__proto__");
const value = fc.string({ unit: fc.constantFrom("a", "b", ",", ";", " ", "\u00ff", "\t"), maxLength: 4 });
const raw = fc
  .array(fc.tuple(name, value), { maxLength: 6 })
  .map((pairs) => pairs.flatMap(([each, text]) => [each, text.trim() || "-"]));

describe("light headers", () => {
  const both = (names: readonly string[]) => {
    const genuine = new Headers();
    for (let at = 0; at < names.length; at += 2) genuine.append(names[at] as string, names[at + 1] as string);
    return { genuine, light: received({ raw: names }).headers };
  };

  test("answer as the platform's do, whatever the name", () => {
    fc.assert(
      fc.property(raw, fc.oneof(name, fc.string({ unit: ANY_UNIT, maxLength: 3 })), (given, asked) => {
        const { genuine, light } = both(given);
        for (const ask of [
          (headers: Headers) => headers.get(asked),
          (headers: Headers) => headers.has(asked),
        ])
          expect(outcome(() => ask(light))).toEqual(outcome(() => ask(genuine)));
      }),
    );
  });

  test("are iterated, copied and changed as the platform's are", () => {
    const change = fc.tuple(fc.constantFrom("set", "append", "delete"), name, fc.constant("new"));
    fc.assert(
      fc.property(raw, fc.array(change, { maxLength: 3 }), (given, changes) => {
        const { genuine, light } = both(given);
        for (const [way, ...args] of changes)
          for (const headers of [light, genuine]) Reflect.apply(Reflect.get(headers, way), headers, args);
        expect([...light]).toEqual([...genuine]);
        expect([...new Headers(light)]).toEqual([...genuine]);
        expect(light.getSetCookie()).toEqual(genuine.getSetCookie());
        expect(light.get("x-a")).toBe(genuine.get("x-a"));
      }),
    );
  });
});

describe("the URL of a light request", () => {
  const segment = fc.oneof(
    fc.constantFrom(
      ".",
      "..",
      "%2e",
      "%2E%2e",
      ".%2e",
      "a",
      "%",
      "%zz",
      "//",
      "\\",
      "?",
      "#",
      ":80",
      "@b",
      "'",
    ),
    fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) }),
  );

  test("is what the platform makes of its target, or the request is refused", () => {
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        const target = `/${segments.join("/")}`;
        if (target.includes("\\")) {
          expect(() => received({ target })).toThrow(TargetError);
          return;
        }
        const light = received({ target });
        expect(light.url).toBe(new URL(`http://localhost${target}`).href);
        expect(new Request(light).url).toBe(light.url);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["https://Other/a/../b", "https://other/b"],
    ["*", undefined],
    ["a", undefined],
    ["http:a", undefined],
    ["http:///a", undefined],
    ["http://user:word@localhost/", undefined],
    ["http://localhost\\a", undefined],
  ])("of the target %s is %s", (target, url) => {
    expect(outcome(() => received({ target }).url)).toBe(url ?? "TargetError");
  });

  test.each([
    [["LocalHost:3000"], "http://localhost:3000/"],
    [["[::1]:80"], "http://[::1]/"],
    [[], "http://localhost/"],
    ...["", "a b", "a/b", "a?b", "a#b", "a@b", "a\\b", "a:99999", "[::1", "0x7f.1", "%6cocalhost"].map(
      (host): [string[], undefined] => [[host], undefined],
    ),
    [["localhost", "localhost"], undefined],
  ])("with the Hosts %j is %s", (hosts, url) => {
    const names = hosts.flatMap((host) => ["hOsT", host]);
    expect(outcome(() => received({ raw: names }).url)).toBe(url ?? "TargetError");
  });
});

describe("a light request", () => {
  test.each(["GET", "POST"])("tells all that the platform's tells: %s", (method) => {
    const light = received({ method, target: "/a?b", raw: ["Host", "localhost", "x-a", "1"] });
    const genuine = new platform.Request("http://localhost/a?b", {
      method,
      ...(method === "POST" && { body: new ReadableStream(), duplex: "half" }),
    });
    expect(told(light, platform.Request)).toEqual(told(genuine, platform.Request));
    expect(Object.keys({ ...light })).toEqual([]);
    expect(() => Object.assign(light, { url: "/" })).toThrow(TypeError);
    const enumerated: string[] = [];
    for (const each in light) enumerated.push(each);
    expect(enumerated.sort()).toEqual(Object.keys(platform.Request.prototype).sort());
  });

  test("is read as the platform reads bytes, however they come and however they are asked for", async () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string({ unit: ANY_UNIT }).map((text) => bytesOf(`\ufeff${text}`)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes), async (body) => {
        const whole = new Uint8Array(Buffer.concat(body));
        expect(await received({ body }).text()).toBe(new TextDecoder().decode(whole));
        expect(await received({ body }).bytes()).toEqual(whole);
        const light = received({ body, raw: ["Host", "localhost", "Content-Type", "x/y"] });
        expect(new Uint8Array(await light.clone().arrayBuffer())).toEqual(whole);
        const blob = await light.blob();
        expect([blob.type, await blob.bytes()]).toEqual(["x/y", whole]);
      }),
      { numRuns: 30 },
    );
  });

  test("reads forms and JSON", async () => {
    const form = ["Host", "localhost", "Content-Type", "application/x-www-form-urlencoded"];
    expect([...(await received({ raw: form, body: [bytesOf("a=b&c")] }).formData())]).toEqual([
      ["a", "b"],
      ["c", ""],
    ]);
    expect(await received({ body: [bytesOf('\ufeff{"a":'), bytesOf("1}")] }).json()).toEqual({ a: 1 });
    await expect(received({ body: [bytesOf("{")] }).json()).rejects.toThrow(SyntaxError);
  });

  test("that is read is used up, and no type of its own comes to its headers", async () => {
    const light = received({ body: [bytesOf("x")] });
    expect(light.bodyUsed).toBe(false);
    const text = light.text();
    expect(light.bodyUsed).toBe(true);
    for (const read of [() => light.text(), () => light.json(), () => light.bytes()])
      await expect(read()).rejects.toThrow(TypeError);
    for (const copy of [() => light.clone(), () => new Request(light)]) expect(copy).toThrow(TypeError);
    expect(light.body?.locked).toBe(true);
    expect(await text).toBe("x");
    const changed = new Request(light, { body: new Uint8Array(1) });
    expect([(await changed.bytes()).length, changed.headers.get("content-type")]).toEqual([1, null]);
  });

  test("passes on what is done to its headers, also after it has been copied", () => {
    const light = received({ raw: ["Host", "localhost", "x-a", "1"] });
    const { headers } = light;
    headers.set("x-b", "2");
    light.clone();
    headers.set("x-c", "3");
    light.headers.delete("x-a");
    const given = Object.fromEntries(new Request(light).headers);
    expect(given).toEqual({ host: "localhost", "x-b": "2", "x-c": "3" });
  });
});

describe("a light response", () => {
  const init = fc.record(
    {
      status: fc.constantFrom(200, 201, 404, 599),
      headers: fc.dictionary(fc.constantFrom("x-a", "content-type"), fc.constantFrom("", "a/b")),
    },
    { requiredKeys: [] },
  );

  test("tells all that the platform's tells, and has the same bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: ANY_UNIT }), init, async (text, given) => {
        for (const make of [
          (Kind: typeof Response) => new Kind(text, given),
          (Kind: typeof Response) => Kind.json({ text }, given),
        ]) {
          const [light, genuine] = [make(Response), make(platform.Response)];
          expect(lightParts(light)).toBeDefined();
          expect([...light.headers]).toEqual([...genuine.headers]);
          expect(told(light, platform.Response)).toEqual(told(genuine, platform.Response));
          expect(await light.clone().bytes()).toEqual(await genuine.clone().bytes());
          const [blob, same] = [await light.blob(), await genuine.blob()];
          expect([blob.type, await blob.text()]).toEqual([same.type, await same.text()]);
        }
      }),
      { numRuns: 30 },
    );
    expect(Object.keys(new Response("x"))).toEqual([]);
  });

  test("is refused where the platform refuses it", () => {
    for (const given of [
      5,
      null,
      "x",
      { headers: null },
      { status: "201" },
      { status: 204 },
      { statusText: "\n" },
      { headers: 1 },
    ]) {
      const made = (Kind: typeof Response) => outcome(() => new Kind("x", given as ResponseInit).status);
      expect([given, made(Response)]).toEqual([given, made(platform.Response)]);
    }
  });

  test.each([undefined, { headers: { "x-a": "1" } }])(
    "has one set of headers, before and after it is copied: %j",
    (given) => {
      const light = new Response("x", given);
      const { headers } = light;
      headers.set("x-b", "2");
      headers.delete("content-type");
      light.clone();
      headers.append("set-cookie", "a");
      headers.append("set-cookie", "b");
      headers.delete("x-a");
      expect(light.headers).toBe(headers);
      expect(headers.has("content-type")).toBe(false);
      for (const copy of [light.clone(), new Response(light.body, light)])
        expect([...copy.headers]).toEqual([...headers]);
      expect(headers.getSetCookie()).toEqual(["a", "b"]);
    },
  );

  test("leaves the platform's other ways to make one as they are", () => {
    expect(Response.error().type).toBe("error");
    const { status, headers } = Response.redirect("http://localhost/a", 303);
    expect([status, headers.get("location")]).toEqual([303, "http://localhost/a"]);
  });
});
