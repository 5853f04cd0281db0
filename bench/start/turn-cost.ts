import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { SQSRecord } from "aws-lambda";
import { serveRecords } from "../../handlers/serve-records.ts";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createMemoryDeadLetters } from "../../runtime/adapters/local/memory-dead-letters.ts";
import { createMemoryStore } from "../../runtime/adapters/local/memory-store.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { Activations } from "../../runtime/core/activation.ts";
import { encode } from "../../runtime/core/codec.ts";
import { encodeMessage, PACK_ENVELOPES } from "../../runtime/core/message.ts";
import type { ActorClass } from "../../runtime/core/method.ts";
import type { Envelope } from "../../runtime/ports/mailbox.ts";
import type { Replies } from "../../runtime/ports/replies.ts";

/** Turns that are run before what is measured, and those that are. */
const [WARM, MEASURED] = [5_000, 20_000];
const FINGERPRINT = "0123456789ab";

/** Processor time of one warm `debit` in a batch of its own, in ms: everything that the worker does but for input and output. */
export async function turnCpuMs(Account: ActorClass): Promise<number> {
  const serve = worker(Account, NO_REPLIES);
  let n = 1;
  await serve([message(n++, [debit(1e9, "deposit")])]);
  for (; n < WARM; n++) await serve([message(n, [debit(1)])]);
  const cpu = process.cpuUsage();
  for (const end = n + MEASURED; n < end; n++) await serve([message(n, [debit(1)])]);
  return cpuMs(cpu) / MEASURED;
}

/**
 * Processor time of each `debit` of a batch of ten full packs, in ms: turn, commit and its reply's request, as the SDK makes it, to a
 * server that answers at once.
 *
 * @param endpoint answers requests of DynamoDB
 */
export async function packedCallCpuMs(Account: ActorClass, endpoint: string): Promise<number> {
  const replies = createDynamoReplies({
    client: new DynamoDBClient({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
    }),
    table: "replies",
    clock: systemClock,
    ids: randomIds,
    retentionMs: 86_400_000,
  });
  const serve = worker(Account, replies);
  let n = 1;
  const batch = () =>
    Array.from({ length: 10 }, () =>
      message(
        n++,
        Array.from({ length: PACK_ENVELOPES }, () => debit(1)),
      ),
    );
  await serve([message(n++, [debit(1e9, "deposit")])]);
  for (let warm = 0; warm < 30; warm++) await serve(batch());
  const cpu = process.cpuUsage();
  for (let measured = 0; measured < 30; measured++) await serve(batch());
  return cpuMs(cpu) / (30 * 10 * PACK_ENVELOPES);
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

const NO_REPLIES: Replies = {
  write: async () => {},
  stash: async (_: string, outcome: string) => outcome,
  stands: () => true,
  filed: async () => new Set<string>(),
  wait: async () => undefined,
};

/** A warm worker on a store in memory. */
function worker(Account: ActorClass, replies: Replies): (records: readonly SQSRecord[]) => Promise<void> {
  const deps = {
    actors: new Map([["Account", Account]]),
    env: {},
    store: createMemoryStore(),
    replies,
    mailbox: { send: async () => {} },
    alarmClock: { arm: async () => {} },
    deadLetters: createMemoryDeadLetters(),
    clock: systemClock,
    telemetry: { problem: console.error, count: () => {} },
    methodBudgetMs: 30_000,
    alarmBudgetMs: 300_000,
    exposeStacks: false,
    activations: new Activations(1_000),
    lease: {
      renew: async (receipts: readonly string[]) => new Set(receipts),
      release: async () => {},
      returnAfter: async () => {},
    },
    queueLeaseMs: 390_000,
    shortLeaseMs: 30_000,
  };
  return async (records) => {
    const endsBy = Date.now() + 360_000;
    const answer = await serveRecords(records, { endsBy, deps });
    if (answer.batchItemFailures.length > 0) throw new Error("a turn was not finished");
  };
}

let envelopes = 0;

function debit(amount: number, method = "debit"): Envelope {
  return {
    id: `e${++envelopes}`,
    attempt: undefined,
    to: { type: "Account", name: "alice" },
    call: { kind: "method", method, args: encode([amount], "arguments") },
    fingerprint: FINGERPRINT,
    awaited: true,
    due: undefined,
    deadline: Number.MAX_SAFE_INTEGER,
    chain: [],
  };
}

function message(n: number, [first, ...others]: readonly Envelope[]): SQSRecord {
  if (!first) throw new Error("a message holds an envelope");
  const now = String(Date.now());
  return {
    messageId: `m${n}`,
    receiptHandle: `r${n}`,
    body: encodeMessage([first, ...others]),
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: now,
      SenderId: "x",
      ApproximateFirstReceiveTimestamp: now,
      SequenceNumber: String(18_849_000_000_000_000_000n + BigInt(n)),
      MessageGroupId: "g",
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:mailbox.fifo",
    awsRegion: "us-east-1",
  };
}
