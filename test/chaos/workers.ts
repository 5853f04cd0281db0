import { mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { awsRoute } from "../../handlers/aws-routes.ts";
import { bundleForEmbedded } from "../../project/bundle.ts";
import { readProject } from "../../project/project.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import type { ActorNamespace } from "../../runtime/client.ts";
import { createCaller, type Route } from "../../runtime/core/caller.ts";
import { createNamespace } from "../../runtime/core/namespace.ts";
import { awsEnvironment, sdkOptions } from "../endpoints/aws.ts";
import type { Ledger } from "../projects/ledger/src/index.ts";
import { Random } from "../simulation/random.ts";
import { makeDelayQueue, makeMailbox } from "../stack/event-source.ts";
import { makeActorTable, makeReplyTable } from "../stores/dynamo-table.ts";
import { Children } from "./children.ts";
import { drain } from "./drain.ts";
import { startEventSource } from "./event-source.ts";
import { type Fault, openHistory, type Record, type Recorded, readHistory } from "./history.ts";
import { startLoad } from "./load.ts";
import { WorkerPool } from "./worker-pool.ts";

const PROJECT = join(import.meta.dirname, "../projects/ledger");

/** How long callers wait, in ms: one as a router does, one that gives up while the workers are at it, one that sees a lease out. */
const PATIENT_MS = 28_000;
const HASTY_MS = 2_000;
const VERY_PATIENT_MS = 150_000;
/** How much longer than it must a run goes on at most, in ms, when what is to happen does not. */
const LONGEST_MORE_MS = 600_000;

export interface WorkersOptions {
  /** A DynamoDB and an SQS. */
  readonly dynamoUrl: string;
  readonly sqsUrl: string;
  /** A folder of its own, for the history and what it needs. */
  readonly folder: string;
  readonly seed: number;
  /** How long the faults go on, at least. */
  readonly forMs: number;
  /** They go on until that has happened, too: on a slow machine it takes longer. */
  readonly until?: (events: readonly Recorded[]) => boolean;
  readonly workers: number;
  readonly callers: number;
  readonly ledgers: number;
  readonly leaseMs: number;
  /** The queue's visibility timeout. */
  readonly queueMs: number;
  /** Time between faults, on average. */
  readonly faultEveryMs: number;
  /** How many of the faults are kills, from 0 to 1: else a worker is stopped for a while. */
  readonly kills: number;
  /** How long messages and alarms that are on their way in the end may take to arrive. */
  readonly patienceMs: number;
  /** Which rule the workers break, if any. */
  readonly variant?: string | undefined;
}

/**
 * Load on worker processes that are killed and stopped at random. In the end all are killed once more, so that only what is durable is
 * left to be read.
 *
 * @returns the file of the history
 */
export async function runWorkers(options: WorkersOptions): Promise<string> {
  const { folder, seed } = options;
  mkdirSync(folder, { recursive: true });
  const file = historyIn(options);
  const { record, close } = openHistory(file);
  const children = new Children();
  const random = new Random(seed);
  let pool: WorkerPool | undefined;
  try {
    const system = await startSystem(options, { children, record, random: random.fork(), history: file });
    pool = system.pool;
    await Promise.race([pool.broken, meetFaults(options, { system, record, random })]);
  } finally {
    pool?.close();
    await children.close();
    close();
  }
  return file;
}

async function meetFaults(
  options: WorkersOptions,
  { system, record, random }: { system: System; record: Record; random: Random },
): Promise<void> {
  const { ledger, pool } = system;
  const ledgers = Array.from({ length: options.ledgers }, (_, n) => `l${n}`);
  const load = startLoad({
    ways: { patient: ledger(PATIENT_MS), hasty: ledger(HASTY_MS) },
    record,
    random: random.fork(),
    callers: options.callers,
    ledgers,
  });
  const probes = await spread(options, {
    pool,
    random: random.fork(),
    probe: prober(ledger, record),
    enough: () => options.until?.(readHistory(historyIn(options))) ?? true,
  });
  await load.stop();
  await Promise.all(probes);
  await pool.settled();
  pool.killAll();
  const { patienceMs } = options;
  const { onItsWay } = system;
  await drain({ ledger: ledger(VERY_PATIENT_MS), ledgers, onItsWay, patienceMs, record });
  await system.stop();
}

function historyIn({ folder }: WorkersOptions): string {
  return join(folder, "history.jsonl");
}

type System = Awaited<ReturnType<typeof startSystem>>;
type LedgerOf = (name: string) => ReturnType<ActorNamespace<Ledger>["idFromName"]>;

async function startSystem(
  options: WorkersOptions,
  run: {
    readonly children: Children;
    readonly record: Record;
    readonly random: Random;
    readonly history: string;
  },
) {
  const { dynamoUrl, sqsUrl, folder, leaseMs, queueMs, variant } = options;
  const sqs = new SQSClient({ ...sdkOptions(sqsUrl), useQueueUrlAsEndpoint: false });
  const dynamo = new DynamoDBClient(sdkOptions(dynamoUrl));
  const visibilitySeconds = queueMs / 1000;
  const address = {
    mailbox: await makeMailbox(sqs, { visibilitySeconds }),
    delay: await makeDelayQueue(sqs, { visibilitySeconds }),
    replies: await makeReplyTable(dynamo),
  };
  const { file: bundle } = await bundleForEmbedded(readProject(PROJECT), join(folder, "ledger.mjs"));
  const pool = new WorkerPool({
    ...run,
    size: options.workers,
    order: { bundle, history: run.history, leaseMs, variant },
    cwd: folder,
    env: {
      ...awsEnvironment(sqsUrl),
      AWS_ENDPOINT_URL_DYNAMODB: dynamoUrl,
      MAILBOX_URL: address.mailbox,
      DELAY_URL: address.delay,
      REPLY_TABLE: address.replies,
      ACTOR_TABLE: await makeActorTable(dynamo),
      LEASE_SECONDS: String(visibilitySeconds),
      REPLY_RETENTION_SECONDS: "86400",
      ALARM_BUDGET_SECONDS: "10",
      // No alarm here is far enough ahead for a schedule.
      SCHEDULE_GROUP: "none",
      SCHEDULE_ROLE_ARN: "none",
      DEAD_LETTER_URL: await makeMailbox(sqs),
      DELAY_QUEUE_ARN: "none",
      DELAY_DEAD_LETTER_ARN: "none",
    },
    output: openSync(join(folder, "workers.log"), "a"),
  });
  const shared = { pool, record: run.record };
  const sources = [
    startEventSource(sqs, {
      ...shared,
      queueUrl: address.mailbox,
      from: "mailbox",
      batches: pool.capacity,
    }),
    startEventSource(sqs, { ...shared, queueUrl: address.delay, from: "delay", batches: 2 }),
  ];
  const route = awsRoute({ sqs, dynamo }, address, { retentionMs: 86_400_000 });
  return {
    pool,
    ledger: (callWaitMs: number) => ledgersBy(route, callWaitMs),
    /** Whether a queue holds any message: one that is owed is sent before its sender's own message is gone. */
    async onItsWay() {
      for (const queue of [address.delay, address.mailbox, address.delay]) {
        if ((await lengthOf(sqs, queue)) > 0) return true;
      }
      return false;
    },
    async stop() {
      await Promise.all(sources.map((source) => source.stop()));
    },
  };
}

/** How many messages a queue has, with those that are hidden or delayed. */
async function lengthOf(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  const counts = ["", "NotVisible", "Delayed"] as const;
  return counts.reduce((sum, kind) => sum + Number(Attributes[`ApproximateNumberOfMessages${kind}`] ?? 0), 0);
}

function ledgersBy(route: Route, callWaitMs: number): LedgerOf {
  const caller = createCaller({
    actors: new Map(),
    routeTo: () => route,
    clock: systemClock,
    ids: randomIds,
    callWaitMs,
  });
  const namespace = createNamespace("Ledger", {
    caller,
    ids: randomIds,
  }) as unknown as ActorNamespace<Ledger>;
  return (name) => namespace.idFromName(name);
}

/** Asks for the length of a ledger, as soon as a fault has met it: how long that takes is its recovery. */
function prober(ledger: (callWaitMs: number) => LedgerOf, record: Record) {
  const of = ledger(VERY_PATIENT_MS);
  let count = 0;
  return async (to: string): Promise<void> => {
    const op = `probe.${++count}`;
    record({ is: "begin", op, attempt: 1, kind: "read", to, others: [] });
    try {
      const result = await of(to).read();
      record({ is: "end", op, attempt: 1, told: "ok", result });
    } catch (error) {
      record({ is: "end", op, attempt: 1, told: "unknown", error: String(error) });
    }
  };
}

/** Meets workers with faults for as long as the run goes. */
async function spread(
  { forMs, faultEveryMs, kills, leaseMs }: WorkersOptions,
  run: {
    readonly pool: WorkerPool;
    readonly random: Random;
    readonly probe: (ledger: string) => Promise<void>;
    readonly enough: () => boolean;
  },
): Promise<Promise<void>[]> {
  const { pool, random, probe, enough } = run;
  const end = Date.now() + forMs;
  const latest = end + LONGEST_MORE_MS;
  const probes: Promise<void>[] = [];
  while (Date.now() < end || (Date.now() < latest && !enough())) {
    await delay(random.between(faultEveryMs / 5, (faultEveryMs * 9) / 5));
    // A stop may end before the lease, or long after it.
    const holds: Fault["holds"] = random.chance(kills)
      ? pool.kill()
      : pool.stop(random.between(leaseMs * 0.7, leaseMs * 2));
    for (const ledger of new Set(holds.map((held) => held.ledger))) probes.push(probe(ledger));
  }
  return probes;
}
