import type { SQSRecord } from "aws-lambda";
import { describe, expect, test, vi } from "vitest";
import { required, requiredSeconds } from "../../../handlers/environment.ts";
import { serveRecords } from "../../../handlers/serve-records.ts";
import {
  surviveStrayRejections,
  surviveStrayRejectionsOnLambda,
} from "../../../handlers/stray-rejections.ts";
import { deliveryOf } from "../../../runtime/adapters/aws/sqs-record.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { FINGERPRINT, testDeps } from "../core/fixtures.ts";

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
  return {
    messageId: `m-${id}`,
    receiptHandle: `r-${id}`,
    body: encodeEnvelope(envelope),
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "999999",
      SenderId: "x",
      ApproximateFirstReceiveTimestamp: "1000000",
      SequenceNumber: String(18_849_000_000_000_000_000n + BigInt(sequence)),
      MessageGroupId: "g",
      ...attributes,
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:q.fifo",
    awsRegion: "us-east-1",
  };
}

function start() {
  const released: (readonly string[])[] = [];
  const returned: [receipts: readonly string[], seconds: number][] = [];
  const deps = {
    ...testDeps({ Probe }),
    lease: {
      release: async (receipts: readonly string[]) => void released.push(receipts),
      returnAfter: async (receipts: readonly string[], seconds: number) =>
        void returned.push([receipts, seconds]),
    },
    leaseMs: 95_000,
  };
  order.length = 0;
  const serve = (records: SQSRecord[], endsBy = deps.clock.now() + 90_000) =>
    serveRecords(records, { endsBy, deps });
  return { deps, released, returned, serve };
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
    await expect.poll(() => deps.replies.texts.size, { timeout: 10_000 }).toBe(2);
    openMiddle();
    await expect.poll(() => returned.length, { timeout: 10_000 }).toBe(1);
    await deps.clock.advance(100);
    expect(released).toEqual([done.map(({ receiptHandle }) => receiptHandle)]);
    expect(returned).toEqual([[tail.map(({ receiptHandle }) => receiptHandle), 1]]);
    open();
    expect(await serving).toEqual({
      batchItemFailures: tail.map(({ messageId }) => ({ itemIdentifier: messageId })),
    });
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
    await expect
      .poll(() => deps.problems, { timeout: 10_000 })
      .toContain("messages not returned early: throttled");
    await deps.clock.advance(100);
    await expect
      .poll(() => deps.problems, { timeout: 10_000 })
      .toContain("messages not released early: throttled");
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
    const { serve, deps } = start();
    const stale = record("a", "1", { ApproximateFirstReceiveTimestamp: String(deps.clock.now() - 94_500) });
    expect((await serve([stale])).batchItemFailures.length).toBe(1);
    expect(await deps.store.hydrate({ type: "Probe", name: "a" })).toBeUndefined();
  });
});

test.each([
  ["was received later", "1000000"],
  ["does not say when it was received", ""],
  ["says that it was never received", "0"],
])("the oldest lease of a batch counts, also when another message %s", async (_, first) => {
  const { serve, deps } = start();
  const stale = record("a", "1", { ApproximateFirstReceiveTimestamp: String(deps.clock.now() - 94_500) });
  const other = record("b", "1", { ApproximateFirstReceiveTimestamp: first });
  expect((await serve([stale, other])).batchItemFailures.length).toBe(2);
  expect(await serve([other])).toEqual({ batchItemFailures: [] });
  expect(await deps.store.hydrate({ type: "Probe", name: "a" })).toBeUndefined();
});

test("a message received before was first received in an older lease, which says nothing of this one", async () => {
  const { serve, deps } = start();
  const again = record("a", "1", {
    ApproximateReceiveCount: "2",
    ApproximateFirstReceiveTimestamp: String(deps.clock.now() - 94_500),
  });
  expect(await serve([again])).toEqual({ batchItemFailures: [] });
});

test("a queue whose clock is ahead lengthens no lease", async () => {
  const { deps } = start();
  const open = gate("slow");
  const ahead = record("a", "slow", { ApproximateFirstReceiveTimestamp: String(deps.clock.now() + 60_000) });
  const serving = serveRecords([ahead], {
    endsBy: deps.clock.now() + 90_000,
    deps: { ...deps, leaseMs: 10_000 },
  });
  await deps.clock.advance(9_500);
  open();
  expect((await serving).batchItemFailures.length).toBe(1);
  expect(await deps.store.hydrate({ type: "Probe", name: "a" })).toBeUndefined();
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
    deliveryOf(record("a", "1", attributes), { now: 1_000_000, leaseMs: 95_000 });

  test("gives its place in the mailbox", () => {
    expect(read({ SequenceNumber: "18849496460467696128" }).mark?.sequence).toBe("18849496460467696128");
    for (const odd of ["abc", "", "0", "007", "1.5"]) {
      expect(read({ SequenceNumber: odd }).mark).toBeUndefined();
    }
    const elsewhere = deliveryOf(
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
