import type { SQSRecord } from "aws-lambda";

/** A message as the event source of a mailbox hands it out, received once and at once. */
export function sqsRecord(
  id: string,
  {
    body,
    sequence,
    attributes = {},
  }: { body: string; sequence: number; attributes?: Record<string, string> },
): SQSRecord {
  return {
    messageId: `m-${id}`,
    receiptHandle: `r-${id}`,
    body,
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
