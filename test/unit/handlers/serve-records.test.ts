import type { SQSRecord } from "aws-lambda";
import { describe, expect, test, vi } from "vitest";
import { required, requiredSeconds } from "../../../handlers/environment.ts";
import { serveRecords } from "../../../handlers/serve-records.ts";
import {
  surviveStrayRejections,
  surviveStrayRejectionsOnLambda,
} from "../../../handlers/stray-rejections.ts";
import { deliveriesOf } from "../../../runtime/adapters/aws/sqs-record.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { decodeMessage, encodeMessage } from "../../../runtime/core/message.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { FINGERPRINT, testDeps } from "../core/fixtures.ts";
import { sqsRecord } from "./sqs-record.ts";

const order: string[] = [];
const gates = new Map<string, Promise<void>>();

class Probe extends StatefulActor<unknown> {
  async mark(step: string) {
    await gates.get(step);
    order.push(`${this.ctx.id}:${step}`);
    await this.ctx.storage.put("step", step);
    return step;
  }
}

const a = { type: "Probe", name: "a" };

let sequence = 0;

function record(name: string, step: string, attributes: Record<string, string> = {}): SQSRecord {
  const id = `e${++sequence}`;
  const envelope: Envelope = {
    id,
    attempt: undefined,
    to: { type: "Probe", name },
    call: { kind: "method", method: "mark", args: encode([step], "args") },
    fingerprint: FINGERPRINT,
    awaited: true,
    due: undefined,
    deadline: Number.MAX_SAFE_INTEGER,
    chain: [],
  };
  return sqsRecord(id, { body: encodeEnvelope(envelope), sequence, attributes });
}

/** One message with the envelopes of these. */
function packOf(first: SQSRecord, ...others: readonly SQSRecord[]): SQSRecord {
  const [head, ...rest] = [first, ...others].map(({ body }) => decodeMessage(body)[0]);
  if (!head) throw new Error("there is nothing in it");
  return { ...first, body: encodeMessage([head, ...rest]) };
}

const idsOf = ({ body }: SQSRecord) => decodeMessage(body).map(({ id }) => id);

function start() {
  const released: (readonly string[])[] = [];
  const returned: [receipts: readonly string[], seconds: number][] = [];
  const renewed: { at: number; receipts: readonly string[] }[] = [];
  const base = testDeps({ Probe });
  const deps = {
    ...base,
    lease: {
      renew: async (receipts: readonly string[]): Promise<ReadonlySet<string>> => {
        renewed.push({ at: base.clock.now(), receipts });
        return new Set(receipts);
      },
      release: async (receipts: readonly string[]) => void released.push(receipts),
      returnAfter: async (receipts: readonly string[], seconds: number) =>
        void returned.push([receipts, seconds]),
    },
    queueLeaseMs: 95_000,
    shortLeaseMs: 30_000,
  };
  order.length = 0;
  const serve = (records: SQSRecord[], endsBy = deps.clock.now() + 90_000) =>
    serveRecords(records, { endsBy, deps });
  return { deps, released, returned, renewed, serve };
}

function gate(step: string): () => void {
  let open = () => {};
  gates.set(
    step,
    new Promise<void>((resolve) => {
      open = resolve;
    }),
  );
  return () => {
    gates.delete(step);
    open();
  };
}

