import { expect, test } from "vitest";
import { type Duration, durationMs } from "../../../handlers/duration.ts";
import { Session } from "./session.ts";
import { start } from "./start.ts";

test.each<[Duration, number]>([
  [0, 0],
  [1500, 1500],
  ["0s", 0],
  ["250ms", 250],
  ["30s", 30_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
])("%j is a duration", (duration, ms) => expect(durationMs(duration)).toBe(ms));

test.each([
  ["5 minutes", '"5 minutes"'],
  ["5", '"5"'],
  ["", '""'],
  ["1.5h", '"1.5h"'],
  ["-5m", '"-5m"'],
  [" 5m", '" 5m"'],
  ["5M", '"5M"'],
  ["99999999999999999d", '"99999999999999999d"'],
  [-1, "-1"],
  [0.5, "0.5"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "Infinity"],
  [undefined, "undefined"],
  [null, "null"],
])("%j is refused, with the rule and an example", async (duration, shown) => {
  const refusal = `${shown} is no duration: give a whole number and one of the units ms, s, m, h and d, such as "5m", or a whole number of ms from 0 on, such as 300_000`;
  expect(() => durationMs(duration as Duration)).toThrow(new TypeError(refusal));
  const actors = await start({ Session });
  const before = actors.now();
  await expect(actors.advance(duration as Duration)).rejects.toThrow(refusal);
  expect(actors.now()).toBe(before);
});
