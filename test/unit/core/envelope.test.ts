import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../../runtime/adapters/system/ids.ts";
import { actorKey, checkName } from "../../../runtime/core/actor-id.ts";
import { decodeEnvelope, EnvelopeError, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { isEnvelopeId } from "../../../runtime/core/envelope-id.ts";
import { ActorNameError } from "../../../runtime/core/errors.ts";
import { isAfter } from "../../../runtime/core/mark.ts";
import { isWake, wakeEnvelope, wakeOf } from "../../../runtime/core/wake.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";

const envelope: Envelope = {
  id: "e1",
  attempt: "a1",
  to: { type: "Account", name: "a/b 😀" },
  call: { kind: "method", method: "debit", args: "[[1],5]" },
  fingerprint: "0123456789ab",
  awaited: true,
  due: 99,
  deadline: 123,
  chain: ["Relay/one"],
};

describe("envelope", () => {
  test("comes back as sent", () => {
    expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
    const plain: Envelope = { ...envelope, attempt: undefined, due: undefined, chain: [] };
    expect(decodeEnvelope(encodeEnvelope(plain))).toEqual(plain);
    const fetch: Envelope = {
      ...plain,
      awaited: false,
      call: { kind: "fetch", method: "fetch", args: "[[]]" },
    };
    expect(decodeEnvelope(encodeEnvelope(fetch))).toEqual(fetch);
  });

  test("a wake comes back as sent, and has the same id each time; another wake has another one", () => {
    const wake = { at: 1_790_000_000_123, version: 42 };
    const sent = wakeEnvelope(envelope.to, wake);
    const back = decodeEnvelope(encodeEnvelope(sent));
    expect(back).toEqual(sent);
    expect(isWake(back)).toBe(true);
    expect(wakeOf(back)).toEqual(wake);
    expect(wakeEnvelope(envelope.to, wake).id).toBe(sent.id);
    for (const other of [
      { ...wake, at: wake.at + 1 },
      { ...wake, version: 43 },
    ]) {
      expect(wakeEnvelope(envelope.to, other).id).not.toBe(sent.id);
    }
    expect(isEnvelopeId(sent.id)).toBe(false);
  });

  test.each(["", "0", "-1", "1.5", "[[1],7]", "9".repeat(20)])("a wake of version %j is refused", (args) => {
    const sent = wakeEnvelope(envelope.to, { at: 5, version: 1 });
    const forged = encodeEnvelope({ ...sent, call: { ...sent.call, args } });
    expect(() => decodeEnvelope(forged)).toThrow(EnvelopeError);
  });

  test("a wake without a time is refused", () => {
    const sent = wakeEnvelope(envelope.to, { at: 5, version: 1 });
    expect(() => decodeEnvelope(encodeEnvelope({ ...sent, due: undefined }))).toThrow(
      'a wake must have "due" and, as "args", the version of a head',
    );
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[1]"],
    ["null", "null"],
    ["an older format than is read", encodeEnvelope(envelope).replace('"v":2', '"v":1')],
    ["a missing field", encodeEnvelope(envelope).replace('"id"', '"di"')],
    ["a field of the wrong type", encodeEnvelope(envelope).replace('"debit"', "5")],
    ["a chain that is no list of keys", encodeEnvelope(envelope).replace('["Relay/one"]', "[5]")],
    ["an unknown kind", encodeEnvelope(envelope).replace('"method":', '"kind":"sql","method":')],
    ["a due time that is no number", encodeEnvelope(envelope).replace("99", "null")],
    ["an attempt that is no text", encodeEnvelope(envelope).replace('"a1"', "1")],
    ["a deadline that is no number", encodeEnvelope(envelope).replace("123", '"123"')],
    [
      "a field from the prototype",
      '{"v":2,"__proto__":{"id":"x"},"type":"a","name":"b","method":"c","args":"[]","deadline":1}',
    ],
  ])("%s is refused", (_, text) => {
    expect(() => decodeEnvelope(text)).toThrow(EnvelopeError);
  });

  test("never throws anything but EnvelopeError", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => decodeEnvelope(text)).toThrow(EnvelopeError);
      }),
    );
  });
});

describe("instance names", () => {
  test("two names that differ in one code point are two instances", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
        const keys = new Set([actorKey({ type: "T", name: a }), actorKey({ type: "T", name: b })]);
        expect(keys.size).toBe(a === b ? 1 : 2);
      }),
    );
    expect("é".normalize("NFD")).not.toBe("é");
    expect(actorKey({ type: "T", name: "é".normalize("NFD") })).not.toBe(actorKey({ type: "T", name: "é" }));
  });

  test.each<[string, unknown, string]>([
    ["empty", "", "must not be empty"],
    ["10 KB", "x".repeat(10_240), "has 10240 bytes; at most 1024"],
    ["1025 bytes in fewer characters", "é".repeat(513), "has 1026 bytes"],
    ["half a surrogate pair", "a\udc00", "surrogate"],
    ["no string", 7, "must be a string, not number"],
  ])("%s is refused", (_, name, message) => {
    expect(() => checkName(name)).toThrow(ActorNameError);
    expect(() => checkName(name)).toThrow(message);
  });

  test.each([" ", "a b", "a/b", "😀", "..", "x".repeat(1024), "\u0000", "__proto__"])(
    "%j is a name",
    (name) => {
      expect(() => checkName(name)).not.toThrow();
    },
  );
});

test("an id fits into an envelope's and is never given twice", () => {
  const ids = Array.from({ length: 1000 }, () => randomIds.next());
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/);
});

test("a timer that was cancelled does not fire", () => {
  vi.useFakeTimers();
  const fired: string[] = [];
  const cancel = systemClock.after(10, () => fired.push("cancelled"));
  systemClock.after(10, () => fired.push("kept"));
  cancel();
  vi.advanceTimersByTime(10);
  vi.useRealTimers();
  expect(fired).toEqual(["kept"]);
});

test("marks compare as numbers of any length, within one queue only", () => {
  const at = (sequence: string, queue = "q") => ({ queue, sequence });
  expect(isAfter(at("10"), at("9"))).toBe(true);
  expect(isAfter(at("9"), at("10"))).toBe(false);
  expect(isAfter(at("18850000000000000000"), at("18849999999999999999"))).toBe(true);
  expect(isAfter(at("5"), at("5"))).toBe(false);
  expect(isAfter(at("5"), undefined)).toBe(true);
  expect(isAfter(at("5", "other"), at("4"))).toBeUndefined();
});
