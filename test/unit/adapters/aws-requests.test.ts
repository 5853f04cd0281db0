import {
  type AttributeValue,
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
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { beforeEach, describe, expect, test } from "vitest";
import { createDynamoReplies } from "../../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsLease } from "../../../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../../runtime/adapters/system/clock.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { encodeMessage } from "../../../runtime/core/message.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import type { Commit } from "../../../runtime/ports/store.ts";
import { StepClock } from "../core/fixtures.ts";

const dynamo = mockClient(DynamoDBClient);
const sqs = mockClient(SQSClient);
const store = createDynamoStore({
  client: dynamo as unknown as DynamoDBClient,
  table: "actors",
  ids: { next: () => "attempt" },
  clock: systemClock,
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
    outbox: [],
    alarm: undefined,
    wake: undefined,
    trial: undefined,
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
        format: { N: "4" },
        version: { N: "8" },
        inline: { M: { balance: { S: "[70]" } } },
        mark: { M: { queue: { S: "q" }, sequence: { S: "5" } } },
        settled: { M: { e1: { S: "+[70]" } } },
      },
      ConditionExpression: "version = :expected AND attribute_not_exists(journal)",
      ExpressionAttributeValues: { ":expected": { N: "7" } },
    });
  });

  test("I22: the first one of an instance comes after its name has come into the index", async () => {
    await store.commit({ ...commit, expected: 0 });
    expect(dynamo.commandCalls(PutItemCommand).map(({ args }) => args[0].input)).toEqual([
      { TableName: "actors", Item: { actor: { S: "index#Account#7" }, entry: { S: "alice" } } },
      expect.objectContaining({ ConditionExpression: "attribute_not_exists(version)" }),
    ]);
  });

  test("with entries is one transaction, the head first", async () => {
    await store.commit({
      ...commit,
      entries: new Map([
        ["a", "[1]"],
        ["b", undefined],
      ]),
    });
    expect(dynamo.calls().length).toBe(1);
    expect(dynamo.commandCalls(TransactWriteItemsCommand)[0]?.args[0].input.TransactItems).toEqual([
      {
        Put: expect.objectContaining({
          ConditionExpression: "version = :expected AND attribute_not_exists(journal)",
        }),
      },
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
      ConditionExpression: "attribute_not_exists(id) OR expires <= :now",
      ExpressionAttributeValues: { ":now": { N: "1000" } },
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

  /** What a batch asks for, and what it answers. */
  const asked = (ids: readonly string[], request: object) => ({
    RequestItems: { replies: { Keys: ids.map((id) => ({ id: { S: id } })), ...request } },
  });
  const answered = (items: object[], ...left: string[]) => ({
    Responses: { replies: items as Record<string, AttributeValue>[] },
    ...(left.length > 0 && { UnprocessedKeys: { replies: { Keys: left.map((id) => ({ id: { S: id } })) } } }),
  });
  const batches = () => dynamo.commandCalls(BatchGetItemCommand).map(({ args }) => args[0].input);

  test("is asked strongly for what is filed, for no outcomes, and again for what DynamoDB left out", async () => {
    const { clock, replies } = start();
    dynamo
      .on(BatchGetItemCommand)
      .resolvesOnce(answered([{ id: { S: "e1" }, expires: { N: "2000" } }], "e2", "e3", "e4"))
      .resolvesOnce(answered([{ id: { S: "e2" }, expires: { N: "2000" } }], "e4"))
      .resolvesOnce(answered([{ id: { S: "e4" }, expires: { N: "1000" } }]));
    const filed = replies.filed(["e1", "e2", "e3", "e1", "e4"]);
    const tries: number[] = [];
    for (const ms of [49, 1, 99, 1]) {
      await clock.advance(ms);
      tries.push(batches().length);
    }
    expect(tries).toEqual([1, 2, 2, 3]);
    expect([...(await filed)]).toEqual(["e1", "e2"]);
    const request = { ConsistentRead: true, ProjectionExpression: "id, expires" };
    expect(batches()).toEqual([
      asked(["e1", "e2", "e3", "e4"], request),
      asked(["e2", "e3", "e4"], request),
      asked(["e4"], request),
    ]);
    expect(clock.pending).toBe(0);
  });

  test("is asked for any number of ids, 100 at a time, and for none without a request", async () => {
    const { replies } = start();
    dynamo.on(BatchGetItemCommand).callsFake(({ RequestItems }) => ({
      Responses: {
        replies: RequestItems.replies.Keys.map((key: object) => ({ ...key, expires: { N: "2000" } })),
      },
    }));
    const ids = Array.from({ length: 250 }, (_, n) => `e${n}`);
    expect([...(await replies.filed(ids))]).toEqual(ids);
    expect(batches().map(({ RequestItems }) => RequestItems?.replies?.Keys?.length)).toEqual([100, 100, 50]);
    expect((await replies.filed([])).size).toBe(0);
    expect(batches().length).toBe(3);
  });

  test("is not asked for ever: what stays left out is an error, never taken for absent", async () => {
    const { clock, replies } = start();
    dynamo.on(BatchGetItemCommand).resolves(answered([{ id: { S: "e1" }, expires: { N: "2000" } }], "e2"));
    const failed = expect(replies.filed(["e1", "e2"])).rejects.toThrow(
      "DynamoDB left the reply e2 out of 5 reads: the reply table is throttled",
    );
    await clock.advance(749);
    expect(batches().length).toBe(4);
    await clock.advance(10_000);
    await failed;
    expect(batches().length).toBe(5);
  });

  test("a wait looks cheaply until the deadline, then once strongly", async () => {
    const { clock, replies } = start();
    dynamo.on(BatchGetItemCommand).resolves(answered([]));
    const waiting = replies.wait(["e1", "=k"], clock.now() + 100);
    await clock.advance(100);
    expect(await waiting).toBeUndefined();
    const cheap = asked(["e1", "=k"], { ConsistentRead: false });
    expect(batches()).toEqual([cheap, cheap, cheap, asked(["e1", "=k"], { ConsistentRead: true })]);
    expect(clock.pending).toBe(0);
  });

  test("waits share their requests", async () => {
    const { clock, replies } = start();
    const ids = Array.from({ length: 150 }, (_, n) => `e${n}`);
    dynamo.on(BatchGetItemCommand).callsFake(({ RequestItems }) => ({
      Responses: {
        replies: RequestItems.replies.Keys.map(({ id }: { id: { S: string } }) => item(id.S, `+["${id.S}"]`)),
      },
    }));
    const waits = [...ids, ...ids].map((id) => replies.wait([id], clock.now() + 28_000));
    await clock.advance(20);
    expect(await Promise.all(waits)).toEqual([...ids, ...ids].map((id) => `+["${id}"]`));
    expect(batches().map(({ RequestItems }) => RequestItems?.replies?.Keys?.length)).toEqual([100, 50]);
  });

  test("what a cheap look of a wait left out is left to the next one, what the last one left out is asked for again", async () => {
    const { clock, replies } = start();
    dynamo
      .on(BatchGetItemCommand)
      .resolvesOnce(answered([], "e1", "e2"))
      .resolvesOnce(answered([item("e1", "+[1]")], "e2"))
      .resolves(answered([item("e2", "+[2]")]));
    const waits = ["e1", "e2"].map((id) => replies.wait([id], clock.now() + 50));
    const looks: number[] = [];
    for (const ms of [20, 29, 1, 49, 1]) {
      await clock.advance(ms);
      looks.push(batches().length);
    }
    expect(looks).toEqual([1, 1, 2, 2, 3]);
    expect(await Promise.all(waits)).toEqual(["+[1]", "+[2]"]);
    const strong = { ConsistentRead: true };
    expect(batches().slice(1)).toEqual([asked(["e1", "e2"], strong), asked(["e2"], strong)]);
    expect(clock.pending).toBe(0);
  });

  test("a last look that can't read one reply fails that wait, and answers the others", async () => {
    const { clock, replies } = start();
    dynamo
      .on(BatchGetItemCommand)
      .resolvesOnce(answered([item("e1", "+[1]")], "e2"))
      .resolves(answered([], "e2"));
    const waits = ["e1", "e2", "e3"].map((id) => replies.wait([id], clock.now()));
    const ended = Promise.allSettled(waits);
    await clock.advance(1000);
    expect(await ended).toMatchObject([
      { value: "+[1]" },
      { reason: { name: "ReplyUnreadError", message: expect.stringContaining("the reply e2") } },
      { status: "fulfilled", value: undefined },
    ]);
  });

  test("a long reply is cut between characters, into parts of its own for each attempt", async () => {
    const outcome = `+["${"😀".repeat(100_000)}"]`;
    expect(await start().replies.stash("e1", outcome)).toBe("@e1.attempt:2:4660");
    const parts = dynamo.commandCalls(PutItemCommand).map(({ args }) => args[0].input.Item);
    expect(parts.map((part) => part?.id?.S)).toEqual(["e1.attempt.0", "e1.attempt.1"]);
    const texts = parts.map((part) => part?.outcome?.S ?? "");
    expect(texts.map((text) => text.isWellFormed())).toEqual([true, true]);
    expect(texts.join("")).toBe(outcome);
  });

  test("parts of a long reply outlive it: they are written first, and maybe long before", async () => {
    await start().replies.stash("e1", "+[1]");
    const [part] = dynamo.commandCalls(PutItemCommand).map(({ args }) => args[0].input.Item);
    expect(part?.expires?.N).toBe("4661");
  });

  test("a long reply that is filed again much later ends with its parts, and does not stand when they are gone", async () => {
    const { clock, replies } = start();
    const standIn = await replies.stash("e1", "+[1]");
    const ends = async () => {
      dynamo.resetHistory();
      await replies.write("e1", standIn);
      return dynamo.commandCalls(PutItemCommand).map(({ args }) => Number(args[0].input.Item?.expires?.N));
    };
    const [first = 0] = await ends();
    const partsEnd = Number(standIn.split(":")[2]);
    expect(first).toBeLessThan(partsEnd);
    await clock.advance((partsEnd - 10) * 1000 - clock.now());
    expect((await ends())[0]).toBeLessThanOrEqual(partsEnd + 1);
    expect(replies.stands(standIn)).toBe(true);
    await clock.advance(10_000);
    expect(replies.stands(standIn)).toBe(false);
    await expect(replies.write("e1", standIn)).rejects.toThrow("the outcome of e1 has expired");
    expect(replies.stands("+[1]")).toBe(true);
  });

  const parts = () =>
    dynamo
      .on(GetItemCommand, { Key: { id: { S: "e1.x.0" } }, ConsistentRead: true })
      .resolves({ Item: item("e1.x.0", "+[1") })
      .on(GetItemCommand, { Key: { id: { S: "e1.x.1" } }, ConsistentRead: true });

  test("parts of a long reply are read strongly; a missing one is an error, never a shorter reply", async () => {
    const { clock, replies } = start();
    dynamo.on(BatchGetItemCommand).resolves(answered([item("e1", "@e1.x:2")]));
    parts()
      .resolvesOnce({ Item: item("e1.x.1", "]") })
      .resolves({});
    const wait = async () => {
      const waiting = replies.wait(["e1"], clock.now());
      const ended = Promise.allSettled([waiting]);
      await clock.advance(0);
      return (await ended)[0];
    };
    expect(await wait()).toMatchObject({ value: "+[1]" });
    expect(await wait()).toMatchObject({ reason: new Error("part 1 of reply e1.x is missing") });
  });

  test("whoever waits for one long reply shares the reading of its parts", async () => {
    const { clock, replies } = start();
    dynamo.on(BatchGetItemCommand).resolves(answered([item("=k", "@e1.x:2")]));
    parts().resolves({ Item: item("e1.x.1", "]") });
    const waits = Array.from({ length: 200 }, () => replies.wait(["=k"], clock.now() + 1000));
    await clock.advance(20);
    expect(new Set(await Promise.all(waits))).toEqual(new Set(["+[1]"]));
    expect(dynamo.commandCalls(GetItemCommand).length).toBe(2);
  });
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
    fingerprint: "0123456789ab",
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

  test("I4: calls of one moment for one instance share a message, but for what may be sent once more under the same id", async () => {
    const calls = ["e1", "e2", "e3", "e4", "e5"].map((id) => ({ ...envelope, id }));
    const [one, two, repeated, four, five] = calls as [Envelope, Envelope, Envelope, Envelope, Envelope];
    const message = { ...envelope, id: "=m", attempt: "a1", awaited: false };
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries: sent }: { Entries: { Id: string }[] }) => ({
      Successful: sent.map(({ Id }) => ({ Id })),
    }));
    await Promise.all([
      mailbox.send(one),
      mailbox.send(two),
      mailbox.send(repeated, { repeatable: true }),
      mailbox.send(four),
      mailbox.send(five),
      mailbox.send(message),
    ]);
    const { Entries = [] } = sqs.commandCalls(SendMessageBatchCommand).at(-1)?.args[0].input ?? {};
    expect(Entries.map(({ MessageBody = "" }) => MessageBody)).toEqual([
      encodeMessage([one, two]),
      encodeEnvelope(repeated),
      encodeMessage([four, five]),
      encodeEnvelope(message),
    ]);
    const ids = Entries.map((entry) => entry.MessageDeduplicationId);
    expect([ids[1], ids[3]]).toEqual(["e3", "a1"]);
    // 128 characters of ASCII are what SQS takes.
    for (const id of [ids[0], ids[2]]) expect(id).toMatch(/^[\w-]{43}$/);
    expect(new Set(ids).size).toBe(4);
    expect(new Set(Entries.map((entry) => entry.MessageGroupId)).size).toBe(1);
  });

  test("a lease is renewed in one request, which may be granted in part", async () => {
    sqs.on(ChangeMessageVisibilityBatchCommand).resolves({
      Successful: [{ Id: "1" }],
      Failed: [{ Id: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true }],
    });
    const lease = createSqsLease(sqs as unknown as SQSClient, url);
    expect(await lease.renew(["r1", "r2"], 30)).toEqual(new Set(["r2"]));
    expect(sqs.commandCalls(ChangeMessageVisibilityBatchCommand)[0]?.args[0].input).toEqual({
      QueueUrl: url,
      Entries: [
        { Id: "0", ReceiptHandle: "r1", VisibilityTimeout: 30 },
        { Id: "1", ReceiptHandle: "r2", VisibilityTimeout: 30 },
      ],
    });
    sqs.on(ChangeMessageVisibilityBatchCommand).resolves({});
    expect(await lease.renew(["r1"], 30)).toEqual(new Set());
  });

  describe("for a wake", () => {
    const wake = (ahead: number) => wakeEnvelope(envelope.to, { at: clock.now() + ahead, version: 7 });

    test.each([-1_000, 0, 1, 250])(
      "that is due in %s ms is open: its worker waits the last moment",
      async (ahead) => {
        expect(await send(wake(ahead))).toEqual({
          QueueUrl: url,
          MessageBody: encodeEnvelope(wake(ahead)),
          MessageGroupId: expect.any(String),
          MessageDeduplicationId: wake(ahead).id,
        });
      },
    );

    test.each([
      [251, 1],
      [1_000, 1],
      // A whole second more would make it 999 ms late.
      [1_001, 1],
      [1_250, 1],
      [1_251, 2],
      [900_000, 900],
      [900_251, 900],
      [86_400_000, 900],
    ])(
      "that is due in %s ms waits %s s in the delay queue: up to 250 ms too short, and under 750 ms too long",
      async (ahead, seconds) => {
        expect(await send(wake(ahead))).toEqual({
          QueueUrl: delayUrl,
          MessageBody: encodeEnvelope(wake(ahead)),
          DelaySeconds: seconds,
        });
      },
    );

    test("a sender that may be early is early for wakes too", async () => {
      const lenient = createSqsMailbox({ client, mailboxUrl: url, delayUrl, clock, earlyMs: 1_000 });
      expect((await send(wake(1_000), lenient))?.QueueUrl).toBe(url);
      expect(await send(wake(1_001), lenient)).toMatchObject({ QueueUrl: delayUrl, DelaySeconds: 1 });
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
