import type { SQSRecord } from "aws-lambda";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { createEnvelopeDoor } from "../../../handlers/envelope-door.ts";
import { forwardRecords } from "../../../handlers/forwarder.ts";
import { serveRecords } from "../../../handlers/serve-records.ts";
import { actorKey } from "../../../runtime/core/actor-id.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { onlyRoute } from "../../../runtime/core/caller.ts";
import { addressIn, decodeEnvelope, EnvelopeError, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { ActorError, ActorFormatError, ActorNameError } from "../../../runtime/core/errors.ts";
import { decodeMessage, encodeMessage, encodePack } from "../../../runtime/core/message.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { FINGERPRINT, StepClock, testDeps, UNLIMITED } from "../core/fixtures.ts";
import { inherited, jsonValue, loadedName, mutated, SEED } from "./hostile.ts";
import { breaches, fired, GUARDED, Vault } from "./vault.ts";

const honest: Envelope = {
  id: "e1",
  attempt: undefined,
  to: { type: "Vault", name: "alice" },
  call: { kind: "method", method: "whoami", args: "[[]]" },
  fingerprint: FINGERPRINT,
  awaited: true,
  due: undefined,
  deadline: Number.MAX_SAFE_INTEGER,
  chain: [],
};

/** Envelopes with one or more fields that are not what they should be. */
const forged = fc
  .tuple(
    fc.constant(JSON.parse(encodeEnvelope(honest)) as Record<string, unknown>),
    fc.dictionary(
      fc.oneof(
        fc.constantFrom("v", "id", "attempt", "type", "name", "method", "kind", "args", "fingerprint"),
        fc.constantFrom("oneWay", "due", "deadline", "chain"),
        loadedName,
      ),
      fc.oneof(jsonValue, fc.constantFrom("alarm", "fetch", "1", "=k", "a1", "Vault/x", ...GUARDED)),
      { minKeys: 1, maxKeys: 3 },
    ),
  )
  .map(([fields, changes]) => JSON.stringify({ ...fields, ...changes }));

const text = fc.oneof(
  { weight: 4, arbitrary: forged },
  { weight: 3, arbitrary: mutated(fc.constant(encodeEnvelope(honest))) },
  { weight: 1, arbitrary: jsonValue.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string() },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer(), fc.integer())
      .map(([at, version]) => encodeEnvelope(wakeEnvelope(honest.to, { at, version }))),
  },
);

/** Messages of several envelopes, whole, damaged, or with something else among them. */
const packText = fc.oneof(
  mutated(fc.constant(encodeMessage([honest, { ...honest, id: "e2" }]))),
  fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constant(encodeEnvelope(honest)) },
        forged,
        jsonValue.map((value) => JSON.stringify(value)),
      ),
      { maxLength: 4 },
    )
    .map((envelopes) => encodePack(honest.to, envelopes)),
  fc.array(forged, { minLength: 1, maxLength: 3 }).map((envelopes) => encodePack(honest.to, envelopes)),
);

beforeEach(() => {
  breaches.length = 0;
  fired.length = 0;
});

const refusalOf = (body: string, decode: (text: string) => unknown = decodeEnvelope): unknown => {
  try {
    decode(body);
    return undefined;
  } catch (error) {
    return error;
  }
};

test("I20: any text is an envelope that can be sent on as it is, or refused by name and field", () => {
  const before = inherited();
  let taken = 0;
  fc.assert(
    fc.property(text, (body) => {
      const refusal = refusalOf(body);
      if (refusal === undefined) {
        taken++;
        const envelope = decodeEnvelope(body);
        expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
        expect(envelope.to.type).not.toContain("/");
      } else {
        expect([EnvelopeError, ActorNameError, ActorFormatError]).toContain((refusal as Error).constructor);
        expect((refusal as Error).message).toMatch(
          /an envelope|envelope format|a wake|an instance name|the instance name/,
        );
      }
    }),
    { numRuns: 5000, seed: SEED },
  );
  expect(taken).toBeGreaterThan(300);
  expect(inherited()).toBe(before);
});

test("I20: any text in the place of a message is envelopes of one instance, or refused by name", () => {
  const before = inherited();
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(packText, text), (body) => {
      let envelopes: Envelope[];
      try {
        envelopes = decodeMessage(body);
      } catch (error) {
        expect([EnvelopeError, ActorFormatError, ActorNameError]).toContain((error as Error).constructor);
        return;
      }
      taken++;
      const [first, ...others] = envelopes;
      if (!first) throw new Error("a message without envelopes was taken");
      expect(decodeMessage(encodeMessage([first, ...others]))).toEqual(envelopes);
      for (const { to } of envelopes) expect(to).toEqual(first.to);
    }),
    { numRuns: 3000, seed: SEED },
  );
  expect(taken).toBeGreaterThan(300);
  expect(inherited()).toBe(before);
});

