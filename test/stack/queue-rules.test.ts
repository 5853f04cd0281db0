import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import { describeOnBoth } from "../endpoints/gate.ts";
import { pollUntil } from "../endpoints/processes.ts";
import { makeMailbox, queueArn, sqsAt } from "./event-source.ts";

const PATIENCE_MS = 60_000;

/** What AWS documents of FIFO queues and the rest of the system stands on: an endpoint that breaks it would prove nothing. */
describeOnBoth("the rules of a FIFO queue", ({ url }) => {
  const sqs = sqsAt(url);

  const start = async (settings: { visibilitySeconds?: number } = {}) => {
    const queueUrl = await makeMailbox(sqs, settings);
    const receive = async (most = 10): Promise<Message[]> => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: most,
          MessageSystemAttributeNames: ["All"],
        }),
      );
      return Messages;
    };
    return {
      queueUrl,
      receive,
      bodies: async (most?: number) => (await receive(most)).map(({ Body }) => Body),
      /** Messages that are their own deduplication ids. */
      send: async (group: string, ...bodies: readonly string[]) => {
        for (const body of bodies) {
          await sqs.send(
            new SendMessageCommand({
              QueueUrl: queueUrl,
              MessageGroupId: group,
              MessageDeduplicationId: body,
              MessageBody: body,
            }),
          );
        }
      },
      remove: (message: Message | undefined) =>
        sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message?.ReceiptHandle })),
      hide: (message: Message | undefined, seconds: number) =>
        sqs.send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: queueUrl,
            ReceiptHandle: message?.ReceiptHandle,
            VisibilityTimeout: seconds,
          }),
        ),
    };
  };

  test("a batch is in each group's order; what is under way holds back the rest of its group, and no other", async () => {
    const { send, bodies } = await start();
    await send("a", "a1", "a2", "a3");
    await send("b", "b1");
    expect(await bodies(1)).toEqual(["a1"]);
    expect(await bodies()).toEqual(["b1"]);
    expect(await bodies()).toEqual([]);
  });

  test("ten of one group come at once", async () => {
    const { send, bodies } = await start();
    const all = Array.from({ length: 12 }, (_, n) => `m${n}`);
    await send("a", ...all);
    expect(await bodies()).toEqual(all.slice(0, 10));
  });

  test("a group is held until the last one that is under way is gone", async () => {
    const { send, receive, remove, bodies } = await start();
    await send("a", "1", "2", "3");
    const [first, second] = await receive(2);
    await remove(first);
    expect(await bodies()).toEqual([]);
    await remove(second);
    expect(await bodies()).toEqual(["3"]);
  });

  test("what is given back comes again, in its order, before what follows, and counted", async () => {
    const { send, receive, hide } = await start();
    await send("a", "1", "2", "3");
    for (const message of await receive(2)) await hide(message, 0);
    const again = await receive();
    expect(again.map(({ Body, Attributes }) => [Body, Attributes?.ApproximateReceiveCount])).toEqual([
      ["1", "2"],
      ["2", "2"],
      ["3", "1"],
    ]);
  });

  test("a deduplication id counts for minutes, also when its message is gone", async () => {
    const { send, receive, remove, bodies } = await start();
    await send("a", "same", "same");
    const messages = await receive();
    expect(messages.length).toBe(1);
    await remove(messages[0]);
    await send("a", "same", "other");
    expect(await bodies()).toEqual(["other"]);
  });

  test("a deduplication id counts in its own group alone", async () => {
    const { send, receive } = await start();
    await send("a", "same");
    await send("b", "same");
    const groups = (await receive()).map(({ Attributes }) => Attributes?.MessageGroupId);
    expect(groups.sort()).toEqual(["a", "b"]);
  });

  test("sequence numbers rise, as numerals of 20 digits: the mark compares them as such", async () => {
    const { send, receive } = await start();
    await send("a", "1", "2", "3");
    const numbers = (await receive()).map(({ Attributes }) => Attributes?.SequenceNumber ?? "");
    expect(numbers).toEqual([
      expect.stringMatching(/^\d{20}$/),
      expect.stringMatching(/^\d{20}$/),
      expect.stringMatching(/^\d{20}$/),
    ]);
    expect([...new Set(numbers)].sort()).toEqual(numbers);
  });

  test("a message takes no delay of its own, and a mebibyte at most", async () => {
    const { queueUrl } = await start();
    const message = {
      QueueUrl: queueUrl,
      MessageGroupId: "a",
      MessageDeduplicationId: "1",
      MessageBody: "x",
    };
    await expect(sqs.send(new SendMessageCommand({ ...message, DelaySeconds: 5 }))).rejects.toThrow(
      "DelaySeconds",
    );
    const tooLong = "x".repeat(1024 * 1024 + 1);
    await expect(sqs.send(new SendMessageCommand({ ...message, MessageBody: tooLong }))).rejects.toThrow(
      "1048576",
    );
  });

  test("of several leases those that can't be changed are told apart", async () => {
    const { queueUrl, send, receive } = await start();
    await send("a", "1");
    const [message] = await receive();
    const { Successful, Failed } = await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: queueUrl,
        Entries: [
          { Id: "good", ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout: 30 },
          { Id: "bad", ReceiptHandle: "none", VisibilityTimeout: 30 },
        ],
      }),
    );
    expect(Successful?.map(({ Id }) => Id)).toEqual(["good"]);
    expect(Failed).toMatchObject([{ Id: "bad", Code: "ReceiptHandleIsInvalid" }]);
  });

  test("what was received too often lies in the dead-letter queue, in its group", async () => {
    const { queueUrl, send, receive, hide } = await start();
    const deadLetters = await start();
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: await queueArn(sqs, deadLetters.queueUrl),
      maxReceiveCount: 2,
    });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { RedrivePolicy } }));
    await send("a", "poison", "next");
    for (const count of ["1", "2"]) {
      const [message] = await receive(1);
      expect([message?.Body, message?.Attributes?.ApproximateReceiveCount]).toEqual(["poison", count]);
      await hide(message, 0);
    }
    const given = new Set<string | undefined>();
    const dead: Message[] = [];
    const moved = async () => {
      for (const { Body } of await receive()) given.add(Body);
      dead.push(...(await deadLetters.receive()));
      return dead.length > 0 && given.has("next");
    };
    expect(await pollUntil(moved, { deadlineMs: PATIENCE_MS })).toBe(true);
    expect(given).toEqual(new Set(["next"]));
    expect(dead.map(({ Body, Attributes }) => [Body, Attributes?.MessageGroupId])).toEqual([["poison", "a"]]);
  });
});
