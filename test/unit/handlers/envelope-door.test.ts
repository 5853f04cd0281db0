import { describe, expect, test } from "vitest";
import { createEnvelopeDoor } from "../../../handlers/envelope-door.ts";
import { onlyRoute } from "../../../runtime/core/caller.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { decodeEnvelope, EnvelopeError, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { PayloadTooLargeError } from "../../../runtime/core/errors.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope, Mailbox } from "../../../runtime/ports/mailbox.ts";
import type { Replies } from "../../../runtime/ports/replies.ts";
import { FINGERPRINT, StepClock } from "../core/fixtures.ts";

class Greeter extends StatefulActor {
  async greet() {}
}

function start(more: { send?: Mailbox["send"]; wait?: Replies["wait"] } = {}) {
  const clock = new StepClock();
  const sent: Envelope[] = [];
  const options: unknown[] = [];
  const waits: unknown[] = [];
  const remembered: string[] = [];
  const told: string[] = [];
  const route = {
    mailbox: {
      send:
        more.send ??
        (async (envelope: Envelope, given?: unknown) => {
          sent.push(envelope);
          options.push(given);
        }),
    },
    replies: {
      wait: async (ids: readonly string[], deadline: number) => {
        waits.push([ids, deadline]);
        return more.wait ? more.wait(ids, deadline) : "outcome";
      },
    },
  };
  const door = createEnvelopeDoor({
    actors: new Map([["Greeter", Greeter]]),
    routeTo: onlyRoute(route, new Set(["Greeter", "Elsewhere"])),
    clock,
    requestWaitMs: 28_000,
    remember: (id) => void remembered.push(id),
    telemetry: {
      problem: (what, { name }) => void told.push(`${what}: ${name}`),
      count: (metric, { type }) => void told.push(`${metric} ${type}`),
      work: { add: (metric, value, { type }) => void told.push(`${metric} ${type} ${value}`) },
    },
  });
  const now = clock.now();
  const envelope: Envelope = {
    id: "id-1",
    attempt: undefined,
    to: { type: "Greeter", name: "one" },
    call: { kind: "method", method: "greet", args: "[[]]" },
    fingerprint: FINGERPRINT,
    awaited: true,
    due: undefined,
    deadline: now + 1000,
    chain: [],
  };
  const hand = (changes: Partial<Envelope> = {}, sentAt = now) =>
    door({ envelope: encodeEnvelope({ ...envelope, ...changes }), sentAt });
  return { door, hand, now, envelope, sent, options, waits, remembered, told, clock };
}

describe("who calls an actor's fetch", () => {
  const args = (headers: unknown, body?: Uint8Array) =>
    encode([{ method: "POST", url: "https://actor/", headers, body }], "it");
  const fetchOf = (text: string) => ({ call: { kind: "fetch", method: "fetch", args: text } }) as const;

  test("is what whoever hands it in says, where nobody was asked to find it out", async () => {
    const { hand, sent } = start();
    const said = fetchOf(args([["actors-identity", "me"]]));
    await hand(said);
    expect(sent).toMatchObject([said]);
  });

  test.each([
    ["no request", "[]"],
    ["headers that are none", args("abc")],
    ["a name that is none", args([["a b", "c"]])],
  ])("can't be told in %s, which is refused", async (_, text) => {
    const { door, envelope, now, sent } = start();
    const handedIn = { envelope: encodeEnvelope({ ...envelope, ...fetchOf(text) }), sentAt: now };
    await expect(door({ ...handedIn, caller: null })).rejects.toThrow(EnvelopeError);
    expect(sent).toEqual([]);
  });

  test("must fit in with the rest", async () => {
    const { door, envelope, now, sent } = start();
    const text = args([], new Uint8Array(700_000));
    const handedIn = { envelope: encodeEnvelope({ ...envelope, ...fetchOf(text) }), sentAt: now };
    await expect(door({ ...handedIn, caller: "x".repeat(200_000) })).rejects.toThrow(PayloadTooLargeError);
    expect(sent).toEqual([]);
    await door({ ...handedIn, caller: "x" });
    expect(sent).toHaveLength(1);
  });
});

test("the trace of the request goes along with an envelope that has none of its own", async () => {
  const { door, envelope, now, sent } = start();
  const [own, requests] = ["a", "b"].map((digit) => ({
    parent: `00-${digit.repeat(32)}-${digit.repeat(16)}-01`,
  }));
  await door({ envelope: encodeEnvelope(envelope), sentAt: now, trace: requests });
  await door({
    envelope: encodeEnvelope({ ...envelope, ...(own && { trace: own }) }),
    sentAt: now,
    trace: requests,
  });
  expect(sent.map(({ trace }) => trace)).toEqual([requests, own]);
});

test("how long an answer took is measured; one that does not come is told and counted", async () => {
  const quick = start({
    wait: async () => {
      await quick.clock.advance(40);
      return "outcome";
    },
  });
  await quick.hand();
  expect(quick.told).toEqual(["ReplyWait Greeter 40"]);
  const late = start({ wait: async () => undefined });
  await expect(late.hand()).rejects.toThrow("did not answer in time");
  expect(late.told).toEqual(["CallsUnanswered Greeter", "call unanswered: one"]);
});

test("I4: what is handed in may be handed in once more, so only the mailbox can know it by its id", async () => {
  const { hand, options } = start();
  await hand();
  expect(options).toEqual([{ repeatable: true }]);
});

