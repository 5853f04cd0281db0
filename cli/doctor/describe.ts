import { createDeadLetterQueue } from "../../runtime/adapters/aws/dead-letter-queue.ts";
import type { StackClients } from "../../runtime/adapters/aws/deployed/clients.ts";
import { deployedResources, stackState } from "../../runtime/adapters/aws/deployed/formation.ts";
import {
  accountConcurrency,
  aliasState,
  type EventSourceState,
  eventSources,
  functionOf,
  functionState,
  recursiveLoop,
  reservedConcurrency,
} from "../../runtime/adapters/aws/deployed/functions.ts";
import { logGroupState } from "../../runtime/adapters/aws/deployed/log-groups.ts";
import { nameOf, namesOfQueues, queueState } from "../../runtime/adapters/aws/deployed/queues.ts";
import { expiryAttribute, isRecoverable, tableState } from "../../runtime/adapters/aws/deployed/tables.ts";
import { findUnfinished } from "../../runtime/adapters/aws/deployed/unfinished.ts";
import { shardUrl } from "../../runtime/adapters/aws/mailbox-shards.ts";
import { describeMetrics } from "./describe-metrics.ts";
import { describeSchedules } from "./describe-schedules.ts";
import {
  type DescribedDeadLetters,
  type DescribedFunction,
  type DescribedMailbox,
  type DescribedTable,
  type Seen,
  type StackDescription,
  seen,
} from "./description.ts";
import { OVERDUE_MS } from "./limits.ts";
import { Look, seeing } from "./look.ts";

/** 32 shards and as many that drain are what the construct takes. */
const MOST_QUEUES = 64;

export interface LookOptions {
  readonly stack: string;
  readonly outputs: ReadonlyMap<string, string>;
  readonly now: number;
  /** Most schedules, and most items of the actor table, that are looked at. */
  readonly schedules: number;
  readonly items: number;
  /** From 0 to 1: the part of the actor table that is looked at, where that is not all. */
  readonly place: number;
}

/** Looks at everything that a deployed stack is made of. What can't be looked at says why, and nothing else suffers from it. */
export async function describeDeployment(
  clients: StackClients,
  options: LookOptions,
): Promise<StackDescription> {
  const { stack, outputs, now } = options;
  const { cloudFormation, dynamo, lambda, logs, sqs } = clients;
  const look = new Look(outputs);
  const logGroup = (output: string) =>
    look.at("logs:DescribeLogGroups", [output], (name) => logGroupState(logs, name));

  // What the others are found by.
  const [{ mailboxes, queueNames }, delayQueue, actorTable] = await Promise.all([
    describeMailboxes(clients, look),
    look.at("sqs:GetQueueAttributes", ["DelayUrl"], (url) => queueState(sqs, url)),
    describeTable(clients, look, "ActorTable"),
  ]);
  const delaySources = await sourcesOf(clients, delayQueue);
  const workerName = look.output("WorkerName");

  const [state, deployed, concurrency, metrics, schedules, unfinished] = await Promise.all([
    seeing("cloudformation:DescribeStacks", () => stackState(cloudFormation, stack)),
    seeing("cloudformation:GetTemplate, cloudformation:ListStackResources", () =>
      deployedResources(cloudFormation, stack),
    ),
    seeing("lambda:GetAccountSettings", () => accountConcurrency(lambda)),
    describeMetrics(clients, look, { now, queues: mailboxes.map(({ name }) => name) }),
    describeSchedules(clients, look, options.schedules),
    look.at("dynamodb:Scan, dynamodb:GetItem", ["ActorTable"], (table) =>
      findUnfinished(dynamo, {
        table,
        limit: options.items,
        of: seen(actorTable.table)?.items ?? 0,
        overdueBefore: now - OVERDUE_MS,
        place: options.place,
      }),
    ),
  ]);
  const [replyTable, deadLetters, delayDeadLetters, worker, router, forwarder] = await Promise.all([
    describeTable(clients, look, "ReplyTable"),
    describeDeadLetters(clients, look, "DeadLetterUrl"),
    describeDeadLetters(clients, look, "DelayDeadLetterUrl"),
    describeFunction(clients, workerName, qualifierOf(seen(workerName), mailboxes)),
    describeFunction(clients, look.output("RouterName")),
    describeFunction(clients, forwarderName(delaySources)),
  ]);
  const [workerLogs, routerLogs, forwarderLogs] = await Promise.all([
    logGroup("WorkerLogs"),
    logGroup("RouterLogs"),
    logGroup("ForwarderLogs"),
  ]);
  return {
    stack,
    now,
    isAws: clients.isAws(),
    outputs,
    state,
    deployed,
    mailboxes,
    queueNames,
    delayQueue,
    delaySources,
    deadLetters,
    delayDeadLetters,
    actorTable,
    replyTable,
    worker,
    router,
    forwarder,
    logs: { worker: workerLogs, router: routerLogs, forwarder: forwarderLogs },
    concurrency,
    metrics,
    schedules,
    unfinished,
  };
}