describe("a batch of messages", () => {
  test("I2: groups run in parallel, a group in order", async () => {
    const { serve } = start();
    const open = gate("slow");
    const serving = serve([record("a", "slow"), record("b", "1"), record("a", "after"), record("b", "2")]);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(["b:1", "b:2"]);
    open();
    expect(await serving).toEqual({ batchItemFailures: [] });
    expect(order).toEqual(["b:1", "b:2", "a:slow", "a:after"]);
  });

  test("a finished group is released while another one still runs", async () => {
    const { serve, deps, released } = start();
    const open = gate("slow");
    const [slow, quick] = [record("a", "slow"), record("b", "1")];
    const serving = serve([slow, quick]);
    await deps.clock.advance(0);
    await deps.clock.advance(99);
    expect(released).toEqual([]);
    await deps.clock.advance(1);
    expect(released).toEqual([[quick.receiptHandle]]);
    open();
    await serving;
    expect(released.length).toBe(1);
    expect(deps.clock.pending).toBe(0);
  });

  test("groups that are all done in time are not released one by one, and leave no timer", async () => {
    const { serve, deps, released } = start();
    const open = gate("slow");
    const serving = serve([record("a", "slow"), record("b", "1")]);
    await deps.clock.advance(50);
    open();
    await serving;
    expect(released).toEqual([]);
    expect(deps.clock.pending).toBe(0);
  });

  test("of a group that is not finished only what is done is released; the rest comes back", async () => {
    const { serve, deps, released, returned } = start();
    const open = gate("slow");
    const commit = deps.store.commit;
    let commits = 0;
    deps.store.commit = (each) =>
      each.id.name === "b" && ++commits > 1 ? Promise.reject(new Error("down")) : commit(each);
    const slow = record("a", "slow");
    const done = [record("b", "1"), record("b", "2")];
    const openMiddle = gate("middle");
    const tail = [record("b", "middle"), record("b", "3")];
    const serving = serve([slow, ...done, ...tail]);
    await expect.poll(() => deps.replies.texts.size).toBe(2);
    openMiddle();
    await expect.poll(() => returned.length).toBe(1);
    await deps.clock.advance(100);
    expect(released).toEqual([done.map(({ receiptHandle }) => receiptHandle)]);
    expect(returned).toEqual([[tail.map(({ receiptHandle }) => receiptHandle), 1]]);
    open();
    expect(await serving).toEqual({
      batchItemFailures: tail.map(({ messageId }) => ({ itemIdentifier: messageId })),
    });
  });

  test("I17: groups that may end the worker come last, one by one, when all others are done and released", async () => {
    const { serve, deps, released } = start();
    const often = { ApproximateReceiveCount: "3" };
    const open = gate("slow");
    const openFirst = gate("first");
    const [slow, quick] = [record("a", "slow"), record("b", "1", { ApproximateReceiveCount: "2" })];
    const [first, second] = [record("c", "first", often), record("d", "second", often)];
    const serving = serve([first, second, slow, quick]);
    await expect.poll(() => order).toEqual(["b:1"]);
    await deps.clock.advance(0);
    await deps.clock.advance(5_000);
    open();
    await expect.poll(() => order).toEqual(["b:1", "a:slow"]);
    await deps.clock.advance(0);
    await deps.clock.advance(99);
    expect(released.flat()).toEqual([quick.receiptHandle]);
    expect((await deps.store.hydrate({ type: "Probe", name: "c" }))?.trial).toBeUndefined();
    await deps.clock.advance(1);
    expect(released.flat()).toEqual([quick.receiptHandle, slow.receiptHandle]);
    await deps.clock.advance(0);
    await deps.clock.advance(5_000);
    expect(order).toEqual(["b:1", "a:slow"]);
    expect((await deps.store.hydrate({ type: "Probe", name: "c" }))?.trial?.starts).toBe(1);
    expect(await deps.store.hydrate({ type: "Probe", name: "d" })).toBeUndefined();
    openFirst();
    await expect.poll(() => order).toEqual(["b:1", "a:slow", "c:first"]);
    await deps.clock.advance(0);
    await deps.clock.advance(100);
    expect(await serving).toEqual({ batchItemFailures: [] });
    expect(order).toEqual(["b:1", "a:slow", "c:first", "d:second"]);
    expect(released.flat()).toEqual([quick, slow, first].map(({ receiptHandle }) => receiptHandle));
    expect(deps.clock.pending).toBe(0);
  });

  test("what is no envelope fails alone and never runs", async () => {
    const { serve, deps } = start();
    const forged = { ...record("a", "1"), body: '{"v":1,"id":"x"}' };
    const good = record("a", "2");
    expect(await serve([forged, good])).toEqual({
      batchItemFailures: [{ itemIdentifier: forged.messageId }],
    });
    expect(order).toEqual(["a:2"]);
    expect(deps.problems.length).toBe(1);
  });

  test("an unfinished tail is reported, and comes back in a second, later with growing gaps", async () => {
    const { serve, deps, returned } = start();
    const commit = deps.store.commit;
    deps.store.commit = () => Promise.reject(new Error("down"));
    const tail = [record("a", "1"), record("a", "2")];
    const other = record("b", "1");
    deps.store.commit = (each) => (each.id.name === "a" ? Promise.reject(new Error("down")) : commit(each));
    expect(await serve([...tail, other])).toEqual({
      batchItemFailures: tail.map(({ messageId }) => ({ itemIdentifier: messageId })),
    });
    expect(returned).toEqual([[tail.map(({ receiptHandle }) => receiptHandle), 1]]);
    await serve([record("a", "3", { ApproximateReceiveCount: "4" })]);
    expect(returned[1]?.[1]).toBe(8);
    await serve([record("a", "4", { ApproximateReceiveCount: "3" }), record("a", "5")]);
    expect(returned[2]?.[1]).toBe(4);
    await serve([record("a", "6", { ApproximateReceiveCount: "9" })]);
    expect(returned[3]?.[1]).toBe(20);
  });

  test("a queue that refuses to release or to return messages fails nothing", async () => {
    const { serve, deps } = start();
    const refuse = () => Promise.reject(new Error("throttled"));
    deps.lease.release = refuse;
    deps.lease.returnAfter = refuse;
    const commit = deps.store.commit;
    deps.store.commit = (each) => (each.id.name === "c" ? Promise.reject(new Error("down")) : commit(each));
    const open = gate("slow");
    const lost = record("c", "1");
    const serving = serve([record("a", "slow"), record("b", "1"), lost]);
    await expect.poll(() => deps.problems).toContain("messages not returned early: throttled");
    await deps.clock.advance(100);
    await expect.poll(() => deps.problems).toContain("messages not released early: throttled");
    open();
    expect(await serving).toEqual({ batchItemFailures: [{ itemIdentifier: lost.messageId }] });
  });

  test("turns that the invocation has no time for come back", async () => {
    const { serve, deps } = start();
    const records = [record("a", "1")];
    expect(await serve(records, deps.clock.now() + 31_000)).toEqual({
      batchItemFailures: [{ itemIdentifier: records[0]?.messageId }],
    });
    expect(order).toEqual([]);
  });

  test("after its lease a worker commits nothing", async () => {
    const { serve, deps, renewed } = start();
    const stale = record("a", "1", { ApproximateFirstReceiveTimestamp: String(deps.clock.now() - 95_000) });
    expect((await serve([stale])).batchItemFailures.length).toBe(1);
    expect(await deps.store.hydrate(a)).toBeUndefined();
    // Another worker may have been given the message: hiding it again would take it away from that one.
    expect(renewed).toEqual([]);
  });
});

