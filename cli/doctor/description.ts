import type { DeployedResource, StackState } from "../../runtime/adapters/aws/deployed/formation.ts";
import type {
  AliasState,
  EventSourceState,
  FunctionState,
} from "../../runtime/adapters/aws/deployed/functions.ts";
import type { LogGroupState } from "../../runtime/adapters/aws/deployed/log-groups.ts";
import type { MetricValues } from "../../runtime/adapters/aws/deployed/metrics.ts";
import type { QueueState } from "../../runtime/adapters/aws/deployed/queues.ts";
import type { ScheduleState } from "../../runtime/adapters/aws/deployed/schedules.ts";
import type { TableState } from "../../runtime/adapters/aws/deployed/tables.ts";
import type { Unfinished } from "../../runtime/adapters/aws/deployed/unfinished.ts";
import type { Wake } from "../../runtime/ports/alarm-clock.ts";
import type { ActorId } from "../../runtime/ports/mailbox.ts";

/** Something that was looked at, or why it was not: a right that is missing, an answer that did not come. */
export type Seen<T> = { readonly seen: T } | { readonly unseen: string };

/** What is seen, or `undefined`. */
export function seen<T>(look: Seen<T>): T | undefined {
  return "seen" in look ? look.seen : undefined;
}

/** A deployed stack, as it was found: all that the checks judge by. What is `undefined` in a `Seen` is not there. */
export interface StackDescription {
  readonly stack: string;
  /** When it was looked at, in ms since the epoch. */
  readonly now: number;
  /** Whether AWS itself has answered, and not something that stands in for it and may not keep what it was told. */
  readonly isAws: boolean;
  readonly outputs: ReadonlyMap<string, string>;
  readonly state: Seen<StackState>;
  /** What was deployed last, by physical id. */
  readonly deployed: Seen<ReadonlyMap<string, DeployedResource>>;
  /** In the order of their numbers. */
  readonly mailboxes: readonly DescribedMailbox[];
  /** The names of queues that are there and begin as the mailbox does: only if this is seen, all mailboxes are known. */
  readonly queueNames: Seen<readonly string[]>;
  readonly delayQueue: Seen<QueueState | undefined>;
  readonly deadLetters: DescribedDeadLetters;
  readonly delayDeadLetters: DescribedDeadLetters;
  readonly actorTable: DescribedTable;
  readonly replyTable: DescribedTable;
  readonly worker: DescribedFunction;
  readonly router: DescribedFunction;
  /** Known by the event source of the delay queue. */
  readonly forwarder: DescribedFunction;
  readonly delaySources: Seen<readonly EventSourceState[]>;
  /** By the function that writes to it. */
  readonly logs: Readonly<Record<FunctionName, Seen<LogGroupState | undefined>>>;
  readonly concurrency: Seen<{ readonly limit: number; readonly unreserved: number } | undefined>;
  /** Of the last hour, minute by minute. */
  readonly metrics: Seen<Metrics>;
  readonly schedules: Seen<DescribedSchedules | undefined>;
  readonly unfinished: Seen<Unfinished>;
}

export type FunctionName = "worker" | "router" | "forwarder";

export interface DescribedMailbox {
  readonly number: number;
  readonly name: string;
  readonly queue: Seen<QueueState | undefined>;
  readonly sources: Seen<readonly EventSourceState[]>;
}

export interface DescribedDeadLetters {
  readonly queue: Seen<QueueState | undefined>;
  /** When the oldest that is to be seen was sent, in ms since the epoch; `undefined`: none is to be seen. */
  readonly oldest: Seen<number | undefined>;
}

export interface DescribedTable {
  readonly table: Seen<TableState | undefined>;
  /** The attribute by which items expire. */
  readonly expiry: Seen<string | undefined>;
  readonly recoverable: Seen<boolean | undefined>;
}

export interface DescribedFunction {
  readonly function: Seen<FunctionState | undefined>;
  /** What takes its invocations, where that is not the latest code. */
  readonly alias: Seen<AliasState | undefined>;
  readonly recursiveLoop: Seen<string | undefined>;
  readonly reserved: Seen<number | undefined>;
}

export interface DescribedSchedules {
  readonly found: readonly DescribedSchedule[];
  /** Whether there are more than were looked at. */
  readonly more: boolean;
}

export interface DescribedSchedule extends ScheduleState {
  /** What it will send; `undefined`: no wake. */
  readonly wake: { readonly id: ActorId; readonly wake: Wake } | undefined;
  /** The head of the instance that it wakes; `undefined`: there is none. */
  readonly head: Seen<{ readonly version: number; readonly wake: Wake | undefined } | undefined>;
}

/** What AWS has counted; `undefined`: nothing, as of what did not happen. */
export interface Metrics {
  /** All functions of the account. */
  readonly functionsAtOnce: MetricValues | undefined;
  readonly workerThrottles: MetricValues | undefined;
  readonly workerErrors: MetricValues | undefined;
  readonly routerThrottles: MetricValues | undefined;
  /** Of the actor table; units by the minute. */
  readonly tableWriteThrottles: MetricValues | undefined;
  readonly tableReadThrottles: MetricValues | undefined;
  readonly tableWriteUnits: MetricValues | undefined;
  /** How long the oldest message had waited, in seconds, of the mailbox in which it was longest. */
  readonly oldestMessage: MetricValues | undefined;
}
