import { ChangeMessageVisibilityBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { mockClient } from "aws-sdk-client-mock";
import { expect, onTestFinished, test, vi } from "vitest";
import { createWorkerHandler } from "../../../handlers/worker.ts";
import { StatefulActor } from "../../../runtime/index.ts";

class Greeter extends StatefulActor {}

const ENVIRONMENT = {
  AWS_REGION: "us-east-1",
  MAILBOX_URL: "http://127.0.0.1:1/1/bank.fifo",
  MAILBOX_SHARDS: "2",
  DELAY_URL: "http://127.0.0.1:1/1/delay",
  ACTOR_TABLE: "actors",
  REPLY_TABLE: "replies",
  DEAD_LETTER_URL: "http://127.0.0.1:1/1/dead.fifo",
  SCHEDULE_GROUP: "group",
  SCHEDULE_ROLE_ARN: "role",
  DELAY_QUEUE_ARN: "delay",
  DELAY_DEAD_LETTER_ARN: "dead",
  LEASE_SECONDS: "390",
  REPLY_RETENTION_SECONDS: "86400",
  ALARM_BUDGET_SECONDS: "300",
};

/** What no worker can read: it is held like any other message, and comes again. */
function record(queue: string): SQSRecord {
  return {
    messageId: "m1",
    receiptHandle: "r1",
    body: "no envelope",
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "0",
      SenderId: "x",
      ApproximateFirstReceiveTimestamp: "0",
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queue}`,
    awsRegion: "us-east-1",
  };
}

test.each([
  ["bank.fifo", "http://127.0.0.1:1/1/bank.fifo"],
  ["bank-1.fifo", "http://127.0.0.1:1/1/bank-1.fifo"],
])("a batch of the queue %s is held in that queue", async (queue, url) => {
  const sqs = mockClient(SQSClient);
  const listeners = process.listeners("unhandledRejection");
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    sqs.restore();
    process.removeAllListeners("unhandledRejection");
    for (const each of listeners) process.on("unhandledRejection", each);
  });
  const worker = createWorkerHandler({
    module: { Greeter },
    actors: [{ binding: "GREETER", type: "Greeter" }],
  });
  // Received just now, so that there is a lease to shorten.
  const received = { ...record(queue).attributes, ApproximateFirstReceiveTimestamp: String(Date.now()) };
  const event = { Records: [{ ...record(queue), attributes: received }] };
  expect(await worker(event, { getRemainingTimeInMillis: () => 60_000 })).toEqual({
    batchItemFailures: [{ itemIdentifier: "m1" }],
  });
  const [held] = sqs.commandCalls(ChangeMessageVisibilityBatchCommand).map(({ args }) => args[0].input);
  expect(held?.QueueUrl).toBe(url);
});
