import type { SQSRecord } from "aws-lambda";
import { expect, test } from "vitest";
import { forwardRecords } from "../../../handlers/forwarder.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";

const envelope = (id: string): Envelope => ({
  id,
  attempt: `${id}.1`,
  to: { type: "Account", name: "alice" },
  call: { kind: "method", method: "m", args: "[[]]" },
  fingerprint: "f",
  awaited: false,
  due: 1_000_000,
  deadline: Number.MAX_SAFE_INTEGER,
  chain: [],
});

const record = (messageId: string, body: string) => ({ messageId, body }) as SQSRecord;

/** Forwards to a mailbox that refuses the envelopes named in `refused`. */
async function forward(records: readonly SQSRecord[], refused: readonly string[] = []) {
  const sent: Envelope[] = [];
  const problems: (readonly [string, unknown])[] = [];
  const result = await forwardRecords(records, {
    mailbox: {
      async send(each) {
        if (refused.includes(each.id)) throw new Error("the queue is out of reach");
        sent.push(each);
      },
    },
    telemetry: { problem: (what, detail) => void problems.push([what, detail]) },
  });
  return { sent, problems, failed: result.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) };
}

test("what a record carries arrives as it was sent", async () => {
  const both = [envelope("e1"), envelope("e2")];
  const { sent, problems, failed } = await forward(both.map((each) => record(each.id, encodeEnvelope(each))));
  expect(sent).toEqual(both);
  expect({ problems, failed }).toEqual({ problems: [], failed: [] });
});

test("what is no envelope fails alone, and is reported", async () => {
  const good = envelope("e1");
  const { sent, problems, failed } = await forward([
    record("m1", "no envelope"),
    record("m2", encodeEnvelope(good)),
    record("m3", '{"v":99}'),
  ]);
  expect(sent).toEqual([good]);
  expect(failed.toSorted()).toEqual(["m1", "m3"]);
  expect(problems).toEqual([
    ["message refused", { messageId: "m1", reason: expect.stringContaining("JSON object") }],
    ["message refused", { messageId: "m3", reason: expect.stringContaining("format 99") }],
  ]);
});

test("what could not be sent comes again, and only that", async () => {
  const records = ["e1", "e2", "e3"].map((id) => record(id, encodeEnvelope(envelope(id))));
  const { sent, problems, failed } = await forward(records, ["e2"]);
  expect(sent.map(({ id }) => id)).toEqual(["e1", "e3"]);
  expect(failed).toEqual(["e2"]);
  expect(problems).toEqual([
    ["message not forwarded", { messageId: "e2", reason: "the queue is out of reach" }],
  ]);
});
