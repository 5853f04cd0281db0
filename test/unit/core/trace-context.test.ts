import { describe, expect, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { requestTrace, traceContext, traceIdOf } from "../../../runtime/core/trace-context.ts";
import { delivery } from "./fixtures.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe("a traceparent", () => {
  test("is taken as it is", () => {
    expect(traceContext(PARENT, undefined)).toEqual({ parent: PARENT });
    expect(traceIdOf({ parent: PARENT })).toBe(TRACE);
  });

  test.each([
    ["of a later version", `cc-${TRACE}-${SPAN}-01`],
    ["of a later version with more behind it", `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
  ])("%s is read as far as it is known", (_, text) => {
    expect(traceContext(text, undefined)).toEqual({ parent: PARENT });
  });

  test.each([
    ["nothing", ""],
    ["of no version", `${TRACE}-${SPAN}-01`],
    ["of the version that must not be", `ff-${TRACE}-${SPAN}-01`],
    ["with more behind it than its version has", `${PARENT}-more`],
    ["of a later version, run on", `cc-${TRACE}-${SPAN}-01x`],
    ["in capitals", PARENT.toUpperCase()],
    ["of a trace that is none", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["of a span that is none", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["too short", PARENT.slice(0, -1)],
    ["too long", `${PARENT}0`],
    ["sent twice", `${PARENT}, ${PARENT}`],
    ["with something that is no digit", PARENT.replace("f", "g")],
  ])("%s is dropped", (_, text) => {
    expect(traceContext(text, "a=1")).toBeUndefined();
  });
});

describe("a tracestate", () => {
  const stateOf = (state: string) => traceContext(PARENT, state)?.state;

  test.each([
    ["a=1,b=2", "a=1,b=2"],
    [" a=1 ,\tb=2", "a=1,b=2"],
    ["a=1,,b=2,", "a=1,b=2"],
    ["tenant1@vendor=x y", "tenant1@vendor=x y"],
    ["0tenant@v=!", "0tenant@v=!"],
  ])("%j is kept", (given, kept) => expect(stateOf(given)).toBe(kept));

  test.each([
    ["a key in capitals", "A=1"],
    ["a key twice", "a=1,a=2"],
    ["no value", "a="],
    ["no key", "=1"],
    ["two equals signs", "a=1=2"],
    ["no member", ","],
    ["a character beyond ASCII", "a=ü"],
    ["more members than 32", Array.from({ length: 33 }, (_, n) => `k${n}=1`).join(",")],
    ["a key too long", `${"a".repeat(257)}=1`],
  ])("%s: it is dropped, the parent stays", (_, state) => {
    expect(traceContext(PARENT, state)).toEqual({ parent: PARENT });
  });

  test("that is too long loses its longest members, then its oldest", () => {
    const long = `long=${"x".repeat(200)}`;
    const members = Array.from({ length: 10 }, (_, n) => `k${n}=${"y".repeat(97)}`);
    expect(stateOf([members[0], long, ...members.slice(1)].join(","))).toBe(members.slice(0, 5).join(","));
    expect(stateOf(`a=1,${long}`)).toBe(`a=1,${long}`);
  });
});

test("a request's headers name its trace", () => {
  expect(requestTrace(new Headers())).toBeUndefined();
  expect(requestTrace(new Headers({ tracestate: "a=1" }))).toBeUndefined();
  const headers = new Headers({ traceparent: PARENT });
  headers.append("tracestate", "a=1");
  headers.append("tracestate", "b=2");
  expect(requestTrace(headers)).toEqual({ parent: PARENT, state: "a=1,b=2" });
});

describe("an envelope", () => {
  const { envelope } = delivery({ type: "Account", name: "ann" }, "debit", 1);

  test("carries the trace there and back", () => {
    const traced = { ...envelope, trace: { parent: PARENT, state: "a=1" } };
    expect(decodeEnvelope(encodeEnvelope(traced))).toEqual(traced);
    expect(decodeEnvelope(encodeEnvelope({ ...envelope, trace: { parent: PARENT } })).trace).toEqual({
      parent: PARENT,
    });
  });

  test("without one is as it was, so that older versions read it; and what they don't know they ignore", () => {
    const text = encodeEnvelope(envelope);
    expect(text).not.toContain("trace");
    const newer = JSON.stringify({ ...JSON.parse(text), invention: { of: "tomorrow" } });
    expect(decodeEnvelope(newer)).toEqual(decodeEnvelope(text));
  });

  test.each([[7], ["forged"], [{ parent: PARENT }], [null]])(
    "with the trace %j has none, and is taken",
    (trace) => {
      const text = JSON.stringify({ ...JSON.parse(encodeEnvelope(envelope)), trace, traceState: 3 });
      expect(decodeEnvelope(text)).toEqual(envelope);
    },
  );
});
