import { describe, expect, test } from "vitest";
import { NO_DEADLINE } from "../../../runtime/core/deadline.ts";
import { addressIn, decodeEnvelope, EnvelopeError, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { ActorFormatError, ActorNameError } from "../../../runtime/core/errors.ts";
import { isAfter } from "../../../runtime/core/mark.ts";
import {
  decodeMessage,
  encodeMessage,
  encodePack,
  mayBePacked,
  packOverhead,
} from "../../../runtime/core/message.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { awaitedCall, oneWay } from "../adapters/envelopes.ts";

const calls = (count: number, name = "a") =>
  Array.from({ length: count }, (_, n) => awaitedCall(name, `e${n}`, 1000)) as [Envelope, ...Envelope[]];

describe("a message", () => {
  test("of one envelope is its text, and nothing more", () => {
    const [call] = calls(1);
    expect(encodeMessage([call])).toBe(encodeEnvelope(call));
    expect(decodeMessage(encodeEnvelope(call))).toEqual([call]);
  });

  test("of several says whose they are before it has them, each as it would be by itself, in order", () => {
    const pack = calls(3);
    const text = encodeMessage(pack);
    expect(JSON.parse(text)).toEqual({
      v: 3,
      type: "T",
      name: "a",
      pack: pack.map((each) => JSON.parse(encodeEnvelope(each))),
    });
    expect(decodeMessage(text)).toEqual(pack);
    expect(text).toBe(encodePack({ type: "T", name: "a" }, pack.map(encodeEnvelope)));
  });

  test("of several is nothing that a worker without packs could take for an envelope", () => {
    expect(() => decodeEnvelope(encodeMessage(calls(2)))).toThrow(ActorFormatError);
  });

  test("has the bytes that it is said to have", () => {
    const to = { type: "T", name: 'ü"\\\n' };
    const texts = ["{}", "{}", "{}"];
    const bytes = Buffer.byteLength(encodePack(to, texts));
    expect(bytes).toBe(packOverhead(to) + 3 * 2 + 2);
  });

  test("has no character that SQS refuses, whatever its envelopes hold", () => {
    const odd = "\ufffe\uffff\u0000\u001f\ud83d\ude00";
    const to = { type: "T", name: odd };
    const call = {
      ...awaitedCall("a", "e1", 1),
      to,
      call: { kind: "method", method: "m", args: odd },
    } as const;
    for (const envelopes of [[call], [call, call]] as const) {
      const text = encodeMessage(envelopes);
      // Of what XML 1.0 has as well: tab, line feeds, and all from the space on but surrogates and two that are no characters.
      expect(text).toMatch(/^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u);
      expect(decodeMessage(text)).toEqual(envelopes);
    }
  });

  const packOf = (...envelopes: unknown[]) => JSON.stringify({ v: 3, type: "T", name: "a", pack: envelopes });
  const plain = JSON.parse(encodeEnvelope(calls(1)[0])) as object;
  test.each([
    ["a pack of nothing", packOf()],
    ["a pack that is no list", JSON.stringify({ v: 3, pack: { 0: plain, length: 1 } })],
    ["a pack whose list it has inherited", '{"v":3,"__proto__":{"pack":[{}]}}'],
    ["a pack that says not whose it is", packOf(plain).replace('"type":"T",', "")],
    ["a pack of more than are read", packOf(...Array.from({ length: 101 }, () => plain))],
    ["a pack of something else", packOf(plain, 5)],
    ["a pack of nothing at all", packOf(null)],
    ["a pack for two instances", packOf(plain, { ...plain, name: "b" })],
    ["a pack for another instance than it names", packOf(plain).replace('"name":"a"', '"name":"b"')],
    ["a pack with an envelope that is none", packOf(plain, { ...plain, id: 5 })],
    ["no JSON", "pack"],
  ])("that is %s is refused by name", (_, text) => {
    expect(() => decodeMessage(text)).toThrow(EnvelopeError);
  });

  test.each([
    ["of a newer format", packOf(plain).replace('"v":3', '"v":4')],
    ["with one in it that is", packOf(plain, { ...plain, v: 4 })],
    ["with a pack in it", packOf(plain, JSON.parse(packOf(plain)))],
  ])("%s is left to a newer version", (_, text) => {
    expect(() => decodeMessage(text)).toThrow(ActorFormatError);
    expect(addressIn(text)).toEqual({ type: "T", name: "a" });
  });

  test("with a name that none can have is refused by name", () => {
    expect(() => decodeMessage(packOf(plain, { ...plain, name: "" }))).toThrow(ActorNameError);
  });

  test("of a later version may have more envelopes than this one sends", () => {
    expect(decodeMessage(encodeMessage(calls(100)))).toHaveLength(100);
  });
});

test("only a call that somebody waits for may be packed: its deadline ends what a dead worker would bring again", () => {
  expect(mayBePacked(awaitedCall("a", "e1", 1000))).toBe(true);
  expect(mayBePacked({ ...awaitedCall("a", "=k", 1000), attempt: "a1" })).toBe(true);
  expect(mayBePacked(oneWay("a", "m1"))).toBe(false);
  expect(mayBePacked({ ...awaitedCall("a", "e1", 1000), due: 5 })).toBe(false);
  expect(mayBePacked(awaitedCall("a", "e1", NO_DEADLINE))).toBe(false);
  expect(mayBePacked(wakeEnvelope({ type: "T", name: "a" }, { at: 1, version: 1 }))).toBe(false);
});

describe("I4: a place in the mailbox", () => {
  const place = (sequence: string, index?: number) => ({
    queue: "q",
    sequence,
    ...(index !== undefined && { index }),
  });

  test("is that of the message, then that of the envelope in it", () => {
    const places = [place("9"), place("9", 1), place("9", 2), place("9", 10), place("10"), place("11", 3)];
    for (const [one, a] of places.entries()) {
      for (const [other, b] of places.entries()) expect(isAfter(a, b)).toBe(one > other);
    }
  });

  test("without an index is the first of its message: what is behind that has not been passed", () => {
    expect(isAfter(place("9", 0), place("9"))).toBe(false);
    expect(isAfter(place("9"), place("9", 0))).toBe(false);
    expect(isAfter(place("9", 1), place("9"))).toBe(true);
  });

  test("compares with nothing of another queue", () => {
    expect(isAfter(place("9", 1), { ...place("9"), queue: "other" })).toBeUndefined();
    expect(isAfter(place("9", 1), undefined)).toBe(true);
  });
});
