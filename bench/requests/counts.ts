import { setImmediate as immediate } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { ProjectModule } from "../../handlers/project-module.ts";
import { serveRecords } from "../../handlers/serve-records.ts";
import { workerDeps } from "../../handlers/worker.ts";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { VirtualClock } from "../../runtime/adapters/virtual/virtual-clock.ts";
import { createCaller, onlyRoute } from "../../runtime/core/caller.ts";
import { decodeMessage } from "../../runtime/core/message.ts";
import { createNamespace } from "../../runtime/core/namespace.ts";
import { sdkOptions } from "../../test/endpoints/aws.ts";
import type { Step } from "../../test/projects/probe/src/script.ts";
import {
  deleteBatch,
  makeDelayQueue,
  makeMailbox,
  queueArn,
  receiveBatch,
} from "../../test/stack/event-source.ts";
import { makeActorTable, makeReplyTable } from "../../test/stores/dynamo-table.ts";
import { replyAfterSendMs } from "../model/latency.ts";
import { type Meter, meter } from "./meter.ts";

export type Workload = "debit" | "ten debits" | "200 debits" | "balance" | "20 keys of 1 KB" | "touch, later";

/** What one workload asks AWS for: caller and worker together, the event source's own requests apart. */
export interface Counts {
  /** Requests that send calls. */
  readonly sends: number;
  /** Read units of the actor table, strongly consistent. */
  readonly headReads: number;
  /** Writes of a head alone. */
  readonly headWrites: number;
  readonly transactions: number;
  /** Write units of the actor table. */
  readonly stateWriteUnits: number;
  readonly replyWrites: number;
  readonly replyWriteUnits: number;
  /** Requests that look for replies, at the modelled latency. */
  readonly replyReads: number;
  readonly replyReadUnits: number;
  /** Messages and schedules that arm wakes. */
  readonly armings: number;
  /** Requests that hold on to a batch. */
  readonly leases: number;
  /** All others; there are none. */
  readonly others: number;
}

export interface CountingOptions {
  /** DynamoDB Local: it knows what capacity is. */
  readonly dynamoUrl: string;
  /** Any endpoint with FIFO queues. */
  readonly sqsUrl: string;
  /** Exports `Account`, `Script` and `Sleeper`. */
  readonly module: ProjectModule;
  /** Sets a variable of the worker's environment, which is this process's. */
  readonly setVariable: (name: string, value: string) => void;
  /** When the reply is on file, in ms after the call is in its mailbox. */
  readonly replyAfterMs?: number;
}

const TYPES = ["Account", "Script", "Sleeper"];
const MINUTE = 60_000;

/** Runs each workload through the real caller, mailbox, worker and poller, and counts what it asks for. */
export async function countRequests(options: CountingOptions): Promise<Record<Workload, Counts>> {
  const system = await startSystem(options);
  const call = (type: string, name: string, method: string, ...args: unknown[]) => ({
    type,
    name,
    method,
    args,
  });
  const puts: Step[] = Array.from({ length: 20 }, (_, n) => ["put", `key-${n}`, "v".repeat(1000)]);
  const debit = call("Account", "alice", "debit", 1);
  // Each instance once before: what is counted is the steady state.
  await system.run([call("Account", "alice", "deposit", 1_000)]);
  await system.run([call("Account", "crowded", "deposit", 1_000)]);
  await system.run([call("Script", "twenty", "run", puts)]);
  await system.run([call("Sleeper", "session", "wakeIn", 5 * MINUTE)]);
  return {
    debit: await system.run([debit]),
    "ten debits": await system.run(Array.from({ length: 10 }, () => debit)),
    "200 debits": await system.run(Array.from({ length: 200 }, () => call("Account", "crowded", "debit", 1))),
    balance: await system.run([call("Account", "alice", "balance")]),
    "20 keys of 1 KB": await system.run([call("Script", "twenty", "run", puts)]),
    "touch, later": await system.run([call("Sleeper", "session", "wakeIn", 6 * MINUTE)]),
  };
}

