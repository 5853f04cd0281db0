import type { SQSBatchResponse, SQSRecord } from "aws-lambda";
import type { Lease } from "../runtime/adapters/aws/sqs-lease.ts";
import { deliveryOf, type SqsDelivery } from "../runtime/adapters/aws/sqs-record.ts";
import { actorKey } from "../runtime/core/actor-id.ts";
import { type BatchDeps, type BatchTimes, runBatch } from "../runtime/core/batch.ts";
import { messageOf } from "../runtime/core/errors.ts";

/** Time kept at the end of an invocation for commits, replies and the answer, in ms. */
const CLOSING_MS = 2_000;
/** How long before the end of its lease a worker stops to commit, in ms: clocks differ a little. */
const LEASE_MARGIN_MS = 1_000;
/** How long a finished group waits for the rest of the batch before it is released by itself, in ms. */
const RELEASE_AFTER_MS = 100;
/** Longest wait before an unfinished message is tried again, in seconds. */
const MAX_RETRY_SECONDS = 20;

export interface ServeDeps extends BatchDeps {
  readonly lease: Lease;
  /** The queue's visibility timeout, in ms. */
  readonly leaseMs: number;
}

/**
 * Serves one batch of messages: groups in parallel, each group in order.
 *
 * @param endsBy when the invocation is cut off, in ms since the epoch
 * @returns the messages that must come again; all others may be deleted
 */
export async function serveRecords(
  records: readonly SQSRecord[],
  { endsBy, deps }: { endsBy: number; deps: ServeDeps },
): Promise<SQSBatchResponse> {
  const { failures, groups } = sortRecords(records, deps);
  const times: BatchTimes = {
    stopBy: endsBy - CLOSING_MS,
    commitBy: leaseEnd(records, deps) - LEASE_MARGIN_MS,
  };
  let running = groups.length;
  let allDone = () => {};
  const done = new Promise<void>((resolve) => {
    allDone = resolve;
  });

  await Promise.all(
    groups.map(async ([first, ...rest]) => {
      const group = [first, ...rest];
      const unfinished = await runBatch(first.envelope.to, group, { times, deps });
      if (--running === 0) allDone();
      failures.push(...unfinished.map(({ messageId }) => messageId));
      await returnSoon(unfinished, deps);
      const finished = group.filter((delivery) => !unfinished.includes(delivery));
      await releaseEarly(finished, { done, stillRunning: () => running > 0, deps });
    }),
  );
  return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) };
}

type Group = [SqsDelivery, ...SqsDelivery[]];

/** Deliveries by instance, in order. What is no envelope fails alone: it never runs, and ends in the dead-letter queue. */
function sortRecords(records: readonly SQSRecord[], { clock, leaseMs, telemetry }: ServeDeps) {
  const failures: string[] = [];
  const groups = new Map<string, Group>();
  for (const record of records) {
    try {
      const delivery = deliveryOf(record, { now: clock.now(), leaseMs });
      const key = actorKey(delivery.envelope.to);
      const group = groups.get(key);
      if (group) group.push(delivery);
      else groups.set(key, [delivery]);
    } catch (error) {
      telemetry.problem("message refused", { messageId: record.messageId, reason: messageOf(error) });
      failures.push(record.messageId);
    }
  }
  return { failures, groups: [...groups.values()] };
}

/** When the messages may become visible to another worker. Only a first receive says when it was. */
function leaseEnd(records: readonly SQSRecord[], { clock, leaseMs }: ServeDeps): number {
  const now = clock.now();
  const received = records.map(({ attributes }) => {
    const first = Number(attributes.ApproximateFirstReceiveTimestamp);
    return Number(attributes.ApproximateReceiveCount) === 1 && first > 0 ? Math.min(first, now) : now;
  });
  return Math.min(...received) + leaseMs;
}

/** Without this the messages would come back only after the whole visibility timeout. */
async function returnSoon(
  unfinished: readonly SqsDelivery[],
  { lease, telemetry }: ServeDeps,
): Promise<void> {
  if (unfinished.length === 0) return;
  const receives = Math.max(...unfinished.map((delivery) => delivery.receives));
  const seconds = Math.min(2 ** (receives - 1), MAX_RETRY_SECONDS);
  try {
    await lease.returnAfter(
      unfinished.map(({ receipt }) => receipt),
      seconds,
    );
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
    await deps.lease.release(finished.map(({ receipt }) => receipt));
  } catch (error) {
    deps.telemetry.problem("messages not released early", { reason: messageOf(error) });
  }
}
