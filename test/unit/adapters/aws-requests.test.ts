import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { beforeEach, describe, expect, test } from "vitest";
import { HeadFormatError, headFromItem } from "../../../runtime/adapters/aws/dynamo-head.ts";
import { createDynamoReplies } from "../../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsLease } from "../../../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../../../runtime/adapters/aws/sqs-mailbox.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import type { Commit } from "../../../runtime/ports/store.ts";
import { StepClock } from "../core/fixtures.ts";

const dynamo = mockClient(DynamoDBClient);
const sqs = mockClient(SQSClient);
const store = createDynamoStore({
  client: dynamo as unknown as DynamoDBClient,
  table: "actors",
  ids: { next: () => "attempt" },
});

beforeEach(() => {
  dynamo.reset();
  sqs.reset();
});

const commit: Commit = {
  id: { type: "Account", name: "alice" },
  expected: 7,
  head: {
    version: 8,
    inline: new Map([["balance", "[70]"]]),
    spilled: false,
    generation: 0,
    swept: 0,
    mark: { queue: "q", sequence: "5" },
    settled: new Map([["e1", "+[70]"]]),
  },
  entries: new Map(),
};

describe("a commit", () => {
  test("of the head alone is one conditional put, no transaction", async () => {
    await store.commit(commit);
    expect(dynamo.calls().length).toBe(1);
    expect(dynamo.commandCalls(PutItemCommand)[0]?.args[0].input).toEqual({
      TableName: "actors",
      Item: {
        actor: { S: "Account/alice" },
        entry: { S: "head" },
        format: { N: "1" },
        version: { N: "8" },
        inline: { M: { balance: { S: "[70]" } } },
        mark: { M: { queue: { S: "q" }, sequence: { S: "5" } } },
        settled: { M: { e1: { S: "+[70]" } } },
      },
      ConditionExpression: "version = :expected AND attribute_not_exists(journal)",
      ExpressionAttributeValues: { ":expected": { N: "7" } },
    });
  });

  test("with entries is one transaction, the head first", async () => {
    await store.commit({
      ...commit,
      expected: 0,
      entries: new Map([
        ["a", "[1]"],
        ["b", undefined],
      ]),
    });
    expect(dynamo.calls().length).toBe(1);
    expect(dynamo.commandCalls(TransactWriteItemsCommand)[0]?.args[0].input.TransactItems).toEqual([
      { Put: expect.objectContaining({ ConditionExpression: "attribute_not_exists(version)" }) },
      {
        Put: {
          TableName: "actors",
          Item: { actor: { S: "Account/alice" }, entry: { S: "v/00000000/a" }, value: { S: "[1]" } },
        },
      },
      {
        Delete: { TableName: "actors", Key: { actor: { S: "Account/alice" }, entry: { S: "v/00000000/b" } } },
      },
    ]);
  });

  /** 100 entries: more than a transaction holds beside the head. */
  const large = { ...commit, entries: new Map(Array.from({ length: 100 }, (_, n) => [`k${n}`, "[1]"])) };
  const putHeads = () =>
    dynamo
      .commandCalls(PutItemCommand)
      .map(({ args }) => args[0].input)
      .filter(({ Item }) => Item?.entry?.S === "head");

  // No behaviour shows this: whoever knows the version has hydrated, and a hydration applies the journal first. It keeps
  // the entries whole should that ever change, so every write of a head must ask for it.
  test.each([
    ["alone", commit],
    ["with entries", { ...commit, entries: new Map([["a", "[1]"]]) }],
    ["with a journal", large],
  ])("I5: a head is written only where no journal waits to be applied: %s", async (_, each) => {
    dynamo.on(QueryCommand).resolves({});
    expect(await store.commit(each)).toEqual({ status: "committed" });
    const [inTransaction] = dynamo
      .commandCalls(TransactWriteItemsCommand)
      .flatMap(({ args }) => args[0].input.TransactItems ?? [])
      .filter(({ Put }) => Put?.Item?.entry?.S === "head");
    expect([...putHeads(), inTransaction?.Put].filter(Boolean)).toEqual([
      expect.objectContaining({
        ConditionExpression: "version = :expected AND attribute_not_exists(journal)",
        ExpressionAttributeValues: { ":expected": { N: "7" } },
      }),
    ]);
  });

  test("I1: a journal whose head was fenced is neither applied nor removed", async () => {
    const failure = new ConditionalCheckFailedException({ message: "", $metadata: {} });
    dynamo.on(PutItemCommand).callsFake(({ Item }) => {
      if (Item.entry.S === "head") throw failure;
      return {};
    });
    expect(await store.commit(large)).toEqual({ status: "fenced" });
    const parts = dynamo.commandCalls(PutItemCommand).map(({ args }) => args[0].input.Item?.entry?.S);
    const [head] = putHeads();
    expect(parts).toEqual([`${head?.Item?.journal?.S}000000`, "head"]);
    // The head comes last, and nothing follows it.
    const calls = dynamo.calls().map(({ args }) => args[0].input);
    expect(calls.every((input) => "Item" in input)).toBe(true);
    expect(calls.at(-1)).toEqual(head);
  });

  test("a failed condition is an answer; a conflict or a lost connection is an unknown outcome", async () => {
    const failure = { message: "", $metadata: {} };
    dynamo.on(PutItemCommand).rejects(new ConditionalCheckFailedException(failure));
    expect(await store.commit(commit)).toEqual({ status: "fenced" });
    const withEntries = { ...commit, entries: new Map([["a", "[1]"]]) };
    const cancelled = (Code: string) =>
      new TransactionCanceledException({ ...failure, CancellationReasons: [{ Code }, { Code: "None" }] });
    dynamo.on(TransactWriteItemsCommand).rejects(cancelled("ConditionalCheckFailed"));
    expect(await store.commit(withEntries)).toEqual({ status: "fenced" });
    dynamo.on(TransactWriteItemsCommand).rejects(cancelled("TransactionConflict"));
    await expect(store.commit(withEntries)).rejects.toThrow(TransactionCanceledException);
    dynamo.on(PutItemCommand).rejects(new Error("socket hang up"));
    await expect(store.commit(commit)).rejects.toThrow("socket hang up");
  });
});

