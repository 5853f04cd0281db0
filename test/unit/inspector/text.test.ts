import { describe, expect, test } from "vitest";
import { countdown, parseArguments, visible } from "../../../inspector/text.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

test.each([
  [-5, "due"],
  [0, "due"],
  [1, "in under 1 s"],
  [SECOND, "in 1 s"],
  [59_999, "in 59 s"],
  [4 * MINUTE + 12 * SECOND, "in 4 m 12 s"],
  [2 * HOUR + 30 * SECOND, "in 2 h 0 m"],
  [50 * HOUR, "in 2 d 2 h"],
])("%i ms are %s", (ms, text) => {
  expect(countdown(ms)).toBe(text);
});

test("what can't be seen is written as an escape", () => {
  expect(visible("a\u0000b\u001b\u202ec\u2028\u200b☃ 🎉")).toBe(
    "a\\u{0}b\\u{1b}\\u{202e}c\\u{2028}\\u{200b}☃ 🎉",
  );
});

describe("arguments", () => {
  test("are a JSON array, or nothing", () => {
    expect(parseArguments(' [1, "a", null] ')).toEqual([1, "a", null]);
    expect(parseArguments(" ")).toEqual([]);
  });

  test.each(["{}", "5", "null", "[1,", "a"])("%s is told of", (text) => {
    expect(parseArguments(text)).toMatch(/^the arguments (are no JSON: |must be a JSON array)/);
  });
});
