import fc from "fast-check";
import { expect, test } from "vitest";
import { toJsonView } from "../../../handlers/json-view.ts";
import { decode, encode } from "../../../runtime/core/codec.ts";
import { CodecError } from "../../../runtime/core/errors.ts";
import { inherited, jsonValue, mutated, SEED } from "./hostile.ts";

/** What an actor may store and send. */
const codecValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.constantFrom<unknown>(undefined, null, true, Number.NaN, -0, Number.POSITIVE_INFINITY, /a+/gi),
      fc.double(),
      fc.string({ unit: "binary" }),
      fc.bigInt(),
      fc.date(),
      fc.uint8Array(),
      fc.float64Array({ maxLength: 4 }),
    ),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4, noNullPrototype: true },
    ),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie("value"), { maxLength: 3 }).map((values) => new Set(values)),
    fc.integer({ min: 1, max: 1000 }).map((length) => Object.assign(new Array(length), { [length - 1]: 1 })),
  ),
})).value;

/** Prototypes that a decoded value may have. */
const PROTOTYPES = new Set<unknown>([
  null,
  Object.prototype,
  ...[Array, Map, Set, Date, RegExp, ArrayBuffer, DataView, BigInt, String, Number, Boolean].map(
    (each) => each.prototype,
  ),
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(
    (each) => each.prototype,
  ),
  ...[Float16Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array].map((each) => each.prototype),
  URL.prototype,
  URLSearchParams.prototype,
]);

/** The prototypes of everything in a value; not of what a typed array or a sparse list does not hold. */
function prototypesIn(value: unknown, seen = new Set<unknown>()): Set<unknown> {
  if (typeof value !== "object" || value === null || seen.has(value)) return new Set();
  seen.add(value);
  const inside = ArrayBuffer.isView(value)
    ? []
    : value instanceof Map
      ? [...value].flat()
      : value instanceof Set
        ? [...value]
        : Object.keys(value).map((key) => (value as Record<string, unknown>)[key]);
  const all = new Set<unknown>([Object.getPrototypeOf(value)]);
  for (const each of inside) for (const prototype of prototypesIn(each, seen)) all.add(prototype);
  return all;
}

test("I20: what is encoded comes back as it was", () => {
  fc.assert(
    fc.property(codecValue, (value) => {
      expect(decode(encode(value, "it"), "it")).toEqual(value);
    }),
    { numRuns: 1000, seed: SEED },
  );
});

test("I20: any text is a value of plain kinds, or a CodecError; nothing is inherited from it", () => {
  const before = inherited();
  const devalue = fc.oneof(
    mutated(codecValue.map((value) => encode(value, "it"))),
    jsonValue.map((value) => JSON.stringify(value)),
    fc.array(jsonValue, { maxLength: 6 }).map((value) => JSON.stringify(value)),
    fc
      .array(jsonValue, { maxLength: 4 })
      .map((value) => `~${JSON.stringify(value.map((each) => JSON.stringify(each)))}`),
    fc.string(),
  );
  let values = 0;
  fc.assert(
    fc.property(devalue, (text) => {
      let value: unknown;
      try {
        value = decode(text, "the arguments");
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
        expect((error as Error).message).toMatch(/^the arguments can't be decoded: /);
        return;
      }
      values++;
      for (const prototype of prototypesIn(value)) expect(PROTOTYPES.has(prototype)).toBe(true);
    }),
    { numRuns: 10_000, seed: SEED },
  );
  expect(values).toBeGreaterThan(300);
  expect(inherited()).toBe(before);
});

test.each([
  ["an own __proto__", '[{"__proto__":1},{"polluted":2},true]'],
  ["a __proto__ without prototype", '[["null","__proto__",1],{"polluted":2},true]'],
  ["a __proto__ in a piece", '~["[{\\"__proto__\\":1},{\\"polluted\\":2},true]"]'],
  ["a type from the prototype", '[["constructor",1],"x"]'],
  ["a piece from the prototype", '~["[[\\"Piece\\",1],[\\"__proto__\\"]]"]'],
])("%s is refused", (_, text) => {
  expect(() => decode(text, "it")).toThrow(CodecError);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test("a text that unfolds without end is decoded, and refused as JSON", () => {
  // Each list holds the next one twice: 40 of them are 2^40.
  const lists = Array.from({ length: 40 }, (_, index) => `[${index + 1},${index + 1}]`);
  const laugh = decode(`[${lists.join(",")},1]`, "it");
  expect(() => toJsonView(laugh)).toThrow("it has over 67108864 characters");
  expect(() => toJsonView(decode("[[-7,4294967295]]", "it"))).toThrow("it has over 67108864 characters");
});
