import { expect, test } from "vitest";
import { encode } from "../../../runtime/core/codec.ts";

test("what is refused deep inside is named by its whole path", () => {
  let deep: unknown = { f() {} };
  for (let level = 0; level < 900; level++) deep = level % 2 ? [deep] : { a: deep };
  let message = "";
  try {
    encode(deep, "the value");
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toBe(`the value can't be encoded at $${"[0].a".repeat(450)}.f: a function (f)`);
});
