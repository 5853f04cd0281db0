import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { expect, test } from "vitest";
import { shardOf, shardUrl, shardUrlOfArn } from "../../../runtime/adapters/aws/mailbox-shards.ts";
import { createSqsMailbox } from "../../../runtime/adapters/aws/sqs-mailbox.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import { StepClock } from "../core/fixtures.ts";
import { awaitedCall } from "./envelopes.ts";

const URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/bank-Envelopes-12ab34cd.fifo";
const ARN = "arn:aws:sqs:eu-central-1:123456789012:bank-Envelopes-12ab34cd.fifo";
const names = Array.from({ length: 4_000 }, (_, n) => ({ type: "Account", name: `account ${n}` }));

test("an instance has one shard, which no other sender may choose otherwise: these are for ever", () => {
  const shards = ["alice", "bob", "a/b", "😀", ""].map((name) => shardOf({ type: "Account", name }, 8));
  expect(shards).toEqual([7, 7, 5, 6, 5]);
  expect(names.every((id) => shardOf(id, 1) === 0)).toBe(true);
});

test("instances are spread evenly", () => {
  const counts = new Map<number, number>();
  for (const id of names) counts.set(shardOf(id, 4), (counts.get(shardOf(id, 4)) ?? 0) + 1);
  expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3]);
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});

test.each([1, 2, 3, 7])(
  "one shard more than %s takes its share of each, and moves no instance between them",
  (shards) => {
    const moved = names.filter((id) => shardOf(id, shards + 1) !== shardOf(id, shards));
    expect(moved.every((id) => shardOf(id, shards + 1) === shards)).toBe(true);
    expect(Math.abs(moved.length - names.length / (shards + 1))).toBeLessThan(200);
  },
);

test("the queues of shards are found by name and by ARN", () => {
  const urls = [0, 1, 12].map((shard) => shardUrl(URL, shard));
  expect(urls.map((url) => url.slice(url.lastIndexOf("/") + 1))).toEqual([
    "bank-Envelopes-12ab34cd.fifo",
    "bank-Envelopes-12ab34cd-1.fifo",
    "bank-Envelopes-12ab34cd-12.fifo",
  ]);
  const arns = ["", "-1", "-12"].map((suffix) => ARN.replace(".fifo", `${suffix}.fifo`));
  expect(arns.map((arn) => shardUrlOfArn(URL, arn))).toEqual(urls);
});

test.each([
  "arn:aws:sqs:us-east-1:000000000000:mailbox.fifo",
  "arn:aws:sqs:us-east-1:000000000000:mailbox-1.fifo",
  "",
])("the ARN %j of no shard stands for the first queue", (arn) => {
  expect(shardUrlOfArn(URL, arn)).toBe(URL);
});

test("a queue whose own name ends in a number is the first one", () => {
  const url = "https://sqs/q-2.fifo";
  expect(shardUrlOfArn(url, "arn:aws:sqs:us-east-1:000000000000:q-2.fifo")).toBe(url);
  expect(shardUrlOfArn(url, "arn:aws:sqs:us-east-1:000000000000:q-2-1.fifo")).toBe("https://sqs/q-2-1.fifo");
});

test("calls and wakes of an instance go to its shard, and what is not due yet to the one delay queue", async () => {
  const sqs = mockClient(SQSClient);
  const clock = new StepClock();
  const delayUrl = "https://sqs/delayed";
  const mailbox = createSqsMailbox({
    client: sqs as unknown as SQSClient,
    mailboxUrl: URL,
    shards: 3,
    delayUrl,
    clock,
  });
  for (const name of ["a", "b", "c", "d", "e"]) {
    sqs.resetHistory();
    const call = awaitedCall(name, "e1", 1);
    const wake = wakeEnvelope(call.to, { at: clock.now(), version: 7 });
    await mailbox.send(call);
    await mailbox.send(wake);
    await mailbox.send({ ...call, due: clock.now() + 5_000 });
    const sent = sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input);
    const shard = shardUrl(URL, shardOf(call.to, 3));
    expect(sent.map(({ QueueUrl }) => QueueUrl)).toEqual([shard, shard, delayUrl]);
    expect(sent[0]?.MessageBody).toBe(encodeEnvelope(call));
  }
});
