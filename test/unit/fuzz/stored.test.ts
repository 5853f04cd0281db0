import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ManifestError, parseManifest } from "../../../project/manifest.ts";
import { HeadFormatError, headFromItem, headToItem } from "../../../runtime/adapters/aws/dynamo-head.ts";
import { ActorError, ActorFormatError, CodecError } from "../../../runtime/core/errors.ts";
import { decodeOutcome, encodeOutcome, failed, resultOf, succeeded } from "../../../runtime/core/outcome.ts";
import { inherited, jsonValue, loadedName, mutated, SEED } from "./hostile.ts";

const FINGERPRINT = "0123456789ab";

test("I20: a reply text is an outcome, or a CodecError; its error is always one of ours", () => {
  const texts = fc.oneof(
    mutated(
      jsonValue.map((value) =>
        encodeOutcome(succeeded(value === undefined ? null : plain(value), "m"), FINGERPRINT),
      ),
    ),
    mutated(fc.string().map((message) => encodeOutcome(failed(new Error(message)), FINGERPRINT))),
    fc
      .record({ name: loadedName, message: fc.string(), effect: jsonValue, cause: jsonValue })
      .map((error) => `${FINGERPRINT}-${JSON.stringify(error)}`),
    fc.string(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        resultOf(decodeOutcome(text).outcome, "m");
      } catch (error) {
        expect(error).toBeInstanceOf(ActorError);
        expect(typeof (error as Error).message).toBe("string");
      }
    }),
    { numRuns: 3000, seed: SEED },
  );
  expect(() => decodeOutcome("x")).toThrow(CodecError);
});

test("causes of causes are looked at only so far", () => {
  const depth = 50_000;
  const text = `${FINGERPRINT}-${'{"name":"A","message":"m","stack":"s","cause":'.repeat(depth)}null${"}".repeat(depth)}`;
  expect(() => resultOf(decodeOutcome(text).outcome, "m")).toThrow(ActorError);
});

/** What the codec takes: no own __proto__. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, each) => (key === "__proto__" ? undefined : each));
}

const attribute: fc.Arbitrary<AttributeValue> = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      loadedName.map((S) => ({ S })),
      fc.oneof(fc.integer().map(String), fc.constantFrom("NaN", "", "1e400", "-1")).map((N) => ({ N })),
      fc.boolean().map((BOOL) => ({ BOOL })),
      fc.constant({ NULL: true as const }),
    ),
    fc.array(tie("value"), { maxLength: 3 }).map((L) => ({ L })),
    fc.dictionary(loadedName, tie("value"), { maxKeys: 3 }).map((M) => ({ M })),
  ),
})).value;

test("I20: any item is a head, or refused by its format; what is no text is not taken for one", () => {
  const before = inherited();
  const fields = [
    "format",
    "version",
    "inline",
    "settled",
    "spilled",
    "generation",
    "swept",
    "mark",
    "outbox",
    "alarm",
    "wake",
  ];
  const item = fc
    .dictionary(fc.constantFrom(...fields), attribute, { noNullPrototype: true })
    .map((given) => ({
      format: { N: "3" },
      ...given,
    }));
  let heads = 0;
  fc.assert(
    fc.property(item, (given: Record<string, AttributeValue>) => {
      try {
        const head = headFromItem(given);
        heads++;
        for (const text of [...head.inline.values(), ...head.settled.values(), ...head.outbox]) {
          expect(typeof text).toBe("string");
        }
        // It can be written again, by the worker that read it.
        headToItem(head);
      } catch (error) {
        expect([HeadFormatError, ActorFormatError]).toContain((error as Error).constructor);
      }
    }),
    { numRuns: 3000, seed: SEED },
  );
  expect(heads).toBeGreaterThan(300);
  expect(inherited()).toBe(before);
});

test("I20: any text is a manifest, or a ManifestError that names the file; keys are only keys", () => {
  const before = inherited();
  const manifest = `name = "a-b"\nmain = "src/index.ts"\ncompatibility_date = "2026-05-01"\n[[actors]]\nbinding = "A"\ntype = "B"\n[env_vars]\nXY = "1"\n[storage.kv.C]\n[telnyx]\nbinding = "D"\n`;
  const lines = fc
    .array(
      fc.oneof(
        fc.constantFrom(...manifest.split("\n")),
        fc
          .tuple(loadedName, jsonValue)
          .map(([key, value]) => `${JSON.stringify(key)} = ${JSON.stringify(value)}`),
        loadedName.map((key) => `[${JSON.stringify(key)}]`),
        loadedName.map((key) => `[env_vars.${JSON.stringify(key)}]`),
      ),
      { maxLength: 12 },
    )
    .map((all) => all.join("\n"));
  fc.assert(
    fc.property(fc.oneof(mutated(fc.constant(manifest)), lines, fc.string()), (text) => {
      try {
        const { actors, envVars, name } = parseManifest(text, "actors.toml");
        expect(name).toMatch(/^[A-Za-z][A-Za-z0-9-]*$/);
        for (const { binding, type } of actors) expect(`${binding}${type}`).toMatch(/^\w+$/);
        for (const value of Object.values(envVars)) expect(typeof value).toBe("string");
      } catch (error) {
        expect(error).toBeInstanceOf(ManifestError);
        expect((error as Error).message).toMatch(/^actors\.toml/);
      }
    }),
    { numRuns: 4000, seed: SEED },
  );
  expect(inherited()).toBe(before);
});
