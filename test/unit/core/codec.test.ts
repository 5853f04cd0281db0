import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode } from "../../../runtime/core/codec.ts";
import { CodecError } from "../../../runtime/core/errors.ts";

const through = (value: unknown) => decode(encode(value, "a value"), "a value");

/** An array with holes everywhere but at `index`. */
function sparse(length: number, index?: number): unknown[] {
  const array = new Array(length);
  if (index !== undefined) array[index] = "here";
  return array;
}

describe("what goes through unchanged", () => {
  test.each([
    ["numbers", [0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ["text", ["", "ö", "😀", "\ud800", "\u2028", "</script>"]],
    ["nothing", [null, undefined, { a: undefined }, []]],
    ["dates", [new Date(0), new Date("2026-01-01"), new Date(Number.NaN)]],
    ["big integers", [12345678901234567890n, -1n, 0n]],
    ["expressions", [/a+/giu, /[/]\//]],
    [
      "maps and sets",
      [new Map<unknown, unknown>([[{ k: 1 }, new Set([1, new Map()])]]), new Set([[1], "1"])],
    ],
    [
      "bytes",
      [new Uint8Array([1, 2, 255]), new Float64Array([0.1]), new BigInt64Array([-1n]), new ArrayBuffer(3)],
    ],
    ["sparse arrays", [sparse(3, 1), sparse(2), sparse(1000, 999)]],
    ["odd keys", [{ "": 1, "a.b": 2, constructor: 3, toString: 4 }]],
    ["objects without prototype", [Object.assign(Object.create(null), { a: 1 })]],
  ])("%s", (_, values) => {
    for (const value of values) expect(through(value)).toStrictEqual(value);
  });

  test("any value of the table, nested", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
          key: fc.string().filter((key) => key !== "__proto__"),
        }),
        (value) => {
          expect(through(value)).toStrictEqual(value);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("shared references stay shared, and cost no exponential walk", () => {
    let value: unknown = ["leaf"];
    for (let depth = 0; depth < 60; depth++) value = [value, value];
    const copy = through(value) as unknown[];
    expect(copy[0]).toBe(copy[1]);
  });

  test("a view takes along its own bytes and no others", () => {
    const pool = new Uint8Array([9, 9, 1, 2, 9]);
    const text = encode(pool.subarray(2, 4), "a view");
    const copy = decode(text, "a view") as Uint8Array;
    expect([...copy]).toEqual([1, 2]);
    expect(copy.buffer.byteLength).toBe(2);
    expect(through(Buffer.from("abc"))).toStrictEqual(new Uint8Array([97, 98, 99]));
    expect((through(new Uint16Array(pool.buffer.slice(0, 4), 2, 1)) as Uint16Array).length).toBe(1);
    expect((through(new DataView(pool.buffer, 2, 2)) as DataView).getUint8(1)).toBe(2);
  });
});

describe("what is refused, with its path", () => {
  class Point {
    x = 1;
  }
  const circle: Record<string, unknown> = { a: { b: [] } };
  (circle.a as { b: unknown[] }).b.push(circle);
  const selfMap = new Map<string, unknown>();
  selfMap.set("me", selfMap);
  const selfKey = new Map<unknown, unknown>();
  selfKey.set(selfKey, 1);
  const selfSet = new Set<unknown>();
  selfSet.add(selfSet);
  const bare: Record<string, unknown> = Object.create(null);
  bare["odd key"] = bare;

  test.each<[string, unknown, string]>([
    ["a function", { a: [() => {}] }, "$.a[0]: a function"],
    ["a class instance", { p: new Point() }, "$.p: an instance of Point"],
    ["an error", { e: new TypeError("x") }, "$.e: an instance of TypeError"],
    ["a symbol", [Symbol("s")], "$[0]: a symbol"],
    ["a promise", { p: Promise.resolve(1) }, "$.p: a promise"],
    ["a stream", { s: new ReadableStream() }, "$.s: an instance of ReadableStream"],
    ["a symbol key", { o: { [Symbol("k")]: 1 } }, "$.o: an object with a symbol"],
    ["a circular object", circle, "$.a.b[0]: a circular reference"],
    ["a map in itself", { m: selfMap }, '$.m.get("me"): a circular reference'],
    ["a map that is a key of itself", { m: selfKey }, "$.m.get(object): a circular reference"],
    ["a set in itself", { s: selfSet }, "$.s.values(): a circular reference"],
    ["an object without prototype in itself", [bare], '$[0]["odd key"]: a circular reference'],
    ["a weak map", new WeakMap(), "$: an instance of WeakMap"],
  ])("%s", (_, value, message) => {
    const attempt = () => encode(value, "the value");
    expect(attempt).toThrow(CodecError);
    expect(attempt).toThrow(`the value can't be encoded at ${message}`);
  });

  test("more levels than the limit, not a crash", () => {
    expect(() =>
      encode(
        nested(200_000, (inner) => [inner]),
        "the value",
      ),
    ).toThrow("the value can't be encoded: nested 200000 levels deep; at most 20000 are allowed");
  });
});

describe("deep values", () => {
  test.each<[string, (inner: unknown) => unknown]>([
    ["arrays", (inner) => [inner, 1]],
    ["objects", (inner) => ({ inner })],
    ["maps", (inner) => new Map([["inner", inner]])],
    ["sets", (inner) => new Set([inner])],
  ])("10,000 levels of %s come back", (_, wrap) => {
    let copy = through(nested(10_000, wrap));
    let levels = 0;
    for (; typeof copy === "object" && copy !== null; levels++) {
      const [first] = copy instanceof Map || copy instanceof Set ? copy.values() : Object.values(copy);
      copy = first;
    }
    expect([levels, copy]).toEqual([10_000, "leaf"]);
  });

  test("what is shared stays shared across the cuts, at any depth", () => {
    const shared = { deep: nested(900, (inner) => [inner]) };
    const [first, second] = through([nested(1500, (inner) => [inner], shared), shared]) as [unknown, object];
    let inside = first;
    while (Array.isArray(inside)) [inside] = inside;
    expect(inside).toBe(second);
  });

  test("a refusal inside names where it stands", () => {
    expect(() =>
      encode(
        nested(500, (inner) => [inner], { bad: () => {} }),
        "the value",
      ),
    ).toThrow(".bad: a function");
  });

  test("what can be encoded here can be decoded on a stack that is half full", () => {
    const text = encode(
      nested(400, (inner) => ({ inner })),
      "the value",
    );
    const further = (frames: number): unknown =>
      frames === 0 ? decode(text, "the value") : further(frames - 1);
    expect(() => further(3000)).not.toThrow();
  });

  test.each(["~", "~[]", "~5", '~["[5"]', '~["[[\\"Piece\\",1],[2],7]"]', '~["[[\\"Piece\\",1],[2],-1]"]'])(
    "%s is refused",
    (text) => {
      expect(() => decode(text, "x")).toThrow(CodecError);
    },
  );
});

/** `leaf` within so many levels. */
function nested(levels: number, wrap: (inner: unknown) => unknown, leaf: unknown = "leaf"): unknown {
  let value = leaf;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}

describe("hostile text", () => {
  test.each([
    "",
    "{",
    "[]",
    "[5",
    '[{"__proto__":1},{"polluted":true}]',
    '[["null","__proto__",1],5]',
    '[["BigInt","x"]]',
    '[["Unknown",1]]',
    "[[-7,1e99,0,1],2]",
    '[["Uint8Array",1],"huge"]',
    "[[9]]",
  ])("%j is refused with CodecError", (text) => {
    expect(() => decode(text, "arguments")).toThrow(CodecError);
  });

  test("a huge length costs no memory", () => {
    expect((decode("[[-7,4294967295,0,1],2]", "x") as unknown[]).length).toBe(4294967295);
  });

  test("never throws anything but CodecError, and never touches Object.prototype", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), mutatedText()), (text) => {
        try {
          decode(text, "x");
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });
});

/** Valid text with one character changed. */
function mutatedText() {
  return fc
    .tuple(
      fc.anything({ withMap: true, withSet: true, withDate: true }),
      fc.nat(),
      fc.string({ maxLength: 2 }),
    )
    .map(([value, at, change]) => {
      let text = "[0]";
      try {
        text = encode(value, "x");
      } catch {
        // Not every arbitrary value is encodable; the fixed text will do then.
      }
      const position = at % text.length;
      return text.slice(0, position) + change + text.slice(position + 1);
    });
}
