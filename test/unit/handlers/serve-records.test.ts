import type { SQSRecord } from "aws-lambda";
import { describe, expect, test } from "vitest";
import { serveRecords } from "../../../handlers/serve-records.ts";
import { deliveryOf } from "../../../runtime/adapters/aws/sqs-record.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import { testDeps } from "../core/fixtures.ts";

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
  const envelope = {
    id,
    to: { type: "Probe", name },
    call: { method: "mark", args: encode([step], "args") },
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
      SequenceNumber: String(18_849_000_000_000_000 + sequence),
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

describe("a record", () => {
  const read = (attributes: Record<string, string>) =>
    deliveryOf(record("a", "1", attributes), { now: 1_000_000, leaseMs: 95_000 });

  test("gives its place in the mailbox", () => {
    expect(read({ SequenceNumber: "18849496460467696128" }).mark?.sequence).toBe("18849496460467696128");
    expect(read({ SequenceNumber: "abc" }).mark).toBeUndefined();
  });

  test("is suspect when received before, older than a lease, or without attributes", () => {
    expect(read({}).suspect).toBe(false);
    expect(read({ ApproximateReceiveCount: "2" }).suspect).toBe(true);
    expect(read({ SentTimestamp: "905000" }).suspect).toBe(true);
    expect(read({ SentTimestamp: "905001" }).suspect).toBe(false);
    expect(read({ ApproximateReceiveCount: "", SentTimestamp: "" }).suspect).toBe(true);
  });
});
