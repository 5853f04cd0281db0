import { expect, test } from "vitest";
import { nearest } from "../../../cli/nearest.ts";

const COMMANDS = ["dev", "types", "deploy", "inspect"];

test.each([
  ["dve", "dev"],
  ["dex", "dev"],
  ["DEV", "dev"],
  ["tpyes", "types"],
  ["type", "types"],
  ["typess", "types"],
  ["isnpetc", "inspect"],
  ["develop", "dev"],
  ["i", "inspect"],
])("%s was meant for %s", (written, meant) => {
  expect(nearest(written, COMMANDS)).toBe(meant);
});

test.each(["", "x", "serve", "new", "tips", "constructor", "dxx"])("nothing is near %j", (written) => {
  expect(nearest(written, COMMANDS)).toBeUndefined();
});

test("with no candidates nothing is near", () => {
  expect(nearest("dev", [])).toBeUndefined();
});