test("the store reads strongly consistently", async () => {
  dynamo.on(GetItemCommand).resolves({});
  await store.hydrate(commit.id);
  await store.readEntry(commit.id, 0, "k");
  expect(dynamo.commandCalls(GetItemCommand).map(({ args }) => args[0].input)).toEqual([
    {
      TableName: "actors",
      Key: { actor: { S: "Account/alice" }, entry: { S: "head" } },
      ConsistentRead: true,
    },
    {
      TableName: "actors",
      Key: { actor: { S: "Account/alice" }, entry: { S: "v/00000000/k" } },
      ConsistentRead: true,
    },
  ]);
});

describe("the reply table", () => {
  const start = () => {
    const clock = new StepClock();
    const replies = createDynamoReplies({
      client: dynamo as unknown as DynamoDBClient,
      table: "replies",
      clock,
      ids: { next: () => "attempt" },
      retentionMs: 60_500,
    });
    return { clock, replies };
  };
  const item = (id: string, outcome: string) => ({
    id: { S: id },
    outcome: { S: outcome },
    expires: { N: "2000" },
  });

  test("takes a reply once, with the second after which it may be removed", async () => {
    await start().replies.write("e1", "+[1]");
    expect(dynamo.commandCalls(PutItemCommand)[0]?.args[0].input).toEqual({
      TableName: "replies",
      Item: { id: { S: "e1" }, outcome: { S: "+[1]" }, expires: { N: "1061" } },
      ConditionExpression: "attribute_not_exists(id)",
    });
  });

  test("a second reply is no error, a lost connection is", async () => {
    const { replies } = start();
    dynamo
      .on(PutItemCommand)
      .rejectsOnce(new ConditionalCheckFailedException({ message: "", $metadata: {} }))
      .rejectsOnce(new Error("socket hang up"));
    await replies.write("e1", "+[1]");
    await expect(replies.write("e1", "+[1]")).rejects.toThrow("socket hang up");
  });

  test("is asked strongly, and again for what DynamoDB left out", async () => {
    const { replies } = start();
    dynamo
      .on(BatchGetItemCommand)
      .resolvesOnce({
        Responses: { replies: [item("e1", "+[1]")] },
        UnprocessedKeys: { replies: { Keys: [{ id: { S: "e2" } }] } },
      })
      .resolvesOnce({ Responses: { replies: [item("e2", "+[2]")] } });
    expect([...(await replies.read(["e1", "e2", "e1"]))]).toEqual([
      ["e1", "+[1]"],
      ["e2", "+[2]"],
    ]);
    const asked = (...ids: string[]) => ({
      RequestItems: { replies: { Keys: ids.map((id) => ({ id: { S: id } })), ConsistentRead: true } },
    });
    expect(dynamo.commandCalls(BatchGetItemCommand).map(({ args }) => args[0].input)).toEqual([
      asked("e1", "e2"),
      asked("e2"),
    ]);
  });

  test("a wait looks cheaply until the deadline, then once strongly", async () => {
    const { clock, replies } = start();
    dynamo.on(GetItemCommand).resolves({});
    const waiting = replies.wait("e1", clock.now() + 100);
    await clock.advance(100);
    expect(await waiting).toBeUndefined();
    const looks = dynamo.commandCalls(GetItemCommand).map(({ args }) => args[0].input.ConsistentRead);
    expect(looks).toEqual([false, false, false, true]);
  });

  test("a long reply is cut between characters, into parts of its own for each attempt", async () => {
    const outcome = `+["${"😀".repeat(100_000)}"]`;
    expect(await start().replies.stash("e1", outcome)).toBe("@e1.attempt:2");
    const parts = dynamo.commandCalls(PutItemCommand).map(({ args }) => args[0].input.Item);
    expect(parts.map((part) => part?.id?.S)).toEqual(["e1.attempt.0", "e1.attempt.1"]);
    const texts = parts.map((part) => part?.outcome?.S ?? "");
    expect(texts.map((text) => text.isWellFormed())).toEqual([true, true]);
    expect(texts.join("")).toBe(outcome);
  });

  test("parts of a long reply are read strongly; a missing one is an error, never a shorter reply", async () => {
    const { replies } = start();
    dynamo.on(BatchGetItemCommand).resolves({ Responses: { replies: [item("e1", "@e1.x:2")] } });
    dynamo
      .on(GetItemCommand, { Key: { id: { S: "e1.x.0" } }, ConsistentRead: true })
      .resolves({ Item: item("e1.x.0", "+[1") })
      .on(GetItemCommand, { Key: { id: { S: "e1.x.1" } }, ConsistentRead: true })
      .resolvesOnce({ Item: item("e1.x.1", "]") })
      .resolves({});
    expect((await replies.read(["e1"])).get("e1")).toBe("+[1]");
    await expect(replies.read(["e1"])).rejects.toThrow("part 1 of reply e1.x is missing");
  });
});

