import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { expect, test } from "vitest";
import { createDeadLetterQueue } from "../../../runtime/adapters/aws/dead-letter-queue.ts";
import { createSqsDeadLetters } from "../../../runtime/adapters/aws/sqs-dead-letters.ts";
import { createMemoryDeadLetters } from "../../../runtime/adapters/local/memory-dead-letters.ts";
import { createSqliteDeadLetters } from "../../../runtime/adapters/local/sqlite-dead-letters.ts";
import { openStateFile } from "../../../runtime/adapters/local/state-file.ts";
import { decodeEnvelope } from "../../../runtime/core/envelope.ts";
import { decodeMessage } from "../../../runtime/core/message.ts";
import { StepClock } from "../core/fixtures.ts";
import { awaitedCall, oneWay, stateFilePath } from "./envelopes.ts";

test("on SQS a dead letter is the envelope in its group, once an attempt, with its reason beside it", async () => {
  const sqs = mockClient(SQSClient).resolves({});
  const letters = createSqsDeadLetters(sqs as unknown as SQSClient, "https://sqs/dead.fifo");
  await letters.add(oneWay("a", "m1"), "it crashed");
  expect(sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input)).toEqual([
    {
      QueueUrl: "https://sqs/dead.fifo",
      MessageBody: expect.any(String),
      MessageGroupId: expect.stringMatching(/^[\w-]{43}$/),
      MessageDeduplicationId: "m1",
      MessageAttributes: { reason: { DataType: "String", StringValue: "it crashed" } },
    },
  ]);
  const { MessageBody = "" } = sqs.commandCalls(SendMessageCommand)[0]?.args[0].input ?? {};
  expect(decodeEnvelope(MessageBody)).toEqual(oneWay("a", "m1"));
});

test("in memory a dead letter is there once", async () => {
  const letters = createMemoryDeadLetters();
  await letters.add(oneWay("a", "m1"), "first");
  await letters.add(oneWay("a", "m1"), "second");
  expect(letters.all()).toEqual([{ envelope: oneWay("a", "m1"), reason: "first" }]);
});

test("in a state file dead letters outlive the process, each once", async () => {
  const path = stateFilePath();
  const clock = new StepClock();
  const first = openStateFile(path);
  const letters = createSqliteDeadLetters(first, { clock });
  await Promise.all([letters.add(oneWay("a", "m1"), "first"), letters.add(oneWay("a", "m1"), "second")]);
  await letters.add(awaitedCall("b", "e1", 1), "other");
  first.close();
  const second = openStateFile(path);
  const rows = second.db
    .prepare("SELECT attempt, since, reason, envelope FROM dead_letters ORDER BY attempt")
    .all();
  expect(rows.map(({ attempt, since, reason }) => ({ attempt, since, reason }))).toEqual([
    { attempt: "e1", since: clock.now(), reason: "other" },
    { attempt: "m1", since: clock.now(), reason: "first" },
  ]);
  expect(rows.map(({ envelope }) => decodeEnvelope(String(envelope)).to.name)).toEqual(["b", "a"]);
  second.close();
});

test("on SQS what stays of a message is sent before the message is deleted, and another rest is another message", async () => {
  const sqs = mockClient(SQSClient).resolves({});
  const queue = createDeadLetterQueue(sqs as unknown as SQSClient, "https://sqs/dead.fifo");
  const [one, two] = [awaitedCall("a", "e1", 1), awaitedCall("a", "e2", 1)];
  const message = { messageId: "m-1", receipt: "r-1", body: "", sentAt: 0, reason: undefined };
  await queue.remove(message, [one, two]);
  await queue.remove(message, [two]);
  await queue.remove({ ...message, messageId: "m-2" }, [two]);
  await queue.remove(message);
  const names = sqs.calls().map(({ args }) => args[0].constructor.name);
  const [send, remove] = ["SendMessageCommand", "DeleteMessageCommand"];
  expect(names).toEqual([send, remove, send, remove, send, remove, remove]);
  const sent = sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input);
  expect(sent.map(({ MessageBody = "" }) => decodeMessage(MessageBody))).toEqual([[one, two], [two], [two]]);
  expect(new Set(sent.map((each) => each.MessageDeduplicationId)).size).toBe(3);
  for (const { MessageGroupId } of sent) expect(MessageGroupId).toBe(sent[0]?.MessageGroupId);
});
