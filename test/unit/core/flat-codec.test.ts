import { parse, stringify } from "devalue";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFlat, encodeFlat } from "../../../runtime/core/flat-codec.ts";

const key = fc.oneof(
  fc.constantFrom("a", "balance", "toString", "__proto__", "1", "", "<", "ö"),
  fc.string(),
);
const leaf = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    1,
    "1",
    "",
    "<",
    '"',
    "\\",
    "\u2028",
    true,
    false,
    null,
    undefined,
    Number.NaN,
    1e21,
  ),
  fc.double(),
  fc.string({ unit: "binary" }),
  fc.bigInt(),
  fc.date(),
);
const anything = fc.oneof(
  leaf,
  // Much that is equal, or nearly so.
  fc.array(fc.constantFrom(0, -0, Number.NaN, "", "0", false, null, undefined), { maxLength: 8 }),
  fc.array(leaf, { maxLength: 20 }),
  fc.dictionary(key, leaf, { maxKeys: 20 }),
  fc.array(fc.array(leaf, { maxLength: 2 }), { maxLength: 3 }),
  fc.dictionary(key, fc.dictionary(key, leaf, { maxKeys: 2 }), { maxKeys: 3 }),
);

/** As the library does it, or what it throws. */
function attempt<T>(work: () => T): T | "refused" {
  try {
    return work();
  } catch {
    return "refused";
  }
}

test("what is encoded here is encoded as the library does it, to the letter: fingerprints of older versions stay the same", () => {
  let own = 0;
  fc.assert(
    fc.property(anything, (value) => {
      const text = attempt(() => encodeFlat(value));
      if (text === undefined) return;
      own++;
      expect(text).toBe(attempt(() => stringify(value)));
    }),
    { numRuns: 5_000 },
  );
  expect(own).toBeGreaterThan(500);
});

test("what is decoded here is what the library makes of it, whoever has written it", () => {
  let own = 0;
  const places = fc.oneof(fc.integer({ min: -8, max: 6 }), fc.constantFrom("Date", "Set", "null", 0.5));
  const forged = fc.array(fc.oneof(leaf, fc.array(places), fc.dictionary(key, places)), { maxLength: 6 });
  const texts = fc.oneof(
    anything.map((value) => attempt(() => stringify(value))),
    forged.map((value) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? 1 : each))),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const flat = text === "refused" ? undefined : decodeFlat(JSON.parse(text));
      if (!flat) return;
      own++;
      expect(flat.value).toStrictEqual(attempt(() => parse(text)));
    }),
    { numRuns: 5_000 },
  );
  expect(own).toBeGreaterThan(500);
});

test("most values need no library, and what only it can do is left to it", () => {
  const texts = [5, "alice", true, null, [], [5, 5, "x"], {}, { ok: true, balance: 260 }];
  expect(texts.map(encodeFlat)).toEqual(texts.map((each) => stringify(each)));
  class Mine {}
  const others = [
    undefined,
    -0,
    1n,
    "<",
    [0, -0],
    { a: 0, b: -0 },
    [[]],
    new Array(1),
    { a: {} },
    new Mine(),
    new Date(0),
    Object.create(null),
  ];
  expect(others.map(encodeFlat)).toEqual(others.map(() => undefined));
});
