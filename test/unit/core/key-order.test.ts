import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterPrefix, compareKeys } from "../../../runtime/core/key-order.ts";

/** Where the order of UTF-16 units and that of UTF-8 bytes part, and where code points end. */
const NEIGHBOURS = [0, 0x61, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10001, 0x10ffff];
const character = fc.oneof(
  fc.constantFrom(...NEIGHBOURS.map((point) => String.fromCodePoint(point))),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);
const text = fc.array(character, { maxLength: 4 }).map((characters) => characters.join(""));
const bytewise = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe("the order of keys", () => {
  test("is that of their UTF-8 bytes", () => {
    fc.assert(
      fc.property(text, text, text, (start, a, b) => {
        for (const [left, right] of [
          [a, b],
          [start + a, start + b],
          [start, start + a],
        ] as const) {
          expect(Math.sign(compareKeys(left, right))).toBe(bytewise(left, right));
        }
      }),
      { numRuns: 5000 },
    );
  });

  test("what begins with a prefix is what lies between it and the key after it", () => {
    fc.assert(
      fc.property(text, text, text, (prefix, rest, other) => {
        const end = afterPrefix(prefix);
        if (end !== undefined) expect(end.isWellFormed()).toBe(true);
        for (const key of [prefix, prefix + rest, other, end ?? ""]) {
          const within = bytewise(key, prefix) >= 0 && (end === undefined || bytewise(key, end) < 0);
          expect(within).toBe(key.startsWith(prefix));
        }
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ["a", "b"],
    ["a\ud7ff", "a\ue000"],
    ["a\uffff", "a\u{10000}"],
    ["a\u{10ffff}", "b"],
    ["\u{10ffff}\u{10ffff}", undefined],
    ["", undefined],
  ])("after all that begins with %j comes %j", (prefix, end) => {
    expect(afterPrefix(prefix)).toBe(end);
  });
});
