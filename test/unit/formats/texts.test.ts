import fc from "fast-check";
import { expect, test } from "vitest";
import { exportedLines, parseInstanceFile } from "../../../cli/instance-file.ts";
import { createStash } from "../../../runtime/adapters/aws/dynamo-stash.ts";
import {
  addressIn,
  decodeEnvelope,
  ENVELOPE_FORMAT,
  EnvelopeError,
  encodeEnvelope,
} from "../../../runtime/core/envelope.ts";
import { ActorFormatError, CodecError } from "../../../runtime/core/errors.ts";
import { decodeMessage, encodeMessage } from "../../../runtime/core/message.ts";
import {
  checkOutcomeFormat,
  decodeOutcome,
  encodeOutcome,
  OUTCOME_FORMAT,
} from "../../../runtime/core/outcome.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import { wakeOf } from "../../../runtime/core/wake.ts";
import { StepClock } from "../core/fixtures.ts";
import { fixture } from "./fixture.ts";

const FINGERPRINT = "0123456789ab";
const { envelopes } = fixture<{ envelopes: Record<string, string> }>("envelope-2");
const { outcomes, standIn, items } = fixture<{
  outcomes: Record<string, string>;
  standIn: string;
  items: { id: { S: string }; outcome: { S: string } }[];
}>("outcome-1");

test.each(Object.entries(envelopes))(
  "I25: an envelope of format 2, %s, is read, and written again to the letter",
  (kind, text) => {
    const envelope = decodeEnvelope(text);
    expect(envelope.to).toEqual({ type: "Account", name: "a/b 😀" });
    expect(addressIn(text)).toEqual(envelope.to);
    expect(encodeEnvelope(envelope)).toBe(text);
    if (kind === "wake") expect(wakeOf(envelope)).toEqual({ at: 1_790_000_000_123, version: 7 });
  },
);

test("I25: a pack is read, and written again to the letter; who knows none sees whose it is", () => {
  const { pack } = fixture<{ pack: string }>("message-3");
  const packed = decodeMessage(pack);
  expect(packed.map(({ id }) => id)).toEqual(["e1", "=k1", "e1"]);
  expect(encodeMessage(packed)).toBe(pack);
  expect(() => decodeEnvelope(pack)).toThrow(ActorFormatError);
  expect(addressIn(pack)).toEqual(packed[0].to);
});

test("I25: a field that may be left out is left out by who does not know it", () => {
  const text = envelopes.call ?? "";
  const extended = JSON.stringify({ ...JSON.parse(text), toCome: { any: 1 } });
  expect(decodeEnvelope(extended)).toEqual(decodeEnvelope(text));
});

test("I25: an envelope of a newer format is refused by name, and still says whose it is, whatever else it holds", () => {
  const { newest } = ENVELOPE_FORMAT;
  fc.assert(
    fc.property(
      fc.integer({ min: newest + 1, max: newest + 1000 }),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (v, rest) => {
        const text = JSON.stringify({ ...rest, v, type: "Account", name: "ann" });
        expect(() => decodeEnvelope(text)).toThrow(ActorFormatError);
        expect(() => decodeEnvelope(text)).toThrow(
          `an envelope has the format ${v}, and this version of stateful-actors reads up to ${newest}: deploy the newer version here, too`,
        );
        expect(addressIn(text)).toEqual({ type: "Account", name: "ann" });
      },
    ),
  );
});

test("what does not say whose it is, or has no number, is no envelope of any version", () => {
  const call = JSON.parse(envelopes.call ?? "");
  for (const forged of [
    { v: 3 },
    { ...call, v: 3, type: "a/b" },
    { ...call, v: 3, name: "" },
    { ...call, v: 1 },
    { ...call, v: "3" },
    { ...call, v: 2.5 },
  ]) {
    expect(() => decodeEnvelope(JSON.stringify(forged))).toThrow(EnvelopeError);
  }
  expect(addressIn("no JSON")).toBeUndefined();
});

test.each(Object.entries(outcomes))(
  "I25: an outcome of the first format, %s, is read, and written again to the letter",
  (_, text) => {
    const { fingerprint, outcome } = decodeOutcome(text);
    expect(fingerprint).toBe(FINGERPRINT);
    expect(encodeOutcome(outcome, fingerprint)).toBe(text);
  },
);

test("I25: an outcome of a newer format is refused by name, the call's effect unknown", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: OUTCOME_FORMAT.newest + 1, max: 10_000 }),
      fc.string({ minLength: 1 }),
      (number, rest) => {
        const tag = /^\d/.test(rest) ? "+" : "";
        for (const text of [`${FINGERPRINT}${number}${tag}${rest}`, `@${number}@${rest}`]) {
          const refusal = (() => {
            try {
              return checkOutcomeFormat(text);
            } catch (error) {
              return error;
            }
          })();
          expect(refusal).toBeInstanceOf(ActorFormatError);
          expect((refusal as ActorFormatError).effect).toBe("unknown");
        }
      },
    ),
  );
  expect(() => decodeOutcome(`${FINGERPRINT}2+[1]`)).toThrow(
    "an outcome has the format 2, and this version of stateful-actors reads up to 1: update stateful-actors here, then ask again under the same key",
  );
});

test("I25: outcomes of heads of the first format had no fingerprint, and are not taken for newer ones", () => {
  expect(() => checkOutcomeFormat("+[[1],123456789,2]")).not.toThrow();
  expect(() => decodeOutcome("+[[1],123456789,2]")).toThrow(CodecError);
  for (const { outcome } of items) expect(() => checkOutcomeFormat(outcome.S)).not.toThrow();
});

test("I25: what stands for a long outcome is read, and refused where it is newer", async () => {
  const reads: string[] = [];
  const client = {
    send: async ({ input }: { input: { Key: { id: { S: string } } } }) => {
      reads.push(input.Key.id.S);
      return { Item: { outcome: { S: input.Key.id.S.endsWith("0") ? `${FINGERPRINT}+["y` : 'z"]' } } };
    },
  };
  const options = {
    client,
    table: "replies",
    clock: new StepClock(),
    ids: { next: () => "x2" },
    retentionMs: 1000,
  };
  const stash = createStash(options as unknown as Parameters<typeof createStash>[0]);
  expect(await stash.resolve(standIn)).toBe(`${FINGERPRINT}+["yz"]`);
  expect(stash.endOf(standIn)).toBe(1_790_007_200_000);
  expect(reads).toEqual(fixture<{ partIds: string[] }>("outcome-1").partIds);
  await expect(stash.resolve("@2@whatever:it:is")).rejects.toBeInstanceOf(ActorFormatError);
  expect(reads).toHaveLength(2);
});

test("I25: an export of the first format is read, and written again to the letter", () => {
  const { lines } = fixture<{ lines: string[] }>("export-1");
  const { type, name, values, alarm } = parseInstanceFile(lines.join("\n"));
  expect({ type, name, alarm }).toEqual({ type: "Account", name: "ann", alarm: 1_790_000_000_123 });
  const head = { ...NEW_HEAD, version: 7, alarm: { at: alarm ?? 0, retries: 1 } };
  expect([...exportedLines({ type, name }, { head, values })]).toEqual(lines);
  const newer = lines.join("\n").replace('"formatVersion":1', '"formatVersion":2');
  expect(() => parseInstanceFile(newer)).toThrow(
    "line 1 can't be imported: it has the format version 2, and this version reads up to 1: import it with the version that wrote it, or a later one",
  );
});
