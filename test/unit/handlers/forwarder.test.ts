import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createForwarderHandler, forwardRecords } from "../../../handlers/forwarder.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";

const envelope = (id: string): Envelope => ({
  id,
  attempt: `${id}-1`,
  to: { type: "Account", name: "alice" },
  call: { kind: "method", method: "m", args: "[[]]" },
  fingerprint: "0123456789ab",
  awaited: false,
  due: 1_000_000,
  deadline: Number.MAX_SAFE_INTEGER,
  chain: [],
});

const record = (messageId: string, body: string) =>
  ({ messageId, body, attributes: { ApproximateReceiveCount: "2" } }) as SQSRecord;

/** Forwards to a mailbox that refuses the envelopes named in `refused`. */
async function forward(records: readonly SQSRecord[], refused: readonly string[] = []) {
  const sent: Envelope[] = [];
  const problems: (readonly [string, unknown])[] = [];
  const counted: (readonly [string, unknown])[] = [];
  const result = await forwardRecords(records, {
    mailbox: {
      async send(each, options) {
        // The record may come again: only the mailbox knows the second one.
        expect(options).toEqual({ repeatable: true });
        if (refused.includes(each.id)) throw new Error("the queue is out of reach");
        sent.push(each);
      },
    },
    telemetry: {
      problem: (what, detail) => void problems.push([what, detail]),
      count: (metric, detail) => void counted.push([metric, detail]),
    },
  });
  const failed = result.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  return { sent, problems, counted, failed };
}

test("what a record carries arrives as it was sent", async () => {
  const both = [envelope("e1"), envelope("e2")];
  const { sent, problems, failed } = await forward(both.map((each) => record(each.id, encodeEnvelope(each))));
  expect(sent).toEqual(both);
  expect({ problems, failed }).toEqual({ problems: [], failed: [] });
});

test("what is no envelope, or newer than the forwarder, fails alone, and is reported", async () => {
  const good = envelope("e1");
  const { sent, problems, counted, failed } = await forward([
    record("m1", "no envelope"),
    record("m2", encodeEnvelope(good)),
    record("m3", '{"v":99}'),
    record("m4", JSON.stringify({ v: 99, type: "Account", name: "alice", due: 1_000_000 })),
  ]);
  expect(sent).toEqual([good]);
  expect(failed.toSorted()).toEqual(["m1", "m3", "m4"]);
  expect(problems).toEqual([
    ["message refused", { messageId: "m1", receives: 2, reason: expect.stringContaining("JSON object") }],
    ["message refused", { messageId: "m3", receives: 2, reason: expect.stringContaining("format 99") }],
    [
      "newer format",
      { messageId: "m4", receives: 2, reason: expect.stringContaining("deploy the newer version") },
    ],
  ]);
  expect(counted).toEqual([
    ["EnvelopesRefused", {}],
    ["EnvelopesRefused", {}],
    ["NewerFormats", {}],
  ]);
});

test("what could not be sent comes again, and only that", async () => {
  const records = ["e1", "e2", "e3"].map((id) => record(id, encodeEnvelope(envelope(id))));
  const { sent, problems, counted, failed } = await forward(records, ["e2"]);
  expect(sent.map(({ id }) => id)).toEqual(["e1", "e3"]);
  expect(failed).toEqual(["e2"]);
  expect(problems).toEqual([
    [
      "message not forwarded",
      expect.objectContaining({
        messageId: "e2",
        envelope: "e2",
        receives: 2,
        reason: "the queue is out of reach",
      }),
    ],
  ]);
  expect(counted).toEqual([["MessagesNotForwarded", { type: envelope("e2").to.type }]]);
});

describe("a wake that comes out of the delay queue", () => {
  const NOW = 1_700_000_000_000;

  /** Where the handler sends a wake that is due in so many ms. */
  async function forwardWake(ahead: number) {
    vi.useFakeTimers({ toFake: ["Date"], now: NOW });
    vi.stubEnv("MAILBOX_URL", "https://sqs/q.fifo");
    vi.stubEnv("DELAY_URL", "https://sqs/delayed");
    const sqs = mockClient(SQSClient);
    onTestFinished(() => {
      vi.useRealTimers();
      vi.unstubAllEnvs();
      sqs.restore();
    });
    const wake = wakeEnvelope({ type: "Account", name: "alice" }, { at: NOW + ahead, version: 7 });
    const body = encodeEnvelope(wake);
    expect(await createForwarderHandler()({ Records: [record("m1", body)] })).toEqual({
      batchItemFailures: [],
    });
    const sent = sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input);
    return { body, sent };
  }

  test.each([
    // As a schedule puts it there, and as the longest delay leaves it.
    [300_000, 300],
    [86_400_000, 900],
    [1_001, 1],
  ])("%s ms ahead of its time goes back for %s s more", async (ahead, seconds) => {
    const { body, sent } = await forwardWake(ahead);
    expect(sent).toEqual([{ QueueUrl: "https://sqs/delayed", MessageBody: body, DelaySeconds: seconds }]);
  });

  test.each([1_000, 250, 0, -86_400_000])("%s ms ahead of its time goes to its instance", async (ahead) => {
    const { body, sent } = await forwardWake(ahead);
    expect(sent).toEqual([expect.objectContaining({ QueueUrl: "https://sqs/q.fifo", MessageBody: body })]);
  });
});