test("any envelopes of one instance go through a message as they are", () => {
  const odd = fc.constantFrom("\ufffe", "\uffff", "\u0000", '"', "]}");
  const anyText = fc
    .array(fc.oneof(fc.string({ unit: "binary", maxLength: 3 }), odd))
    .map((parts) => parts.join(""));
  const envelope = fc
    .tuple(anyText, anyText, fc.stringMatching(/^=?[A-Za-z0-9_-]{1,36}$/))
    .map(([method, args, id]) => ({ ...honest, id, call: { kind: "method" as const, method, args } }));
  fc.assert(
    fc.property(fc.array(envelope, { minLength: 1, maxLength: 5 }), (envelopes) => {
      const [first, ...others] = envelopes;
      if (!first) return;
      const message = encodeMessage([first, ...others]);
      expect(decodeMessage(message)).toEqual(envelopes);
      expect(message).toMatch(/^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u);
    }),
    { numRuns: 1000, seed: SEED },
  );
});

test.each<[string, object]>([
  ["a type with a slash, which is another instance's key", { type: "Vault/al", name: "ice" }],
  ["an empty type", { type: "" }],
  ["a name with half a surrogate pair", { name: "\ud800" }],
  ["a name over 1,024 bytes", { name: "x".repeat(1025) }],
  ["an id that is part of a stashed reply", { id: "e1.a1.0" }],
  ["a wake's id for a call", { id: "!1.1" }],
  ["a call's id for a wake", { kind: "alarm", args: "1", due: 1 }],
  ["a fingerprint of another length", { fingerprint: "0" }],
  ["an attempt that is none", { attempt: "a b" }],
])("%s is refused", (_, changes) => {
  const refusal = refusalOf(JSON.stringify({ ...JSON.parse(encodeEnvelope(honest)), ...changes }));
  expect([EnvelopeError, ActorNameError]).toContain((refusal as Error)?.constructor);
});

test("I20: the door takes in nothing that reaches what is guarded, and refuses by name", async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.oneof(fc.constant(1_000_000), fc.double(), fc.constant(undefined)),
      async (body, sentAt) => {
        const clock = new StepClock();
        const sent: Envelope[] = [];
        const route = {
          mailbox: { send: async (envelope: Envelope) => void sent.push(envelope) },
          replies: { wait: async () => "outcome" },
        };
        const door = createEnvelopeDoor({
          actors: new Map([["Vault", Vault]]),
          routeTo: onlyRoute(route, new Set(["Vault"])),
          clock,
          requestWaitMs: 28_000,
        });
        try {
          await door({ envelope: body, sentAt: sentAt as number });
          answered++;
        } catch (error) {
          expect(error instanceof EnvelopeError || error instanceof ActorError).toBe(true);
          expect(sent).toEqual([]);
        }
        for (const { call, to, due, deadline } of sent) {
          expect(["method", "fetch"]).toContain(call.kind);
          if (call.kind === "method") expect(["whoami", "echo", "combination"]).toContain(call.method);
          expect(to.type).toBe("Vault");
          expect(due ?? 0).toBeLessThanOrEqual(clock.now() + 900_000);
          expect(Number.isFinite(deadline)).toBe(true);
        }
      },
    ),
    { numRuns: 2000, seed: SEED },
  );
  expect(answered).toBeGreaterThan(20);
  expect(breaches).toEqual([]);
});

let records = 0;

function record(body: string, attributes: object = {}): SQSRecord {
  const id = String(++records);
  return {
    messageId: `m${id}`,
    receiptHandle: `r${id}`,
    body,
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "999999",
      SenderId: "x",
      ApproximateFirstReceiveTimestamp: "1000000",
      SequenceNumber: String(18_849_000_000_000_000_000n + BigInt(records)),
      ...attributes,
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:q.fifo",
    awsRegion: "us-east-1",
  };
}

const attributes = fc.dictionary(
  fc.constantFrom(
    "ApproximateReceiveCount",
    "SentTimestamp",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageGroupId",
    "MessageDeduplicationId",
  ),
  fc.oneof(loadedName, fc.constantFrom("NaN", "-1", "1e400", "99999999999999999999999")),
);