test.each([
  ["was received later", "1000000"],
  ["does not say when it was received", ""],
  ["says that it was never received", "0"],
])("the oldest lease of a batch counts, also when another message %s", async (_, first) => {
  const { serve, deps } = start();
  const stale = record("a", "1", { ApproximateFirstReceiveTimestamp: String(deps.clock.now() - 95_000) });
  const other = record("b", "1", { ApproximateFirstReceiveTimestamp: first });
  expect((await serve([stale, other])).batchItemFailures.length).toBe(2);
  expect(await serve([other])).toEqual({ batchItemFailures: [] });
  expect(await deps.store.hydrate({ type: "Probe", name: "a" })).toBeUndefined();
});

test("a message received before was first received in an older lease, which says nothing of this one", async () => {
  const { serve, deps } = start();
  const again = record("a", "1", {
    ApproximateReceiveCount: "2",
    ApproximateFirstReceiveTimestamp: String(deps.clock.now() - 95_000),
  });
  expect(await serve([again])).toEqual({ batchItemFailures: [] });
});

test("a queue whose clock is ahead lengthens no lease", async () => {
  const { deps } = start();
  deps.lease.renew = () => Promise.reject(new Error("throttled"));
  const open = gate("slow");
  const ahead = record("a", "slow", { ApproximateFirstReceiveTimestamp: String(deps.clock.now() + 60_000) });
  const serving = serveRecords([ahead], {
    endsBy: deps.clock.now() + 90_000,
    deps: { ...deps, queueLeaseMs: 10_000 },
  });
  await deps.clock.advance(9_500);
  open();
  expect((await serving).batchItemFailures.length).toBe(1);
  expect(await deps.store.hydrate({ type: "Probe", name: "a" })).toBeUndefined();
});

