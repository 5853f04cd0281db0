import {
  ConditionalCheckFailedException,
  DynamoDBClient,
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
import { createDynamoStore } from "../../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsLease } from "../../../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../../../runtime/adapters/aws/sqs-mailbox.ts";
import type { Commit } from "../../../runtime/ports/store.ts";

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

test("a head of a newer format is refused", () => {
  expect(() => headFromItem({ format: { N: "2" }, version: { N: "1" } })).toThrow(HeadFormatError);
  expect(() => headFromItem({ version: { N: "1" } })).toThrow(HeadFormatError);
});

describe("the mailbox", () => {
  const url = "https://sqs/q.fifo";
  const mailbox = createSqsMailbox(sqs as unknown as SQSClient, url);
  const send = async (name: string, id: string) => {
    const envelope = {
      id,
      to: { type: "Account", name },
      call: { method: "m", args: "[[]]" },
      deadline: 1,
      chain: [],
    };
    await mailbox.send(envelope);
    return sqs.commandCalls(SendMessageCommand).at(-1)?.args[0].input;
  };

  test("one group per instance, whatever its name; the envelope id deduplicates", async () => {
    const groups = new Set<string | undefined>();
    for (const name of ["alice", "a/b", "😀", "x".repeat(1024), " "]) {
      const first = await send(name, "e1");
      const second = await send(name, "e2");
      expect(first?.MessageGroupId).toMatch(/^[\w-]{43}$/);
      expect(second?.MessageGroupId).toBe(first?.MessageGroupId);
      expect([first?.MessageDeduplicationId, second?.MessageDeduplicationId]).toEqual(["e1", "e2"]);
      groups.add(first?.MessageGroupId);
    }
    expect(groups.size).toBe(5);
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