describe("I21: what is forged into the queue", () => {
  test("fails alone, unless it is an envelope, and never holds up the others of its batch", async () => {
    let refused = 0;
    const items = fc.array(
      fc.oneof(
        fc.record({ body: fc.oneof({ weight: 3, arbitrary: text }, packText), attributes }),
        fc.record({ name: fc.constantFrom("alice", "bob", "a/b", "__proto__") }),
      ),
      { minLength: 1, maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(items, async (batch) => {
        const base = testDeps({ Vault });
        const lease = {
          renew: async (receipts: readonly string[]): Promise<ReadonlySet<string>> => new Set(receipts),
          release: async () => {},
          returnAfter: async () => {},
        };
        const deps = { ...base, lease, queueLeaseMs: 95_000, shortLeaseMs: 30_000 };
        const honestOnes: { id: string; name: string; messageId: string }[] = [];
        // What says that it is newer holds up the instance that it names, as any call could, and no other.
        const behind = new Set<string>();
        const wrong: string[] = [];
        const all = batch.map((item) => {
          if ("body" in item) {
            const made = record(item.body, item.attributes);
            const refusal = refusalOf(item.body, decodeMessage);
            if (refusal !== undefined) wrong.push(made.messageId);
            const to = refusal instanceof ActorFormatError ? addressIn(item.body) : undefined;
            if (to) behind.add(actorKey(to));
            return made;
          }
          const id = `h${++records}`;
          const made = record(encodeEnvelope({ ...honest, id, to: { type: "Vault", name: item.name } }));
          if (behind.has(actorKey({ type: "Vault", name: item.name }))) wrong.push(made.messageId);
          else honestOnes.push({ id, name: item.name, messageId: made.messageId });
          return made;
        });
        let over = false;
        const serving = serveRecords(all, { endsBy: deps.clock.now() + 90_000, deps }).finally(() => {
          over = true;
        });
        // What says that it was received often waits a moment for the others.
        while (!over) await deps.clock.advance(50);
        const { batchItemFailures } = await serving;
        const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
        for (const messageId of wrong) expect(failed).toContain(messageId);
        refused += wrong.length;
        for (const { id, name, messageId } of honestOnes) {
          expect(failed).not.toContain(messageId);
          // Its own name: what is forged has not moved it to another instance.
          expect(deps.replies.outcome(id)).toEqual({ ok: true, result: JSON.stringify([name]) });
        }
      }),
      { numRuns: 500, seed: SEED },
    );
    expect(refused).toBeGreaterThan(300);
    expect(breaches.filter((each) => each !== "fetch")).toEqual([]);
  });

  test("is not forwarded either, and does not keep others from it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 6 }), async (bodies) => {
        const sent: Envelope[] = [];
        const mailbox = { send: async (envelope: Envelope) => void sent.push(envelope) };
        const telemetry = { problem: () => {}, count: () => {} };
        const all = [...bodies.map((body) => record(body)), record(encodeEnvelope(honest))];
        const { batchItemFailures } = await forwardRecords(all, { mailbox, telemetry });
        const wrong = bodies.filter((body) => refusalOf(body) !== undefined).length;
        expect(batchItemFailures).toHaveLength(wrong);
        expect(sent).toContainEqual(honest);
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  test("a wake, however it is forged, fires nothing that is not due, and nothing twice", async () => {
    const now = 1_000_000;
    const wakes = fc.array(
      fc.record({
        at: fc.oneof(fc.constantFrom(0, now, now + 500, now + 60_000), fc.integer()),
        version: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(Number.MAX_SAFE_INTEGER)),
      }),
      { minLength: 1, maxLength: 6 },
    );
    const alarms = fc.constantFrom<number | undefined>(undefined, now - 5, now, now + 10_000);
    await fc.assert(
      fc.asyncProperty(wakes, alarms, async (forgedWakes, alarmAt) => {
        fired.length = 0;
        const base = testDeps({ Vault });
        const lease = {
          renew: async (receipts: readonly string[]): Promise<ReadonlySet<string>> => new Set(receipts),
          release: async () => {},
          returnAfter: async () => {},
        };
        const deps = { ...base, lease, queueLeaseMs: 95_000, shortLeaseMs: 30_000 };
        if (alarmAt !== undefined) {
          const head = {
            version: 1,
            inline: new Map(),
            settled: new Map(),
            spilled: false,
            generation: 0,
            swept: 0,
            mark: undefined,
            outbox: [],
            alarm: { at: alarmAt, retries: 0 },
            wake: { at: alarmAt, version: 1 },
            trial: undefined,
          };
          await deps.store.commit({ id: honest.to, expected: 0, head, entries: new Map() });
        }
        const all = forgedWakes.map((wake) => record(encodeEnvelope(wakeEnvelope(honest.to, wake))));
        const { batchItemFailures } = await serveRecords(all, { endsBy: now + 900_000, deps });
        expect(batchItemFailures).toEqual([]);
        expect(fired).toHaveLength(alarmAt !== undefined && alarmAt <= now ? 1 : 0);
        // Whatever has come: an alarm that is still to fire has its wake, in time.
        const left = await deps.store.hydrate(honest.to);
        if (left?.alarm) expect(left.wake?.at).toBeLessThanOrEqual(left.alarm.at);
      }),
      { numRuns: 500, seed: SEED },
    );
  });
});

test("I20: a list that only says that it is long calls nothing, and is refused by name", async () => {
  const deps = testDeps({ Vault });
  const envelope = { ...honest, call: { kind: "method" as const, method: "echo", args: "[[-7,30000000]]" } };
  const mark = { queue: "q", sequence: "1" };
  await runBatch(honest.to, [{ envelope, mark, suspect: false, receives: 1 }], { times: UNLIMITED, deps });
  expect(deps.replies.outcome("e1")).toEqual({
    ok: false,
    error: {
      name: "CodecError",
      effect: "refused",
      message: "Vault.echo was called with 30000000 arguments; at most 10000 are allowed, pass a list as one",
    },
  });
});