describe("the lease", () => {
  const receiptsOf = (...records: SQSRecord[]) => records.map(({ receiptHandle }) => receiptHandle);
  const failuresOf = (...records: SQSRecord[]) => ({
    batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })),
  });

  /** A queue whose answers come when told, in any order; a request is under way until then. */
  const heldAnswers = (deps: ReturnType<typeof start>["deps"]) => {
    const requests: { receipts: readonly string[]; answer: (granted?: readonly string[]) => void }[] = [];
    deps.lease.renew = (receipts) =>
      new Promise((resolve) => {
        requests.push({ receipts, answer: (granted = receipts) => resolve(new Set(granted)) });
      });
    return requests;
  };

  test("a quick batch costs one request more, for all of its messages", async () => {
    const { serve, deps, renewed, released, returned } = start();
    const batch = [record("a", "1"), record("b", "1"), record("a", "2")];
    expect(await serve(batch)).toEqual(failuresOf());
    expect(renewed).toEqual([{ at: 1_000_000, receipts: receiptsOf(...batch) }]);
    expect([...released, ...returned]).toEqual([]);
    expect(deps.clock.pending).toBe(0);
  });

  test("work does not wait for it, but the end of the batch does", async () => {
    const { serve, deps } = start();
    const requests = heldAnswers(deps);
    const ended: unknown[] = [];
    const serving = serve([record("a", "1")]).then((answer) => ended.push(answer));
    await expect.poll(() => deps.replies.texts.size).toBe(1);
    await deps.clock.advance(0);
    expect(ended).toEqual([]);
    requests[0]?.answer();
    await serving;
    expect(requests.length).toBe(1);
    expect(deps.clock.pending).toBe(0);
  });

  test("a turn of five minutes keeps it and commits", async () => {
    const { deps, renewed } = start();
    const open = gate("slow");
    const slow = record("a", "slow");
    const serving = serveRecords([slow], {
      endsBy: deps.clock.now() + 360_000,
      deps: { ...deps, methodBudgetMs: 330_000, queueLeaseMs: 390_000 },
    });
    await deps.clock.advance(300_000);
    open();
    expect(await serving).toEqual(failuresOf());
    expect((await deps.store.hydrate(a))?.version).toBe(1);
    expect(renewed.map(({ at }) => at - 1_000_000)).toEqual(Array.from({ length: 31 }, (_, i) => i * 10_000));
    expect(new Set(renewed.flatMap(({ receipts }) => receipts))).toEqual(new Set(receiptsOf(slow)));
    expect(deps.problems).toEqual([]);
    expect(deps.clock.pending).toBe(0);
  });

  test.each([
    ["is still held", 28_999, true],
    // A second before its end: clocks differ a little.
    ["may be over", 29_001, false],
  ])("a worker that can't renew commits only while the lease %s", async (_, ms, commits) => {
    const { serve, deps, renewed } = start();
    const { renew } = deps.lease;
    deps.lease.renew = async (receipts) => {
      const granted = await renew(receipts);
      if (renewed.length > 1) throw new Error("throttled");
      return granted;
    };
    const open = gate("slow");
    const slow = record("a", "slow");
    const serving = serve([slow]);
    await deps.clock.advance(ms);
    open();
    expect(await serving).toEqual(commits ? failuresOf() : failuresOf(slow));
    expect((await deps.store.hydrate(a))?.version).toBe(commits ? 1 : undefined);
    // It tries again every two seconds, and says so once.
    expect(renewed.map(({ at }) => at - 1_000_000).slice(0, 4)).toEqual([0, 10_000, 12_000, 14_000]);
    expect(deps.problems.filter((problem) => problem.startsWith("lease"))).toEqual([
      "lease not renewed: throttled",
    ]);
    expect(deps.clock.pending).toBe(0);
  });

  test("one renewal that fails costs nothing", async () => {
    const { deps, renewed } = start();
    const { renew } = deps.lease;
    deps.lease.renew = async (receipts) => {
      const granted = await renew(receipts);
      if (renewed.length === 2) throw new Error("throttled");
      return granted;
    };
    const open = gate("slow");
    const serving = serveRecords([record("a", "slow")], {
      endsBy: deps.clock.now() + 90_000,
      deps: { ...deps, methodBudgetMs: 60_000 },
    });
    await deps.clock.advance(40_000);
    open();
    expect(await serving).toEqual(failuresOf());
    expect(renewed.map(({ at }) => at - 1_000_000)).toEqual([0, 10_000, 12_000, 22_000, 32_000]);
  });

  test("a lease that is over is not asked for again", async () => {
    const { deps, renewed } = start();
    const { renew } = deps.lease;
    deps.lease.renew = async (receipts) => {
      await renew(receipts);
      throw new Error("throttled");
    };
    const open = gate("slow");
    const serving = serveRecords([record("a", "slow")], {
      endsBy: deps.clock.now() + 90_000,
      deps: { ...deps, methodBudgetMs: 60_000 },
    });
    await deps.clock.advance(50_000);
    expect(renewed.at(-1)?.at).toBe(1_028_000);
    open();
    expect((await serving).batchItemFailures.length).toBe(1);
  });

  test.each([
    ["of the queue, where that is over sooner", 10_000, 8_999, 9_001],
    ["that is asked for, where that is over sooner", 95_000, 28_999, 29_001],
  ])("before the first answer the end counts %s", async (_, queueLeaseMs, before, after) => {
    for (const [ms, commits] of [
      [before, true],
      [after, false],
    ] as const) {
      const { deps } = start();
      const requests = heldAnswers(deps);
      const open = gate("slow");
      const serving = serveRecords([record("a", "slow")], {
        endsBy: deps.clock.now() + 90_000,
        deps: { ...deps, queueLeaseMs },
      });
      await deps.clock.advance(ms);
      open();
      await deps.clock.advance(0);
      expect((await deps.store.hydrate(a))?.version).toBe(commits ? 1 : undefined);
      for (const { answer } of requests) answer();
      expect((await serving).batchItemFailures.length).toBe(commits ? 0 : 1);
    }
  });

  test("a late answer grants a lease from when it was asked for", async () => {
    const { serve, deps } = start();
    const requests = heldAnswers(deps);
    const open = gate("slow");
    const serving = serve([record("a", "slow")]);
    await deps.clock.advance(10_000);
    requests[0]?.answer();
    await deps.clock.advance(19_001);
    // The next one was asked for at once, and is not answered.
    expect(requests.length).toBe(2);
    open();
    await deps.clock.advance(0);
    requests[1]?.answer();
    expect((await serving).batchItemFailures.length).toBe(1);
  });

  test("of the messages that the queue refuses the lease ends, of others it goes on", async () => {
    const { deps } = start();
    const requests: (readonly string[])[] = [];
    const [lost, kept] = [record("a", "slow"), record("b", "slow")];
    deps.lease.renew = async (receipts) => {
      requests.push(receipts);
      return new Set(requests.length === 1 ? receipts : receiptsOf(kept));
    };
    const open = gate("slow");
    const serving = serveRecords([lost, kept], {
      endsBy: deps.clock.now() + 90_000,
      deps: { ...deps, methodBudgetMs: 60_000 },
    });
    await deps.clock.advance(45_000);
    open();
    expect(await serving).toEqual(failuresOf(lost));
    expect(await deps.store.hydrate(a)).toBeUndefined();
    expect((await deps.store.hydrate({ type: "Probe", name: "b" }))?.version).toBe(1);
    expect(requests.at(-1)).toEqual(receiptsOf(kept));
    expect(deps.problems).toContain("lease not renewed: the queue refused 1 of 2 messages");
  });

  test("what was returned or released is not renewed any more, nor what was refused", async () => {
    const { deps, renewed, returned, released, serve } = start();
    const commit = deps.store.commit;
    deps.store.commit = (each) => (each.id.name === "c" ? Promise.reject(new Error("down")) : commit(each));
    const forged = { ...record("d", "1"), body: "{}" };
    const batch = [record("a", "slow"), record("b", "1"), record("c", "1"), forged] as const;
    const [slow, quick, lost] = batch;
    const open = gate("slow");
    const serving = serve([...batch]);
    await expect.poll(() => returned.length).toBe(1);
    await deps.clock.advance(25_000);
    expect(returned).toEqual([[receiptsOf(lost), 1]]);
    expect(released).toEqual([receiptsOf(quick)]);
    expect(renewed.map(({ receipts }) => receipts)).toEqual([
      receiptsOf(...batch),
      receiptsOf(slow),
      receiptsOf(slow),
    ]);
    open();
    expect(await serving).toEqual(failuresOf(forged, lost));
    expect(deps.clock.pending).toBe(0);
  });

  test("what is returned or released waits until the renewal has come back that would hide it again", async () => {
    const { deps, returned, released, serve } = start();
    const requests = heldAnswers(deps);
    const commit = deps.store.commit;
    deps.store.commit = (each) => (each.id.name === "c" ? Promise.reject(new Error("down")) : commit(each));
    const batch = [record("a", "slow"), record("b", "middle"), record("c", "middle")] as const;
    const [slow, quick, lost] = batch;
    const [open, openMiddle] = [gate("slow"), gate("middle")];
    const serving = serve([...batch]);
    await deps.clock.advance(0);
    requests[0]?.answer();
    await deps.clock.advance(10_000);
    expect(requests.map(({ receipts }) => receipts)).toEqual([receiptsOf(...batch), receiptsOf(...batch)]);
    openMiddle();
    await expect.poll(() => deps.problems.length).toBe(5);
    await deps.clock.advance(1_000);
    expect([...returned, ...released]).toEqual([]);
    requests[1]?.answer();
    await deps.clock.advance(100);
    expect(returned).toEqual([[receiptsOf(lost), 1]]);
    expect(released).toEqual([receiptsOf(quick)]);
    await deps.clock.advance(9_000);
    expect(requests[2]?.receipts).toEqual(receiptsOf(slow));
    open();
    requests[2]?.answer();
    await serving;
    expect(deps.clock.pending).toBe(0);
  });

  test("a batch in which nothing is an envelope leaves no request behind", async () => {
    const { deps, serve } = start();
    const requests = heldAnswers(deps);
    const forged = { ...record("a", "1"), body: "{}" };
    const ended: unknown[] = [];
    const serving = serve([forged]).then((answer) => ended.push(answer));
    await deps.clock.advance(0);
    expect(ended).toEqual([]);
    requests[0]?.answer();
    await serving;
    expect(ended).toEqual([failuresOf(forged)]);
    expect(deps.clock.pending).toBe(0);
  });

  test("a batch that breaks off is renewed no more", async () => {
    const { deps, renewed, serve } = start();
    deps.store.hydrate = () => Promise.reject(new Error("down"));
    const broken = new Error("nothing can be reported");
    deps.telemetry.problem = () => {
      throw broken;
    };
    await expect(serve([record("a", "1")])).rejects.toBe(broken);
    expect(renewed.length).toBe(1);
    expect(deps.clock.pending).toBe(0);
  });

  test.each([
    ["29 s, so that it may have been delivered before, is", 29_000, 1],
    ["less is not", 28_999, 0],
  ])("what lay in the queue for %s looked up", async (_, ms, reads) => {
    const { deps, serve } = start();
    await serve([record("a", "1", { SentTimestamp: String(deps.clock.now() - ms) })]);
    expect(deps.replies.reads).toBe(reads);
  });
});