test("an envelope goes on as it is, and its outcome back", async () => {
  const { hand, sent, waits, envelope, now, remembered } = start();
  expect(await hand({ attempt: "try-2" })).toBe("outcome");
  expect(sent).toEqual([{ ...envelope, attempt: "try-2" }]);
  expect(waits).toEqual([[["id-1", "try-2"], now + 1000]]);
  expect(remembered).toEqual(["id-1"]);
});

test("a wake is refused: only an instance's own alarm makes one", async () => {
  const { door, now, sent, envelope } = start();
  const wake = encodeEnvelope(wakeEnvelope(envelope.to, { at: now, version: 1 }));
  await expect(door({ envelope: wake, sentAt: now })).rejects.toThrow(
    "a wake comes from an instance's own alarm; send calls here",
  );
  expect(sent).toEqual([]);
});

test.each([
  ["that is behind", -500],
  ["that is ahead", 500],
])("times are meant by a sender's clock %s", async (_, skew) => {
  const { hand, sent, now } = start();
  await hand({ deadline: now + skew + 1000, due: now + skew + 200 }, now + skew);
  expect(sent[0]).toMatchObject({ deadline: now + 1000, due: now + 200 });
});

test("nobody waits longer than a request may, nor delays longer than a message may", async () => {
  const { hand, sent, waits, now } = start();
  await hand({ deadline: now + 60_000, due: now + 1_000_000 });
  expect(sent[0]).toMatchObject({ deadline: now + 28_000, due: now + 900_000 });
  expect(waits).toEqual([[["id-1"], now + 28_000]]);
});

test("a one-way message has no outcome, and keeps having no deadline", async () => {
  const { hand, sent, waits } = start();
  expect(
    await hand({ id: "=e1", attempt: "a1", awaited: false, deadline: Number.MAX_SAFE_INTEGER }),
  ).toBeUndefined();
  expect(sent[0]).toMatchObject({ awaited: false, deadline: Number.MAX_SAFE_INTEGER });
  expect(waits).toEqual([]);
});

test("what this side does not have is for the side that has it", async () => {
  const { hand, sent } = start();
  await hand({ to: { type: "Elsewhere", name: "one" }, call: { kind: "method", method: "x", args: "[]" } });
  expect(sent).toHaveLength(1);
});

describe("refused, and nothing is sent:", () => {
  test.each<[string, Partial<Envelope>, string, RegExp]>([
    ["an unknown type", { to: { type: "Nobody", name: "a" } }, "ActorUnknownTypeError", /Nobody/],
    ["a bad name", { to: { type: "Greeter", name: "" } }, "ActorNameError", /./],
    [
      "an unknown method",
      { call: { kind: "method", method: "shout", args: "[]" } },
      "ActorUnknownMethodError",
      /Greeter.shout is not a method; callable are: greet/,
    ],
    [
      "a private method",
      { call: { kind: "method", method: "_own", args: "[]" } },
      "ActorPrivateMethodError",
      /Greeter._own/,
    ],
    ["a bad id", { id: "a b" }, "EnvelopeError", /"id" must be .*, not "a b"/],
    ["a bad attempt", { attempt: "" }, "EnvelopeError", /"attempt" must be .*, not ""/],
    ["an endless id", { id: "x".repeat(10_000) }, "EnvelopeError", /not "x{64}"$/],
  ])("%s", async (_, changes, name, message) => {
    const { hand, sent, remembered } = start();
    await expect(hand(changes)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    expect([sent, remembered]).toEqual([[], []]);
  });

  test.each(["", "x", "[]", "null", '{"v":3}'])("the text %j", async (envelope) => {
    const { door, now } = start();
    await expect(door({ envelope, sentAt: now })).rejects.toBeInstanceOf(EnvelopeError);
  });

  test("an envelope of a newer format, by name", async () => {
    const { door, now, sent } = start();
    const envelope = JSON.stringify({ v: 3, type: "Greeter", name: "a" });
    await expect(door({ envelope, sentAt: now })).rejects.toMatchObject({
      name: "ActorFormatError",
      effect: "refused",
    });
    expect(sent).toEqual([]);
  });

  test.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -1e308,
    undefined as unknown as number,
  ])("sent at %d: its times could not be read in the mailbox", async (sentAt) => {
    const { door, envelope, sent } = start();
    await expect(door({ envelope: encodeEnvelope(envelope), sentAt })).rejects.toThrow(
      `the time at which an envelope was sent must be whole ms since the epoch, not ${sentAt}`,
    );
    expect(sent).toEqual([]);
  });
});

test("whatever times another program names, the mailbox gets an envelope that can be read", async () => {
  for (const time of [-Number.MAX_VALUE, 0, Number.MAX_VALUE]) {
    for (const sentAt of [Number.MIN_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER]) {
      const { hand, sent } = start();
      await hand({ deadline: time, due: time }, sentAt);
      expect(sent.map((each) => decodeEnvelope(encodeEnvelope(each)))).toEqual(sent);
      expect(sent).toHaveLength(1);
    }
  }
});

describe("unknown, and named by its envelope:", () => {
  const denied = () => Promise.reject(new Error("arn:aws:sqs is not authorized"));
  test.each<[string, Parameters<typeof start>[0]]>([
    ["no outcome in time", { wait: async () => undefined }],
    ["a mailbox that fails", { send: denied }],
    ["a reply that can't be read", { wait: denied }],
  ])("%s", async (_, more) => {
    const { hand } = start(more);
    const error = await hand().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "ActorCallTimeoutError", effect: "unknown", envelopeId: "id-1" });
    expect(String(error)).not.toContain("arn:");
  });
});
