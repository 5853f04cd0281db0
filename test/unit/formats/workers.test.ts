import type { SQSRecord } from "aws-lambda";
import fc from "fast-check";
import { expect, test } from "vitest";
import { serveRecords } from "../../../handlers/serve-records.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { ENVELOPE_FORMAT, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { ActorFormatError } from "../../../runtime/core/errors.ts";
import { OUTCOME_FORMAT } from "../../../runtime/core/outcome.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { FINGERPRINT, testDeps } from "../core/fixtures.ts";
import { sqsRecord } from "../handlers/sqs-record.ts";

const order: string[] = [];

class Ledger extends StatefulActor<unknown> {
  async note(step: number) {
    order.push(`${this.ctx.id}:${step}`);
    const steps = (await this.ctx.storage.get<number[]>("steps")) ?? [];
    await this.ctx.storage.put("steps", [...steps, step]);
    return step;
  }
}

const NEXT = ENVELOPE_FORMAT.newest + 1;
/** The text as the next version would send it: of its format, with something in it that only that one knows. */
const ahead = (text: string) => JSON.stringify({ ...JSON.parse(text), v: NEXT, args2: "?" });
/** What a worker of the next version makes of a text: it reads both. */
const readAhead = (text: string) => text.replace(`"v":${NEXT}`, `"v":${ENVELOPE_FORMAT.written}`);

let sequence = 0;

interface Sent {
  readonly name: string;
  readonly step: number;
  readonly newer?: boolean;
  readonly receives?: number;
}

function record({ name, step, newer = false, receives = 1 }: Sent): SQSRecord {
  const id = `e${++sequence}`;
  const text = encodeEnvelope({
    id,
    attempt: undefined,
    to: { type: "Ledger", name },
    call: { kind: "method", method: "note", args: encode([step], "args") },
    fingerprint: FINGERPRINT,
    awaited: true,
    due: undefined,
    deadline: Number.MAX_SAFE_INTEGER,
    chain: [],
  });
  const attributes = { ApproximateReceiveCount: `${receives}` };
  return sqsRecord(id, { body: newer ? ahead(text) : text, sequence, attributes });
}

