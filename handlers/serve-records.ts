import type { SQSBatchResponse, SQSRecord } from "aws-lambda";
import { deliveriesOf, type SqsDelivery } from "../runtime/adapters/aws/sqs-record.ts";
import { aboutDelivery } from "../runtime/core/about.ts";
import { actorKey } from "../runtime/core/actor-id.ts";
import { type BatchDeps, type BatchTimes, runBatch } from "../runtime/core/batch.ts";
import { addressIn } from "../runtime/core/envelope.ts";
import { ActorFormatError, messageOf } from "../runtime/core/errors.ts";
import { TRIAL } from "../runtime/core/trial.ts";
import { HeldMessages, type HoldingDeps } from "./held-messages.ts";

/** Time kept at the end of an invocation for commits, replies and the answer, in ms. */
const CLOSING_MS = 2_000;
/** How long before the end of its lease a worker stops to commit, in ms: clocks differ a little. */
const LEASE_MARGIN_MS = 1_000;
/** How long a finished group waits for the rest of the batch before it is released by itself, in ms. */
const RELEASE_AFTER_MS = 100;
/** Longest wait before an unfinished message is tried again, in seconds. */
const MAX_RETRY_SECONDS = 20;
/**
 * What is newer than this worker waits for a worker that can read it: until the rollout is through, or the newer version is deployed again.
 * A minute after the first receive, a minute more after each further one, up to this, in seconds: so it becomes a dead letter, at its
 * thirtieth receive, after more than five hours.
 */
const MAX_NEWER_SECONDS = 900;

export interface ServeDeps extends BatchDeps, HoldingDeps {
  /** The queue's visibility timeout, in ms: the lease that comes with a receive. */
  readonly queueLeaseMs: number;
}

/**
 * Serves one batch of messages: groups in parallel, each group in order. Groups that begin with a message that may have ended its
 * worker come last, one by one.
 *
 * @param endsBy when the invocation is cut off, in ms since the epoch
 * @returns the messages that must come again; all others may be deleted
 */
export async function serveRecords(
  records: readonly SQSRecord[],
  { endsBy, deps }: { endsBy: number; deps: ServeDeps },
): Promise<SQSBatchResponse> {
  const held = new HeldMessages(
    records.map(({ receiptHandle }) => receiptHandle),
    { leaseEnd: receivedLeaseEnd(records, deps), deps },
  );
  held.begin();
  const { refused, newer, groups } = sortRecords(records, deps);
  const readable = [...groups.values()];
  // At once: what comes again may be the end of this worker.
  countRedeliveries(readable, deps);
  const failures = [...refused, ...[...newer.values()].flat()].map(({ messageId }) => messageId);
  let running = readable.length;
  let allDone = () => {};
  const done = new Promise<void>((resolve) => {
    allDone = resolve;
  });

  const run = async (group: Group, times: BatchTimes) => {
    const id = group[0].envelope.to;
    try {
      return { unfinished: await runBatch(id, group, { times, deps }), isNewer: false };
    } catch (error) {
      if (!(error instanceof ActorFormatError)) throw error;
      deps.telemetry.count("NewerFormats", { type: id.type });
      deps.telemetry.problem("newer format", { ...aboutDelivery(group[0]), reason: messageOf(error) });
      return { unfinished: group, isNewer: true };
    }
  };
  const serve = async ([first, ...rest]: Group) => {
    const group: Group = [first, ...rest];
    const receipts = receiptsOf(group);
    const times = {
      stopBy: endsBy - CLOSING_MS,
      get commitBy() {
        return held.endOf(receipts) - LEASE_MARGIN_MS;
      },
    };
    const behind = newer.get(actorKey(first.envelope.to)) ?? [];
    const { unfinished, isNewer } = await run(group, times).finally(() =>
      held.leave(receiptsOf([...group, ...behind])),
    );
    if (--running === 0) allDone();
    // A message goes when all that lies in it is finished, and comes again as a whole.
    const left = new Set(unfinished.map(({ messageId }) => messageId));
    failures.push(...left);
    // While what is behind a message is hidden, the queue does not give out the message either: they come again together.
    if (isNewer || unfinished.length === 0) await returnLater([...unfinished, ...behind], deps);
    else await returnSoon(unfinished, { behind, deps });
    const finished = group.filter(({ messageId }) => !left.has(messageId));
    await releaseEarly(finished, { done, stillRunning: () => running > 0, deps });
  };
  const onTrial = readable.filter(([first]) => first.receives >= (deps.trial ?? TRIAL).fromReceives);
  const ordinary = readable.filter((group) => !onTrial.includes(group));
  // What was refused has its lease, but nobody works on it that would need a longer one.
  const alone = held.leave(refused.map(({ receiptHandle }) => receiptHandle));
  const later = [...newer]
    .filter(([key]) => !groups.has(key))
    .map(([, messages]) => held.leave(receiptsOf(messages)).then(() => returnLater(messages, deps)));
  await Promise.all([alone, ...later, ...ordinary.map(serve)]);
  // Each of these may end the process: by then all others are done and released, and none of them has begun.
  for (const group of onTrial) await serve(group);
  return { batchItemFailures: [...new Set(failures)].map((itemIdentifier) => ({ itemIdentifier })) };
}