/** The alias or the version of the worker that gets the batches; `undefined`: the latest code. */
function qualifierOf(worker: string | undefined, mailboxes: readonly DescribedMailbox[]): string | undefined {
  const invoked = mailboxes.flatMap(({ sources }) => seen(sources) ?? []);
  return invoked.map(({ functionArn }) => functionOf(functionArn)).find(({ name }) => name === worker)
    ?.qualifier;
}

function forwarderName(sources: Seen<readonly EventSourceState[]>): Seen<string> {
  if ("unseen" in sources) return sources;
  const [source] = sources.seen;
  return source === undefined
    ? {
        unseen:
          "nothing takes messages from the delay queue, so nothing tells which function the forwarder is",
      }
    : { seen: functionOf(source.functionArn).name };
}

/** Those that take new messages, those that the worker still works off, and those that are just there. */
async function describeMailboxes(
  clients: StackClients,
  look: Look,
): Promise<Pick<StackDescription, "mailboxes" | "queueNames">> {
  const { lambda, sqs } = clients;
  const first = look.output("MailboxUrl");
  if ("unseen" in first) return { mailboxes: [], queueNames: first };
  const [queueNames, worked] = await Promise.all([
    seeing("sqs:ListQueues", () => namesOfQueues(sqs, nameOf(first.seen).replace(/\.fifo$/, ""))),
    look.at("lambda:ListEventSourceMappings", ["WorkerName"], (FunctionName) =>
      eventSources(lambda, { FunctionName }),
    ),
  ]);
  const there = [
    ...(seen(queueNames) ?? []),
    ...(seen(worked) ?? []).map(({ queueArn }) => nameOf(queueArn)),
  ];
  const shards = shardsOf(look);
  const numbers = Array.from({ length: MOST_QUEUES }, (_, number) => number).filter(
    (number) => number < shards || there.includes(nameOf(shardUrl(first.seen, number))),
  );
  const mailboxes = numbers.map(async (number) => {
    const url = shardUrl(first.seen, number);
    const queue = await seeing("sqs:GetQueueAttributes", () => queueState(sqs, url));
    return { number, name: nameOf(url), queue, sources: await sourcesOf(clients, queue) };
  });
  return { mailboxes: await Promise.all(mailboxes), queueNames };
}

function shardsOf(look: Look): number {
  const shards = look.output("MailboxShards");
  // Stacks of earlier versions have one, and do not say so.
  return "seen" in shards ? Number(shards.seen) : 1;
}

async function sourcesOf(
  { lambda }: StackClients,
  queue: Seen<{ readonly arn: string } | undefined>,
): Promise<Seen<readonly EventSourceState[]>> {
  if ("unseen" in queue) return queue;
  if (queue.seen === undefined) return { unseen: "its queue is not there" };
  const { arn } = queue.seen;
  return seeing("lambda:ListEventSourceMappings", () => eventSources(lambda, { EventSourceArn: arn }));
}

async function describeDeadLetters(
  { sqs }: StackClients,
  look: Look,
  output: string,
): Promise<DescribedDeadLetters> {
  const queue = await look.at("sqs:GetQueueAttributes", [output], (url) => queueState(sqs, url));
  if ("unseen" in queue || queue.seen === undefined || queue.seen.waiting === 0) {
    return { queue, oldest: "unseen" in queue ? queue : { seen: undefined } };
  }
  const { url } = queue.seen;
  const oldest = await seeing("sqs:ReceiveMessage, sqs:ChangeMessageVisibility", async () => {
    const letters = createDeadLetterQueue(sqs, url);
    const messages = await letters.receive();
    await letters.release(messages);
    return messages.length === 0 ? undefined : Math.min(...messages.map(({ sentAt }) => sentAt));
  });
  return { queue, oldest };
}

async function describeTable({ dynamo }: StackClients, look: Look, output: string): Promise<DescribedTable> {
  const [table, expiry, recoverable] = await Promise.all([
    look.at("dynamodb:DescribeTable", [output], (name) => tableState(dynamo, name)),
    look.at("dynamodb:DescribeTimeToLive", [output], (name) => expiryAttribute(dynamo, name)),
    look.at("dynamodb:DescribeContinuousBackups", [output], (name) => isRecoverable(dynamo, name)),
  ]);
  return { table, expiry, recoverable };
}

async function describeFunction(
  { lambda }: StackClients,
  name: Seen<string>,
  qualifier?: string,
): Promise<DescribedFunction> {
  if ("unseen" in name) return { function: name, alias: name, recursiveLoop: name, reserved: name };
  const functionName = name.seen;
  const isAlias = qualifier !== undefined && !/^(\$LATEST|\d+)$/.test(qualifier);
  const [state, alias, loop, reserved] = await Promise.all([
    seeing("lambda:GetFunctionConfiguration", () => functionState(lambda, functionName, qualifier)),
    isAlias
      ? seeing("lambda:GetAlias", () => aliasState(lambda, functionName, qualifier))
      : { seen: undefined },
    seeing("lambda:GetFunctionRecursionConfig", () => recursiveLoop(lambda, functionName)),
    seeing("lambda:GetFunctionConcurrency", () => reservedConcurrency(lambda, functionName)),
  ]);
  return { function: state, alias, recursiveLoop: loop, reserved };
}