interface CallOf {
  readonly type: string;
  readonly name: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

async function startSystem({ dynamoUrl, sqsUrl, module, setVariable, replyAfterMs }: CountingOptions) {
  const clientsOf = () => ({
    dynamo: new DynamoDBClient(sdkOptions(dynamoUrl)),
    sqs: new SQSClient({ ...sdkOptions(sqsUrl), useQueueUrlAsEndpoint: false }),
  });
  // Of the event source, whose requests are Lambda's: one receive and one delete a batch.
  const { sqs, dynamo } = clientsOf();
  const [mailboxUrl, delayUrl] = [await makeMailbox(sqs), await makeDelayQueue(sqs)];
  const [actorTable, replyTable] = [await makeActorTable(dynamo), await makeReplyTable(dynamo)];
  const environment = {
    MAILBOX_URL: mailboxUrl,
    DELAY_URL: delayUrl,
    ACTOR_TABLE: actorTable,
    REPLY_TABLE: replyTable,
    DEAD_LETTER_URL: await makeMailbox(sqs),
    LEASE_SECONDS: "390",
    REPLY_RETENTION_SECONDS: "86400",
    ALARM_BUDGET_SECONDS: "300",
    SCHEDULE_GROUP: "default",
    SCHEDULE_ROLE_ARN: "arn:aws:iam::000000000000:role/scheduler",
    DELAY_QUEUE_ARN: await queueArn(sqs, delayUrl),
    DELAY_DEAD_LETTER_ARN: await queueArn(sqs, delayUrl),
  };
  for (const [name, value] of Object.entries(environment)) setVariable(name, value);

  const [callerClients, workerClients] = [clientsOf(), clientsOf()];
  const [callerMeter, workerMeter] = [meter(callerClients), meter(workerClients)];
  const actors = TYPES.map((type) => ({ binding: type.toUpperCase(), type }));
  // Time stands still while a batch runs: on a machine that is busy, turns would be found to take long, and commits be divided.
  const workerClock = new VirtualClock(Date.now());
  const deps = { ...workerDeps({ module, actors }, workerClients), clock: workerClock };
  const clock = new VirtualClock(Date.now());
  const mailbox = createSqsMailbox({ client: callerClients.sqs, mailboxUrl, delayUrl, clock });
  const replies = createDynamoReplies({
    client: callerClients.dynamo,
    table: replyTable,
    clock,
    ids: randomIds,
    retentionMs: 0,
  });
  const routeTo = onlyRoute({ mailbox, replies }, new Set(TYPES));
  const caller = createCaller({ actors: new Map(), routeTo, clock, ids: randomIds, callWaitMs: 28_000 });

  const receive = async (calls: number) => {
    const records: Awaited<ReturnType<typeof receiveBatch>> = [];
    const received = () => records.reduce((sum, { body }) => sum + decodeMessage(body).length, 0);
    while (received() < calls) records.push(...(await receiveBatch(sqs, mailboxUrl)));
    return records;
  };

  /** Calls of one moment, served as one batch. */
  const run = async (calls: readonly CallOf[]): Promise<Counts> => {
    clock.moveTo(Date.now());
    callerMeter.take();
    workerMeter.take();
    const answers = calls.map(({ type, name, method, args }) => {
      const stub = createNamespace(type, { caller, ids: randomIds }).idFromName(name);
      return (stub as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>)[method]?.(
        ...args,
      );
    });
    const all = Promise.all(answers);
    let answered = false;
    all.then(
      () => {
        answered = true;
      },
      () => {
        answered = true;
      },
    );
    await quiet(callerMeter);
    const sent = clock.now();
    // The looks until the modelled moment find nothing; the reply is there at the first one after it.
    await passUntil(sent + (replyAfterMs ?? replyAfterSendMs()), { clock, meter: callerMeter });
    const records = await receive(calls.length);
    workerClock.moveTo(Date.now());
    const endsBy = workerClock.now() + 360_000;
    const { batchItemFailures } = await serveRecords(records, { endsBy, deps });
    if (batchItemFailures.length > 0)
      throw new Error(`the worker left ${batchItemFailures.length} calls unfinished`);
    while (!answered && clock.fireNext(sent + 28_000)) await quiet(callerMeter);
    await all;
    await deleteBatch(sqs, mailboxUrl, records);
    return countsOf(callerMeter, workerMeter, { actorTable, replyTable });
  };
  return { run };
}

/** Fires what is due before `end`; each look ends before the next one begins, as its answer takes less time than the gap. */
async function passUntil(
  end: number,
  { clock, meter }: { clock: VirtualClock; meter: Meter },
): Promise<void> {
  while (clock.fireNext(Math.ceil(end) - 1)) await quiet(meter);
  clock.moveTo(end);
}

/** Resolves when nothing is under way and nobody is about to go on. */
async function quiet(meter: Meter): Promise<void> {
  for (let rounds = 0; rounds < 5; rounds++) {
    await immediate();
    if (meter.underWay > 0) rounds = -1;
  }
}

function countsOf(
  callerMeter: Meter,
  workerMeter: Meter,
  { actorTable, replyTable }: { actorTable: string; replyTable: string },
): Counts {
  const caller = callerMeter.take();
  const worker = workerMeter.take();
  const { SendMessage = 0, SendMessageBatch = 0, BatchGetItem = 0, ...otherCaller } = caller.commands;
  const {
    GetItem = 0,
    PutItem = 0,
    TransactWriteItems = 0,
    ChangeMessageVisibilityBatch = 0,
    SendMessage: armings = 0,
    ...otherWorker
  } = worker.commands;
  const replyWriteUnits = worker.write[replyTable] ?? 0;
  // The replies of these workloads are short: a unit each.
  const replyWrites = replyWriteUnits;
  const others = [...Object.values(otherCaller), ...Object.values(otherWorker)].reduce(
    (sum, count) => sum + count,
    0,
  );
  return {
    sends: SendMessage + SendMessageBatch,
    headReads: worker.read[actorTable] ?? 0,
    headWrites: PutItem - replyWrites,
    transactions: TransactWriteItems,
    stateWriteUnits: worker.write[actorTable] ?? 0,
    replyWrites,
    replyWriteUnits,
    replyReads: BatchGetItem,
    replyReadUnits: caller.read[replyTable] ?? 0,
    armings,
    leases: ChangeMessageVisibilityBatch,
    others: others + Math.max(0, GetItem - 1),
  };
}