function start() {
  order.length = 0;
  const returned: [steps: readonly string[], seconds: number][] = [];
  const base = testDeps({ Ledger });
  const deps = {
    ...base,
    lease: {
      renew: async (receipts: readonly string[]): Promise<ReadonlySet<string>> => new Set(receipts),
      release: async () => {},
      returnAfter: async (receipts: readonly string[], seconds: number) =>
        void returned.push([receipts, seconds]),
    },
    queueLeaseMs: 95_000,
    shortLeaseMs: 30_000,
  };
  const serve = async (records: readonly SQSRecord[], { reads = ENVELOPE_FORMAT.newest } = {}) => {
    const seen = reads === NEXT ? records.map((each) => ({ ...each, body: readAhead(each.body) })) : records;
    let over = false;
    const serving = serveRecords(seen, { endsBy: deps.clock.now() + 90_000, deps }).finally(() => {
      over = true;
    });
    while (!over) await deps.clock.advance(50);
    const { batchItemFailures } = await serving;
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { deps, returned, serve };
}

const idsOf = (...records: readonly (SQSRecord | undefined)[]) => records.map((each) => each?.messageId);
const receiptsOf = (...records: readonly (SQSRecord | undefined)[]) =>
  records.map((each) => each?.receiptHandle);

test("I25: what is newer waits a minute with all of its instance behind it; what is before it, and all others, go on", async () => {
  const { deps, returned, serve } = start();
  const batch = [
    { name: "a", step: 1 },
    { name: "a", step: 2, newer: true },
    { name: "b", step: 1 },
    { name: "a", step: 3 },
    { name: "b", step: 2 },
    { name: "c", step: 1, newer: true, receives: 4 },
  ].map(record);
  const [, newer, , behind, , other] = batch;
  expect(await serve(batch)).toEqual(idsOf(newer, behind, other));
  expect(order.toSorted()).toEqual(["a:1", "b:1", "b:2"]);
  expect(returned.toSorted(([, one], [, two]) => one - two)).toEqual([
    [receiptsOf(newer, behind), 60],
    [receiptsOf(other), 240],
  ]);
  expect(deps.problems).toEqual(
    Array(2).fill(
      `newer format: an envelope has the format ${NEXT}, and this version of stateful-actors reads up to ${ENVELOPE_FORMAT.newest}: deploy the newer version here, too`,
    ),
  );
});

test("what is not finished in front of something newer comes again as soon as ever, with it", async () => {
  const { deps, returned, serve } = start();
  deps.replies.write = async () => {
    throw new Error("the reply table is out of reach");
  };
  const batch = [
    { name: "a", step: 1 },
    { name: "a", step: 2, newer: true, receives: 5 },
    { name: "a", step: 3 },
  ].map(record);
  expect(await serve(batch)).toEqual(expect.arrayContaining(idsOf(...batch)));
  // Hidden for minutes, what is behind would hide what is in front of it.
  expect(returned).toEqual([[receiptsOf(...batch), 1]]);
});

test("what is newer becomes a dead letter only after hours, and is never hidden for longer than a quarter of one", async () => {
  const { returned, serve } = start();
  for (let receives = 1; receives <= 30; receives++)
    await serve([record({ name: "a", step: 1, newer: true, receives })]);
  const seconds = returned.map(([, each]) => each);
  expect(Math.max(...seconds)).toBe(900);
  // It is at its thirtieth receive that the queue gives it up.
  expect(seconds.slice(0, 29).reduce((sum, each) => sum + each, 0)).toBeGreaterThan(5 * 3600);
});

const newerHeads: readonly (readonly [string, (deps: ReturnType<typeof start>["deps"]) => void])[] = [
  [
    "a head of a newer format",
    ({ store }) => {
      const { hydrate } = store;
      store.hydrate = async (id) => {
        if (id.name === "a")
          throw new ActorFormatError("a stored head has the format 5", { effect: "refused" });
        return hydrate(id);
      };
    },
  ],
  [
    "an outcome of a newer format in the head",
    ({ store }) => {
      const { hydrate } = store;
      const settled = new Map([["e0", `${FINGERPRINT}${OUTCOME_FORMAT.newest + 1}+[1]`]]);
      store.hydrate = async (id) => (id.name === "a" ? { ...NEW_HEAD, version: 3, settled } : hydrate(id));
    },
  ],
  [
    "a message of a newer format in the outbox",
    ({ store }) => {
      const { hydrate } = store;
      const first = record({ name: "z", step: 1 }).body;
      const outbox = [first, ahead(first)];
      store.hydrate = async (id) => (id.name === "a" ? { ...NEW_HEAD, version: 3, outbox } : hydrate(id));
    },
  ],
];

test.each(newerHeads)(
  "I25: %s: the instance waits, and nothing of it is written, sent or answered",
  async (_, bend) => {
    const { deps, returned, serve } = start();
    bend(deps);
    const commits: string[] = [];
    const { commit } = deps.store;
    deps.store.commit = (each) => {
      commits.push(each.id.name);
      return commit(each);
    };
    const batch = [
      { name: "a", step: 1 },
      { name: "b", step: 1 },
      { name: "a", step: 2 },
    ].map(record);
    const [one, , two] = batch;
    expect(await serve(batch)).toEqual(idsOf(one, two));
    expect(returned).toEqual([[receiptsOf(one, two), 60]]);
    expect(commits).toEqual(["b"]);
    expect(order).toEqual(["b:1"]);
    expect([deps.posted, deps.replies.texts.size, deps.deadLetters.all()]).toEqual([[], 1, []]);
    expect(deps.problems).toEqual([expect.stringMatching(/^newer format: /)]);
  },
);

/** A FIFO queue: a message that is hidden holds up its group. */
function queueOf(sent: readonly Sent[]) {
  const groups = new Map<string, { record: SQSRecord; receives: number; visibleAt: number }[]>();
  for (const each of sent) {
    const group = groups.get(each.name) ?? [];
    groups.set(each.name, [...group, { record: record(each), receives: 0, visibleAt: 0 }]);
  }
  return {
    receive(now: number): SQSRecord[] {
      const batch: SQSRecord[] = [];
      for (const group of groups.values()) {
        if (group.some(({ visibleAt }) => visibleAt > now)) continue;
        for (const message of group.slice(0, 4)) {
          message.receives++;
          batch.push({
            ...message.record,
            attributes: { ...message.record.attributes, ApproximateReceiveCount: `${message.receives}` },
          });
        }
      }
      return batch.slice(0, 10);
    },
    settle(
      failed: readonly string[],
      batch: readonly SQSRecord[],
      hidden: ReadonlyMap<string, number>,
      now: number,
    ) {
      for (const [name, group] of groups) {
        const left = group.filter(
          ({ record: { messageId } }) =>
            failed.includes(messageId) || !batch.some((each) => each.messageId === messageId),
        );
        for (const each of left) each.visibleAt = now + 1000 * (hidden.get(each.record.receiptHandle) ?? 0);
        groups.set(name, left);
      }
    },
    left: () => [...groups.values()].flat().length,
  };
}

test("I25: workers of two versions, in any turn, with messages of both: each is applied once, in order, and answered", async () => {
  const messages = fc.array(fc.record({ name: fc.constantFrom("a", "b", "c"), newer: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  });
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(messages, fc.array(fc.boolean(), { maxLength: 8 }), async (given, workers) => {
      const { deps, returned, serve } = start();
      const sent = given.map((each, step) => ({ ...each, step }));
      const queue = queueOf(sent);
      // In the end the newer version is back.
      for (const reads of [
        ...workers.map((newer) => (newer ? NEXT : ENVELOPE_FORMAT.newest)),
        ...Array(20).fill(NEXT),
      ]) {
        await deps.clock.advance(1_000_000);
        const batch = queue.receive(deps.clock.now());
        returned.length = 0;
        const failed = await serve(batch, { reads });
        refusals += failed.length;
        const hidden = new Map(
          returned.flatMap(([receipts, seconds]) => receipts.map((each) => [each, seconds] as const)),
        );
        queue.settle(failed, batch, hidden, deps.clock.now());
      }
      expect(queue.left()).toBe(0);
      for (const name of ["a", "b", "c"]) {
        const own = sent.filter((each) => each.name === name).map(({ step }) => step);
        const head = await deps.store.hydrate({ type: "Ledger", name });
        expect(head?.inline.get("steps") ?? "[[]]").toBe(own.length === 0 ? "[[]]" : encode(own, "steps"));
      }
      expect(deps.replies.texts.size).toBe(sent.length);
    }),
    { numRuns: 150 },
  );
  expect(refusals).toBeGreaterThan(100);
});
