import type { Eventual } from "../ports/eventual.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Replies } from "../ports/replies.ts";
import type { Head } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import type { CommitPipeline, Settled } from "./commit-pipeline.ts";
import { isKept, outcomeIds } from "./envelope-id.ts";
import { isAfter } from "./mark.ts";
import { isWake } from "./wake.ts";

export const NO_OUTCOMES: ReadonlyMap<string, string> = new Map();

/** The outcome of a delivery among those that are settled: that of its call, or of this very attempt. */
export function recall({ envelope }: Delivery, settled: ReadonlyMap<string, string>): Settled | undefined {
  if (settled.size === 0) return undefined;
  for (const id of outcomeIds(envelope)) {
    const text = settled.get(id);
    if (text !== undefined) return { id, text };
  }
  return undefined;
}

/**
 * The outcomes in a head that can still be read. A call that is asked for again after that is a new one, as it is when its reply
 * has expired.
 */
export function heldOutcomes({ state }: Activation, replies: Replies): ReadonlyMap<string, string> {
  const { settled } = state.head;
  for (const text of settled.values()) {
    if (!replies.stands(text)) return new Map([...settled].filter(([, each]) => replies.stands(each)));
  }
  return settled;
}

/** Outcomes of these deliveries that the head still holds, or that an earlier attempt is certain of. */
export function settledOutcomes(
  held: ReadonlyMap<string, string>,
  { deliveries, certain }: { deliveries: readonly Delivery[]; certain: ReadonlyMap<string, string> },
): Map<string, string> {
  const carried = new Map<string, string>();
  for (const delivery of deliveries) {
    const settled = recall(delivery, held) ?? recall(delivery, certain);
    if (settled) carried.set(settled.id, settled.text);
  }
  return carried;
}

/**
 * Outcomes of earlier batches' calls that may be asked for again, and that may not be on file: a worker may have died, and
 * its messages have been given up, between commit and reply.
 */
export function unfiledOutcomes(
  held: ReadonlyMap<string, string>,
  { deliveries, filed }: { deliveries: readonly Delivery[]; filed: ReadonlySet<string> },
): ReadonlyMap<string, string> {
  return outcomesBut(deliveries, held, (id) => isKept(id) && !filed.has(id));
}

/**
 * Outcomes of plain calls that only this head may hold: they came through another mailbox than these deliveries. If that is
 * gone, as that of an embedded server is with its process, it brings no message again that was committed and never answered.
 */
export function orphanedOutcomes(
  held: ReadonlyMap<string, string>,
  { deliveries, head }: { deliveries: readonly Delivery[]; head: Head },
): ReadonlyMap<string, string> {
  const moved = deliveries.some(({ mark }) => mark && head.mark && mark.queue !== head.mark.queue);
  return moved ? outcomesBut(deliveries, held, (id) => !isKept(id)) : NO_OUTCOMES;
}

/** Those of the outcomes held that are wanted, but for those of these deliveries. */
function outcomesBut(
  deliveries: readonly Delivery[],
  held: ReadonlyMap<string, string>,
  isWanted: (id: string) => boolean,
): ReadonlyMap<string, string> {
  let found: Map<string, string> | undefined;
  for (const [id, text] of held) {
    if (!isWanted(id)) continue;
    found ??= new Map();
    found.set(id, text);
  }
  if (!found) return NO_OUTCOMES;
  for (const { envelope } of deliveries) found.delete(envelope.id);
  return found;
}

/**
 * Deliveries that must not run and need no reply: the mark has passed them and their outcome is no longer held,
 * so they were answered long ago; or they may have come before, and their reply is on file.
 */
export function findPast<D extends Delivery>(
  { state }: Activation,
  pipeline: CommitPipeline<D>,
  { deliveries, replies }: { deliveries: readonly D[]; replies: Replies },
): Eventual<readonly D[]> {
  const past: D[] = [];
  const suspects: D[] = [];
  for (const delivery of deliveries) {
    if (recall(delivery, pipeline.settled)) continue;
    if (delivery.mark && isAfter(delivery.mark, state.head.mark) === false) past.push(delivery);
    else if (isWake(delivery.envelope)) continue;
    else if (delivery.suspect || delivery.envelope.attempt !== undefined) suspects.push(delivery);
  }
  if (suspects.length === 0) return past;
  return findAnswered(suspects, pipeline, replies).then((answered) => [...past, ...answered]);
}

/** Those whose reply is on file. */
async function findAnswered<D extends Delivery>(
  suspects: readonly D[],
  pipeline: CommitPipeline<D>,
  replies: Replies,
): Promise<D[]> {
  // After the hydration: what was settled before it, and is not any more, is on file by now.
  const filed = await replies.filed(suspects.flatMap(({ envelope }) => outcomeIds(envelope)));
  const answered = suspects.filter(({ envelope }) => outcomeIds(envelope).some((id) => filed.has(id)));
  // Its commit may have come after the hydration, with messages that this worker has not seen and would answer for.
  if (answered.length > 0) await pipeline.verify();
  return answered;
}
