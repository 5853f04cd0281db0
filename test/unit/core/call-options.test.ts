import { describe, expect, test } from "vitest";
import { type CallOptions, checkCallOptions } from "../../../runtime/core/call-options.ts";

test.each<CallOptions>([
  {},
  { idempotencyKey: "a" },
  { idempotencyKey: "é".repeat(255) },
  { envelopeId: "=AbC_-09" },
  { envelopeId: "a".repeat(36) },
  { envelopeId: "a", delayMs: 0 },
  { idempotencyKey: "a", delayMs: 900_000 },
  { delayMs: 0.5 },
])("%j are possible", (options) => {
  expect(checkCallOptions(options)).toEqual(options);
});

const KEY_RULE = "is not possible: it is a text of 1 to 255 characters, such as a UUID";
const ID_RULE = "names no envelope; pass on the envelopeId of an ActorCallTimeoutError as it is";
const DELAY_RULE = "is not possible: it is a number from 0 to 900000 (15 minutes)";

describe("an option that breaks its rule is refused by value, rule and fix:", () => {
  test.each<[unknown, string]>([
    [{ idempotencyKey: "" }, `the idempotency key "" ${KEY_RULE}`],
    [{ idempotencyKey: 5 }, `the idempotency key 5 ${KEY_RULE}`],
    [{ idempotencyKey: null }, `the idempotency key null ${KEY_RULE}`],
    [{ idempotencyKey: "\ud800" }, `the idempotency key "\\ud800" ${KEY_RULE}`],
    [
      { idempotencyKey: "a".repeat(256) },
      `the idempotency key "${"a".repeat(59)}… (258 characters) ${KEY_RULE}`,
    ],
    [{ envelopeId: "" }, `the envelopeId "" ${ID_RULE}`],
    [{ envelopeId: "a b" }, `the envelopeId "a b" ${ID_RULE}`],
    [{ envelopeId: "a\n" }, `the envelopeId "a\\n" ${ID_RULE}`],
    [{ envelopeId: "a".repeat(37) }, `the envelopeId "${"a".repeat(37)}" ${ID_RULE}`],
    [{ envelopeId: 7 }, `the envelopeId 7 ${ID_RULE}`],
    [{ envelopeId: undefined }, `the envelopeId undefined ${ID_RULE}`],
    [{ delayMs: -1 }, `a delayMs of -1 ${DELAY_RULE}`],
    [{ delayMs: 900_001 }, `a delayMs of 900001 ${DELAY_RULE}`],
    [{ delayMs: Number.NaN }, `a delayMs of NaN ${DELAY_RULE}`],
    [{ delayMs: "5" }, `a delayMs of "5" ${DELAY_RULE}`],
    [
      { idempotencyKey: "a", envelopeId: "b" },
      "a call has an idempotencyKey or an envelopeId, not both; to ask again for a call with a key, use the key",
    ],
  ])("%j", (options, message) => {
    expect(() => checkCallOptions(options as CallOptions)).toThrow(
      expect.objectContaining({ name: "ActorCallOptionError", effect: "refused", message }),
    );
  });
});