describe("the function around it", () => {
  test("reads its settings from the environment, and says which one is missing or wrong", () => {
    vi.stubEnv("LEASE_SECONDS", "95");
    expect(required("LEASE_SECONDS")).toBe("95");
    expect(requiredSeconds("LEASE_SECONDS")).toBe(95_000);
    for (const wrong of ["x", "0", "-1", "1.5"]) {
      vi.stubEnv("LEASE_SECONDS", wrong);
      expect(() => requiredSeconds("LEASE_SECONDS")).toThrow(
        "LEASE_SECONDS must be a whole number of seconds",
      );
    }
    vi.stubEnv("LEASE_SECONDS", "");
    expect(() => requiredSeconds("LEASE_SECONDS")).toThrow("LEASE_SECONDS is not set");
    vi.unstubAllEnvs();
  });

  test("outlives a promise that user code left rejected, and reports it", () => {
    const problems: string[] = [];
    const telemetry = {
      problem: (what: string, { reason }: { reason?: unknown }) => problems.push(`${what}: ${reason}`),
      count: () => {},
    };
    const before = process.listeners("unhandledRejection");
    const tell = () =>
      process.listeners("unhandledRejection").at(-1)?.(new Error("oh no"), Promise.resolve());
    const forget = surviveStrayRejections(telemetry);
    expect(process.listenerCount("unhandledRejection")).toBe(before.length + 1);
    tell();
    forget();
    expect(process.listeners("unhandledRejection")).toEqual(before);
    surviveStrayRejectionsOnLambda(telemetry);
    // Lambda's own listener, which ends the process, is gone.
    expect(process.listenerCount("unhandledRejection")).toBe(1);
    tell();
    process.removeAllListeners("unhandledRejection");
    for (const each of before) process.on("unhandledRejection", each);
    expect(problems).toEqual(["stray rejection: oh no", "stray rejection: oh no"]);
  });
});