type Group = [SqsDelivery, ...SqsDelivery[]];

/**
 * Deliveries by instance, in order. What is no envelope fails alone: it never runs, and ends in the dead-letter queue. What is newer
 * than this worker must come again, with all of its instance that is behind it.
 */
function sortRecords(records: readonly SQSRecord[], deps: ServeDeps) {
  const { clock, queueLeaseMs, shortLeaseMs, telemetry } = deps;
  // A delivery before this one may have been hidden for the shorter of the two, by a clock that is a little ahead.
  const leaseMs = Math.min(queueLeaseMs, shortLeaseMs) - LEASE_MARGIN_MS;
  const refused: SQSRecord[] = [];
  const newer = new Map<string, Held[]>();
  const groups = new Map<string, Group>();
  for (const record of records) {
    try {
      const deliveries = deliveriesOf(record, { now: clock.now(), leaseMs });
      const key = actorKey(deliveries[0].envelope.to);
      const group = newer.get(key) ?? groups.get(key);
      if (group) group.push(...deliveries);
      else groups.set(key, deliveries);
    } catch (error) {
      const receives = Number(record.attributes.ApproximateReceiveCount);
      const detail = { messageId: record.messageId, receives, reason: messageOf(error) };
      const to = error instanceof ActorFormatError ? addressIn(record.body) : undefined;
      if (to) {
        telemetry.count("NewerFormats", { type: to.type });
        telemetry.problem("newer format", { ...to, ...detail });
        const group = newer.get(actorKey(to)) ?? [];
        newer.set(actorKey(to), [...group, heldBy(record)]);
      } else {
        telemetry.count("EnvelopesRefused", {});
        telemetry.problem("message refused", detail);
        refused.push(record);
      }
    }
  }
  return { refused, newer, groups };
}

/** Of each type, the envelopes that were received before. */
function countRedeliveries(groups: readonly Group[], { telemetry }: ServeDeps): void {
  const again = groups.flatMap((group) => group.filter(({ receives }) => receives > 1));
  if (again.length === 0) return;
  for (const [type, of] of Map.groupBy(again, ({ envelope }) => envelope.to.type)) {
    telemetry.count("Redeliveries", { type, times: of.length });
  }
}

/** What a worker needs to give a message back. */
type Held = Pick<SqsDelivery, "messageId" | "receipt" | "receives">;

function heldBy({ messageId, receiptHandle: receipt, attributes }: SQSRecord): Held {
  return { messageId, receipt, receives: Number(attributes.ApproximateReceiveCount) || 1 };
}

/** Of their messages, each once. */
function receiptsOf(deliveries: readonly Held[]): string[] {
  return [...new Set(deliveries.map(({ receipt }) => receipt))];
}

/** When the lease is over that came with the receive. Only a first receive says when it was. */
function receivedLeaseEnd(records: readonly SQSRecord[], { clock, queueLeaseMs }: ServeDeps): number {
  const now = clock.now();
  const received = records.map(({ attributes }) => {
    const first = Number(attributes.ApproximateFirstReceiveTimestamp);
    return Number(attributes.ApproximateReceiveCount) === 1 && first > 0 ? Math.min(first, now) : now;
  });
  return Math.min(...received) + queueLeaseMs;
}

/** Without this the messages would come back only at the end of their lease. */
function returnSoon(
  unfinished: readonly Held[],
  { behind, deps }: { behind: readonly Held[]; deps: ServeDeps },
): Promise<void> {
  return returnAfter([...unfinished, ...behind], {
    seconds: Math.min(2 ** (mostReceives(unfinished) - 1), MAX_RETRY_SECONDS),
    deps,
  });
}

/** All of them together, so that none comes before what it is behind. */
async function returnLater(newer: readonly Held[], deps: ServeDeps): Promise<void> {
  const seconds = Math.min(60 * mostReceives(newer), MAX_NEWER_SECONDS);
  await returnAfter(newer, { seconds, deps });
}

function mostReceives(messages: readonly Held[]): number {
  return Math.max(...messages.map(({ receives }) => receives));
}

async function returnAfter(
  messages: readonly Held[],
  { seconds, deps: { lease, telemetry } }: { seconds: number; deps: ServeDeps },
): Promise<void> {
  if (messages.length === 0) return;
  try {
    await lease.returnAfter(receiptsOf(messages), seconds);
  } catch (error) {
    telemetry.problem("messages not returned early", { reason: messageOf(error) });
  }
}

/** An event source deletes messages only when the invocation returns: one slow instance would hold up all others. */
async function releaseEarly(
  finished: readonly SqsDelivery[],
  { done, stillRunning, deps }: { done: Promise<void>; stillRunning: () => boolean; deps: ServeDeps },
): Promise<void> {
  if (finished.length === 0 || !stillRunning()) return;
  await new Promise<void>((resolve) => {
    const cancel = deps.clock.after(RELEASE_AFTER_MS, resolve);
    void done.then(() => {
      cancel();
      resolve();
    });
  });
  if (!stillRunning()) return;
  try {
    await deps.lease.release(receiptsOf(finished));
  } catch (error) {
    deps.telemetry.problem("messages not released early", { reason: messageOf(error) });
  }
}
