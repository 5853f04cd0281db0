import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  CodecError,
  failureOf,
  fromWireError,
  PayloadTooLargeError,
  StorageLimitError,
  toWireError,
} from "../../../runtime/core/errors.ts";
import { decodeOutcome, encodeOutcome, failed, resultOf } from "../../../runtime/core/outcome.ts";
import * as publicErrors from "../../../runtime/errors.ts";
import { ActorMethodError } from "../../../runtime/index.ts";
import { FINGERPRINT } from "./fixtures.ts";

/** What the caller of a turn that threw this gets. */
function overTheWire(thrown: unknown, exposeStacks: boolean): unknown {
  const { outcome } = decodeOutcome(encodeOutcome(failed(failureOf(thrown), { exposeStacks }), FINGERPRINT));
  try {
    return resultOf(outcome, "greet");
  } catch (error) {
    return error;
  }
}

describe("what a method threw", () => {
  test("travels with its stack where stacks are exposed, as the cause", () => {
    const thrown = new RangeError("oh no");
    const error = overTheWire(thrown, true) as Error;
    expect(error).toBeInstanceOf(ActorMethodError);
    expect(error.message).toBe("oh no");
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.cause).toMatchObject({ name: "RangeError", message: "oh no", stack: thrown.stack });
  });

  test("travels by name and message alone where they are not", () => {
    expect(toWireError(new RangeError("oh no"), { exposeStacks: false })).toEqual({
      name: "ActorMethodError",
      message: "oh no",
    });
    expect((overTheWire(new RangeError("oh no"), false) as Error).cause).toBeUndefined();
  });

  test("has a stack of 4,000 characters at most, and none when it is no error", () => {
    const deep = Object.assign(new Error("deep"), { stack: "x".repeat(5000) });
    expect(toWireError(deep, { exposeStacks: true }).cause?.stack).toHaveLength(4000);
    expect(toWireError("text", { exposeStacks: true })).toEqual({
      name: "ActorMethodError",
      message: "text",
    });
  });

  test("travels with the causes of its cause, four deep at most", () => {
    let error = new Error("level 0");
    for (let level = 1; level < 8; level++) error = new Error(`level ${level}`, { cause: error });
    const messages: string[] = [];
    for (
      let each = overTheWire(error, true) as Error | undefined;
      each;
      each = each.cause as Error | undefined
    ) {
      messages.push(each.message);
    }
    expect(messages).toEqual(["level 7", "level 7", "level 6", "level 5", "level 4"]);
  });

  test("and that the runtime threw keeps its name", () => {
    expect(overTheWire(new StorageLimitError("too much"), false)).toMatchObject({
      name: "StorageLimitError",
      effect: "failed",
    });
  });
});

describe.each([CodecError, PayloadTooLargeError])("%o", (Known) => {
  test("is refused over the wire when it was", () => {
    const wire = toWireError(new Known("bad", { effect: "refused" }), { exposeStacks: false });
    expect(wire).toEqual({ name: Known.name, message: "bad", effect: "refused" });
    expect(fromWireError(wire)).toMatchObject({ name: Known.name, effect: "refused" });
  });

  test("else it failed", () => {
    const wire = toWireError(new Known("bad"), { exposeStacks: false });
    expect(wire).toEqual({ name: Known.name, message: "bad" });
    expect(fromWireError(wire)).toMatchObject({ name: Known.name, effect: "failed" });
  });
});

test.each(["SomethingNewer", "constructor", "__proto__", "ActorError"])(
  "an error by the name %s, which this version does not know, is the method's",
  (name) => {
    const error = fromWireError({ name, message: "new" });
    expect(error).toBeInstanceOf(ActorMethodError);
    expect(error).toMatchObject({ name: "ActorMethodError", message: "new", effect: "failed" });
  },
);

describe("each error", () => {
  test("leads to a section that tells its cause and cure, and no section is left over", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/errors.md"), "utf8");
    const sections = [...page.matchAll(/^## (.*)$/gm)].map(([, name = ""]) => name);
    const classes = Object.entries(publicErrors).filter(([name]) => name !== "ActorError");
    expect(sections.sort()).toEqual(classes.map(([name]) => name).sort());
    for (const name of sections) {
      const { help } = fromWireError({ name, message: "" });
      expect(help).toBe(`docs/errors.md#${name.toLowerCase()}`);
    }
  });
});