describe("a record", () => {
  const read = (attributes: Record<string, string>) =>
    deliveriesOf(record("a", "1", attributes), { now: 1_000_000, leaseMs: 95_000 })[0];

  test("gives its place in the mailbox", () => {
    expect(read({ SequenceNumber: "18849496460467696128" }).mark?.sequence).toBe("18849496460467696128");
    expect(read({ SequenceNumber: "00000000000000000107" }).mark?.sequence).toBe("107");
    for (const odd of ["abc", "", "0", "000", "1.5"]) {
      expect(read({ SequenceNumber: odd }).mark).toBeUndefined();
    }
    const [elsewhere] = deliveriesOf(
      { ...record("a", "1"), eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:other.fifo" },
      { now: 1_000_000, leaseMs: 95_000 },
    );
    expect(read({}).mark?.queue).toMatch(/^[\w-]{8}$/);
    expect(read({}).mark?.queue).toBe(read({}).mark?.queue);
    expect(elsewhere.mark?.queue).not.toBe(read({}).mark?.queue);
  });

  test("is suspect when received before, older than a lease, or without attributes", () => {
    expect(read({}).suspect).toBe(false);
    expect(read({ ApproximateReceiveCount: "2" }).suspect).toBe(true);
    expect(read({ SentTimestamp: "905000" }).suspect).toBe(true);
    expect(read({ SentTimestamp: "905001" }).suspect).toBe(false);
    expect(read({ ApproximateReceiveCount: "" }).suspect).toBe(true);
    expect(read({ SentTimestamp: "" }).suspect).toBe(true);
  });
});

describe("a message of several envelopes", () => {
  const pack = (name: string, ...steps: string[]) => {
    const [first, ...others] = steps.map((step) => record(name, step));
    if (!first) throw new Error("a pack has at least one envelope");
    return packOf(first, ...others);
  };

  test("I2: is run in order, between those before and behind it, as part of its instance's batch", async () => {
    const { serve, deps, renewed } = start();
    const records = [record("a", "1"), pack("a", "2", "3", "4"), pack("b", "x", "y"), record("a", "5")];
    expect(await serve(records)).toEqual({ batchItemFailures: [] });
    expect(order.filter((each) => each.startsWith("a:"))).toEqual(["a:1", "a:2", "a:3", "a:4", "a:5"]);
    expect(order.filter((each) => each.startsWith("b:"))).toEqual(["b:x", "b:y"]);
    for (const id of records.flatMap(idsOf)) expect(deps.replies.outcome(id)?.ok).toBe(true);
    // A lease is of a message, however much lies in it.
    expect(renewed[0]?.receipts).toEqual(records.map(({ receiptHandle }) => receiptHandle));
  });

  test("gives each envelope its place, and to all what is of the message", () => {
    const [one, two, three] = deliveriesOf(packOf(record("a", "1"), record("a", "2"), record("a", "3")), {
      now: 1_000_000,
      leaseMs: 95_000,
    });
    expect(one.mark).not.toHaveProperty("index");
    expect(two?.mark).toEqual({ ...one.mark, index: 1 });
    expect(three?.mark).toEqual({ ...one.mark, index: 2 });
    const common = ({ messageId, receipt, suspect, receives }: typeof one) => [
      messageId,
      receipt,
      suspect,
      receives,
    ];
    for (const each of [two, three]) expect(each && common(each)).toEqual(common(one));
  });

  test("without a sequence number has no places", () => {
    const lone = pack("a", "1", "2");
    const without = { ...lone, attributes: { ...lone.attributes, SequenceNumber: "" } };
    for (const { mark } of deliveriesOf(without, { now: 1_000_000, leaseMs: 95_000 })) {
      expect(mark).toBeUndefined();
    }
  });

  test("I4: that is finished in part comes again as a whole, once, and the messages behind it too", async () => {
    const { serve, deps, returned } = start();
    const [first, torn, behind] = [record("a", "1"), pack("a", "2", "3", "4"), record("a", "5")];
    // Time for a turn is over behind the third one.
    const advance = gate("3");
    const serving = serve([first, torn, behind], deps.clock.now() + 33_000);
    for (let rounds = 0; rounds < 20; rounds++) await deps.clock.advance(0);
    await deps.clock.advance(20_000);
    advance();
    expect(await serving).toEqual({
      batchItemFailures: [torn, behind].map(({ messageId }) => ({ itemIdentifier: messageId })),
    });
    expect(order).toEqual(["a:1", "a:2", "a:3"]);
    expect(returned).toEqual([[[torn.receiptHandle, behind.receiptHandle], 1]]);

    order.length = 0;
    const again = [torn, behind].map((each) => ({
      ...each,
      attributes: { ...each.attributes, ApproximateReceiveCount: "2" },
    }));
    expect(await serve(again)).toEqual({ batchItemFailures: [] });
    // What was done is not done again, and all of it is answered.
    expect(order).toEqual(["a:4", "a:5"]);
    for (const id of [first, torn, behind].flatMap(idsOf)) expect(deps.replies.outcome(id)?.ok).toBe(true);
  });

  test("I4: of which a reply could not be filed comes again, though the mark has passed it, and is answered", async () => {
    const { serve, deps } = start();
    const torn = pack("a", "1", "2", "3");
    const [, second = ""] = idsOf(torn);
    const { write } = deps.replies;
    deps.replies.write = async (id, outcome) => {
      if (id === second) throw new Error("out of reach");
      return write(id, outcome);
    };
    expect(await serve([torn])).toEqual({ batchItemFailures: [{ itemIdentifier: torn.messageId }] });
    deps.replies.write = write;
    expect(deps.replies.outcome(second)).toBeUndefined();
    order.length = 0;
    expect(await serve([torn])).toEqual({ batchItemFailures: [] });
    expect(order).toEqual([]);
    expect(deps.replies.outcome(second)?.ok).toBe(true);
  });

  test("I4: that a stalled worker has, when all of it and more was done elsewhere, runs no more", async () => {
    const { serve, deps } = start();
    const stale = pack("a", "1", "2", "3");
    await serve([stale]);
    await serve([record("a", "4")]);
    order.length = 0;
    // As received before, by a worker that wakes up now: nothing says that it may have been answered but the mark.
    expect(await serve([stale])).toEqual({ batchItemFailures: [] });
    expect(order).toEqual([]);
    expect((await deps.store.hydrate(a))?.mark?.index).toBeUndefined();
  });

  test("is released when it is finished, while another group runs, with one receipt", async () => {
    const { serve, deps, released } = start();
    const open = gate("slow");
    const quick = pack("b", "1", "2");
    const serving = serve([record("a", "slow"), quick]);
    await deps.clock.advance(0);
    await deps.clock.advance(100);
    expect(released).toEqual([[quick.receiptHandle]]);
    open();
    await serving;
  });

  test("I4: is not released while one in it is unfinished, though others in it are done", async () => {
    const { serve, deps, released, returned } = start();
    const open = gate("slow");
    const torn = pack("b", "1", "2", "3");
    const [, second = ""] = idsOf(torn);
    const { write } = deps.replies;
    deps.replies.write = async (id, outcome) => {
      if (id === second) throw new Error("out of reach");
      return write.call(deps.replies, id, outcome);
    };
    const done = record("b", "4");
    const serving = serve([record("a", "slow"), torn, done]);
    await deps.clock.advance(0);
    await deps.clock.advance(100);
    expect(released).toEqual([[done.receiptHandle]]);
    expect(returned).toEqual([[[torn.receiptHandle], 1]]);
    open();
    expect(await serving).toEqual({ batchItemFailures: [{ itemIdentifier: torn.messageId }] });
  });

  test("with one in it that can't be read is refused as a whole", async () => {
    const { serve } = start();
    const good = pack("a", "1", "2");
    const bad = {
      ...good,
      messageId: "bad",
      body: good.body.replace('"chain"', '"niahc"').replace('"id":"e', '"id":" '),
    };
    expect(await serve([bad, record("b", "1")])).toEqual({ batchItemFailures: [{ itemIdentifier: "bad" }] });
    expect(order).toEqual(["b:1"]);
  });

  test("I17: with one in it that has ended its workers goes on without that: it alone is given up, and becomes a dead letter", async () => {
    const { serve, deps } = start();
    const one = record("a", "1");
    const poisoned = packOf(one, record("a", "2"), record("a", "3"));
    const [first = "", poison = "", last = ""] = idsOf(poisoned);
    // What came before it is settled by then: each is durable before the next one begins.
    await serve([one]);
    const { version, ...head } = (await deps.store.hydrate(a)) ?? NEW_HEAD;
    await deps.store.commit({
      id: a,
      expected: version,
      head: { ...head, version: version + 1, trial: { id: poison, starts: 4 } },
      entries: new Map(),
    });
    order.length = 0;
    const often = { ...poisoned, attributes: { ...poisoned.attributes, ApproximateReceiveCount: "7" } };
    expect(await serve([often])).toEqual({ batchItemFailures: [] });
    expect(order).toEqual(["a:3"]);
    expect(deps.replies.outcome(poison)).toMatchObject({ ok: false, error: { name: "ActorCrashedError" } });
    for (const id of [first, last]) expect(deps.replies.outcome(id)?.ok).toBe(true);
    const [letter, ...others] = deps.deadLetters.all();
    expect(letter?.envelope.id).toBe(poison);
    expect(others).toEqual([]);
  });

  test("I17: whose worker has died is run no more where its callers have given up: it is not received again and again", async () => {
    const { serve, deps } = start();
    const lost = pack("a", "1", "2", "3");
    const envelopes = decodeMessage(lost.body);
    const deadline = deps.clock.now() + 30_000;
    const [head, ...rest] = envelopes.map((each) => ({ ...each, deadline }));
    if (!head) throw new Error("there is nothing in it");
    // A lease later, which is the soonest that what a dead worker held comes again.
    await deps.clock.advance(30_000);
    const again = {
      ...lost,
      body: encodeMessage([head, ...rest]),
      attributes: { ...lost.attributes, ApproximateReceiveCount: "2" },
    };
    expect(await serve([again])).toEqual({ batchItemFailures: [] });
    expect(order).toEqual([]);
    for (const { id } of envelopes) {
      expect(deps.replies.outcome(id)).toMatchObject({ ok: false, error: { name: "ActorDeadlineError" } });
    }
  });
});