test("a head of a newer format is refused", () => {
  expect(() => headFromItem({ format: { N: "2" }, version: { N: "1" } })).toThrow(HeadFormatError);
  expect(() => headFromItem({ version: { N: "1" } })).toThrow(HeadFormatError);
});

describe("the mailbox", () => {
  const url = "https://sqs/q.fifo";
  const delayUrl = "https://sqs/delayed";
  const clock = new StepClock();
  const client = sqs as unknown as SQSClient;
  const mailbox = createSqsMailbox({ client, mailboxUrl: url, delayUrl, clock });
  const envelope: Envelope = {
    id: "e1",
    attempt: undefined,
    to: { type: "Account", name: "alice" },
    call: { kind: "method", method: "m", args: "[[]]" },
    fingerprint: "f",
    awaited: true,
    due: undefined,
    deadline: 1,
    chain: [],
  };
  const send = async (change: Partial<Envelope>, to = mailbox) => {
    await to.send({ ...envelope, ...change });
    return sqs.commandCalls(SendMessageCommand).at(-1)?.args[0].input;
  };

  test("one group per instance, whatever its name; the envelope id deduplicates", async () => {
    const groups = new Set<string | undefined>();
    for (const name of ["alice", "a/b", "😀", "x".repeat(1024), " "]) {
      const to = { type: "Account", name };
      const first = await send({ to });
      const second = await send({ to, id: "e2" });
      expect(first?.MessageGroupId).toMatch(/^[\w-]{43}$/);
      expect(second?.MessageGroupId).toBe(first?.MessageGroupId);
      expect([first?.MessageDeduplicationId, second?.MessageDeduplicationId]).toEqual(["e1", "e2"]);
      groups.add(first?.MessageGroupId);
    }
    groups.add((await send({ to: { type: "Greeter", name: "alice" } }))?.MessageGroupId);
    expect(groups.size).toBe(6);
  });

  test("a second attempt at a call is not dropped as the first one again", async () => {
    const ids = [];
    for (const attempt of ["a1", "a2"])
      ids.push((await send({ id: "=key", attempt }))?.MessageDeduplicationId);
    expect(ids).toEqual(["a1", "a2"]);
  });

  test.each([
    ["due now", 0],
    ["overdue", -1_000],
    ["overdue since ever", Number.NEGATIVE_INFINITY],
  ])("what is %s goes straight to its instance", async (_, ahead) => {
    const due = Math.max(clock.now() + ahead, 0);
    expect(await send({ due })).toEqual({
      QueueUrl: url,
      MessageBody: encodeEnvelope({ ...envelope, due }),
      MessageGroupId: expect.any(String),
      MessageDeduplicationId: "e1",
    });
  });

  test.each([
    ["1 ms", 1, 1],
    ["1 s", 1_000, 1],
    ["a little more than 1 s", 1_001, 2],
    ["900 s", 900_000, 900],
    // The forwarder puts it back for the rest.
    ["longer than SQS delays a message", 900_001, 900],
    ["a day", 86_400_000, 900],
  ])(
    "what is due in %s waits in the delay queue, rather too long than too short",
    async (_, ahead, seconds) => {
      const due = clock.now() + ahead;
      // A standard queue takes no deduplication id; its group id would ask for fair queueing.
      expect(await send({ due })).toEqual({
        QueueUrl: delayUrl,
        MessageBody: encodeEnvelope({ ...envelope, due }),
        DelaySeconds: seconds,
      });
    },
  );

  test("a sender with another clock before it may be early by so much", async () => {
    const lenient = createSqsMailbox({ client, mailboxUrl: url, delayUrl, clock, earlyMs: 1_000 });
    expect((await send({ due: clock.now() + 1_000 }, lenient))?.QueueUrl).toBe(url);
    expect(await send({ due: clock.now() + 1_001 }, lenient)).toMatchObject({
      QueueUrl: delayUrl,
      DelaySeconds: 2,
    });
  });

  test("a lease is given up in one request", async () => {
    const lease = createSqsLease(sqs as unknown as SQSClient, url);
    await lease.release(["r1", "r2"]);
    await lease.returnAfter(["r3"], 2);
    expect(sqs.commandCalls(DeleteMessageBatchCommand)[0]?.args[0].input).toEqual({
      QueueUrl: url,
      Entries: [
        { Id: "0", ReceiptHandle: "r1" },
        { Id: "1", ReceiptHandle: "r2" },
      ],
    });
    expect(sqs.commandCalls(ChangeMessageVisibilityBatchCommand)[0]?.args[0].input).toEqual({
      QueueUrl: url,
      Entries: [{ Id: "0", ReceiptHandle: "r3", VisibilityTimeout: 2 }],
    });
  });
});
