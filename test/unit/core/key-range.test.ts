import { describe, expect, test } from "vitest";
import { inRange, keyRange } from "../../../runtime/core/key-range.ts";
import type { ListOptions } from "../../../runtime/index.ts";

const all = { from: "", to: undefined, reverse: false, limit: 128 };

describe("the range of a list", () => {
  test.each<[string, ListOptions | null | undefined, object]>([
    ["nothing: all keys, the first 128", undefined, {}],
    ["null", null, {}],
    ["undefined options", { start: undefined, limit: undefined } as unknown as ListOptions, {}],
    ["a prefix", { prefix: "b" }, { from: "b", to: "c" }],
    ["an empty prefix", { prefix: "" }, {}],
    ["a prefix that nothing comes after", { prefix: "\u{10ffff}" }, { from: "\u{10ffff}" }],
    ["start: inclusive", { start: "b" }, { from: "b" }],
    ["startAfter: exclusive", { startAfter: "b" }, { from: "b\0" }],
    ["startAfter the empty key", { startAfter: "" }, { from: "\0" }],
    ["end: exclusive", { end: "b" }, { to: "b" }],
    ["an empty end: nothing", { end: "" }, { to: "" }],
    ["start within the prefix", { prefix: "b", start: "bb" }, { from: "bb", to: "c" }],
    ["start before the prefix", { prefix: "b", start: "a" }, { from: "b", to: "c" }],
    ["start and startAfter: the later one", { start: "b", startAfter: "b" }, { from: "b\0" }],
    ["start and an earlier startAfter", { start: "b", startAfter: "a" }, { from: "b" }],
    ["end within the prefix", { prefix: "b", end: "bb" }, { from: "b", to: "bb" }],
    ["end after the prefix", { prefix: "b", end: "d" }, { from: "b", to: "c" }],
    ["bounds by UTF-8 bytes, from", { start: "\uffff", startAfter: "😀" }, { from: "😀\0" }],
    ["bounds by UTF-8 bytes, to", { prefix: "😀", end: "\uffff" }, { from: "😀", to: "\uffff" }],
    ["a limit", { limit: 1 }, { limit: 1 }],
    ["the largest limit", { limit: 1000 }, { limit: 1000 }],
    [
      "reverse keeps the bounds",
      { start: "a", end: "b", reverse: true },
      { from: "a", to: "b", reverse: true },
    ],
    ["reverse, loosely", { reverse: 1 as unknown as boolean }, { reverse: true }],
  ])("%s", (_, options, range) => {
    expect(keyRange(options)).toEqual({ ...all, ...range });
  });

  test.each([0, -1, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", null])(
    "a limit of %j is refused",
    (limit) => {
      expect(() => keyRange({ limit: limit as number })).toThrow(
        expect.objectContaining({
          name: "StorageLimitError",
          message: `the list limit must be a whole number from 1 to 1000, not ${limit}`,
        }),
      );
    },
  );

  test.each(["prefix", "start", "startAfter", "end"])("%s is held to the rules of a key's text", (bound) => {
    const refused = (value: unknown) => expect(() => keyRange({ [bound]: value }));
    refused(5).toThrow("a storage key must be a string, not number");
    refused("\ud800").toThrow("holds half of a surrogate pair");
    refused("é".repeat(501)).toThrow("has 1002 bytes; at most 1000 are allowed");
    // Unlike a key it may be where the reserved ones are: it only says where to look.
    expect(() => keyRange({ [bound]: "__telnyx_" })).not.toThrow();
  });
});

test.each([
  ["a", false],
  ["b", true],
  ["b\0", true],
  ["\uffff", true],
  ["😀", false],
])("from b to 😀: holds %j is %j", (key, within) => {
  expect(inRange(key, { from: "b", to: "😀" })).toBe(within);
  expect(inRange(key, { from: "b", to: undefined })).toBe(within || key === "😀");
});
