import fc from "fast-check";
import { expect, test } from "vitest";
import { EXPORT_FORMAT } from "../../../cli/instance-file.ts";
import { HEAD_FORMAT } from "../../../runtime/adapters/aws/dynamo-head.ts";
import { STATE_FILE_FORMAT } from "../../../runtime/adapters/local/state-file.ts";
import { ENVELOPE_FORMAT } from "../../../runtime/core/envelope.ts";
import { ActorFormatError } from "../../../runtime/core/errors.ts";
import { ageOf, type Format, newerFormat } from "../../../runtime/core/format.ts";
import { OUTCOME_FORMAT } from "../../../runtime/core/outcome.ts";

const FORMATS = { HEAD_FORMAT, ENVELOPE_FORMAT, OUTCOME_FORMAT, STATE_FILE_FORMAT, EXPORT_FORMAT };

const format = (oldest: number, newest: number): Format => ({
  what: "a thing",
  oldest,
  newest,
  written: newest,
  cure: "deploy it",
  effect: "refused",
});

test("I25: whoever reads from one form to another reads those, calls later ones newer, and takes nothing else for one", () => {
  const forms = fc.tuple(fc.nat(50), fc.nat(50)).map(([oldest, more]) => ({ oldest, newest: oldest + more }));
  const found = fc.oneof(fc.integer({ min: -2, max: 120 }), fc.double(), fc.string(), fc.constant(undefined));
  fc.assert(
    fc.property(forms, found, ({ oldest, newest }, number) => {
      const age = ageOf(format(oldest, newest), number);
      if (typeof number !== "number" || !Number.isSafeInteger(number)) expect(age).toBe("none");
      else expect(age).toBe(number > newest ? "newer" : number < oldest ? "none" : "readable");
    }),
  );
});

test("I25: of two versions that write what both read, each reads the other; the one before that refuses by name", () => {
  const before = format(1, 1);
  const between: Format = { ...format(1, 2), written: 1 };
  const after = format(1, 2);
  expect([before, between, after].map((reader) => ageOf(reader, between.written))).toEqual(
    Array(3).fill("readable"),
  );
  expect([before, between, after].map((reader) => ageOf(reader, after.written))).toEqual([
    "newer",
    "readable",
    "readable",
  ]);
  const error = newerFormat(before, after.written);
  expect(error).toBeInstanceOf(ActorFormatError);
  expect(error.effect).toBe("refused");
  expect(error.message).toBe(
    "a thing has the format 2, and this version of stateful-actors reads up to 1: deploy it",
  );
});

test.each(Object.entries(FORMATS))("%s: what is written can be read", (_, each) => {
  expect(ageOf(each, each.written)).toBe("readable");
});

test("a new form of what lies in a state file is a new form of the file: whoever changes one of these numbers changes its too", () => {
  // By the file's form, what was first written into it. A change of the others without a line of its own fails here.
  const inFile: Record<number, unknown> = { 1: { envelope: 2, outcome: 1 } };
  expect({ envelope: ENVELOPE_FORMAT.written, outcome: OUTCOME_FORMAT.written }).toEqual(
    inFile[STATE_FILE_FORMAT.written],
  );
});
