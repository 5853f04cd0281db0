import type { ActorId, Delivery } from "../ports/mailbox.ts";
import { aboutInstance } from "./about.ts";
import type { Activation } from "./activation.ts";
import type { BatchDeps, BatchTimes } from "./batch-deps.ts";
import { CommitPipeline, FencedError, LeaseExpiredError } from "./commit-pipeline.ts";
import { ActorFormatError, messageOf } from "./errors.ts";
import { isLater } from "./is-later.ts";
import { checkOutcomeFormat } from "./outcome.ts";
import { runTurns } from "./run-turns.ts";
import {
  findPast,
  heldOutcomes,
  NO_OUTCOMES,
  orphanedOutcomes,
  settledOutcomes,
  unfiledOutcomes,
} from "./settled-deliveries.ts";
import { OpenStart } from "./trial.ts";

export type { BatchDeps, BatchTimes } from "./batch-deps.ts";

/** How often a batch starts over after a lost or unknown commit before it is left to redelivery. */
const MAX_ATTEMPTS = 5;
/** How many entries of older generations a batch clears away. */
const SWEEP_ENTRIES = 200;

/**
 * Runs the deliveries of one instance in order: hydrate, drop what is settled, run the turns, commit, reply; and sends the
 * messages that the instance owes. Without deliveries it does only that.
 *
 * @returns the deliveries that are not finished and must come again, in order
 * @throws ActorFormatError what the instance holds is of a newer format: nothing was read or written, all must come again
 */
export async function runBatch<D extends Delivery>(
  id: ActorId,
  deliveries: readonly D[],
  { times, deps }: { times: BatchTimes; deps: BatchDeps },
): Promise<D[]> {
  let open = [...deliveries];
  // Outcomes that are certain, whatever became of their replies: a second run might end otherwise.
  let certain: ReadonlyMap<string, string> = NO_OUTCOMES;
  const start = new OpenStart();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const round = await runRound(id, open, { certain, start, times, deps });
    open = open.filter((delivery) => !round.finished.has(delivery));
    if (round.stopped) break;
    certain = new Map([...certain, ...round.settled]);
  }
  if (start.isHeldAgainst(open.map(({ envelope }) => envelope.id))) await takeBack(id, { start, deps });
  return open;
}

/** This worker lives, whatever kept it from committing: the run that it began and could not end is not held against its envelope. */
async function takeBack(
  id: ActorId,
  { start, deps: { store, telemetry } }: Pick<RoundOptions, "start" | "deps">,
): Promise<void> {
  try {
    for (;;) {
      // Only out of the head that has it: a rival's commit may have the version that it was to have.
      const head = start.takenFrom(await store.hydrate(id));
      if (head === undefined) return;
      const { status } = await store.commit({ id, expected: head.version - 1, head, entries: new Map() });
      if (status === "committed") return;
      // What got in between may be the start itself, which was still on its way. The version rises each time, so this ends.
    }
  } catch (error) {
    telemetry.problem("start of a run not taken back", { ...id, reason: messageOf(error) });
  }
}

interface Round<D> {
  readonly finished: ReadonlySet<D>;
  /** Outcomes that are certain by now. */
  readonly settled: ReadonlyMap<string, string>;
  /** Starting over would not help, or is not needed. */
  readonly stopped: boolean;
}

/** What lasts from one attempt at a batch to the next. */
interface RoundOptions {
  readonly certain: ReadonlyMap<string, string>;
  readonly start: OpenStart;
  readonly times: BatchTimes;
  readonly deps: BatchDeps;
}

/** One attempt at a batch on one activation, until all is done or a commit is lost. */
async function runRound<D extends Delivery>(
  id: ActorId,
  deliveries: readonly D[],
  { certain, start, times, deps }: RoundOptions,
): Promise<Round<D>> {
  let activation: Activation | undefined;
  let pipeline: CommitPipeline<D> | undefined;
  try {
    const hydrated = deps.activations.hydrate(id, deps.store, deps.telemetry.work);
    activation = isLater(hydrated) ? await hydrated : hydrated;
    // Before anything of it is filed, or taken for answered.
    for (const text of activation.state.head.settled.values()) checkOutcomeFormat(text);
    const held = heldOutcomes(activation, deps.replies);
    // Before the first commit of this mailbox, which would drop them.
    const orphans = orphanedOutcomes(held, { deliveries, head: activation.state.head });
    if (orphans.size > 0)
      await Promise.all([...orphans].map(([each, text]) => deps.replies.write(each, text)));
    const kept = unfiledOutcomes(held, { deliveries, filed: activation.filed });
    const settled = settledOutcomes(held, { deliveries, certain });
    for (const [envelopeId, outcome] of kept) settled.set(envelopeId, outcome);
    const alone = deliveries.length === 1;
    pipeline = new CommitPipeline<D>(activation, { settled, alone, times }, deps);
    pipeline.fileKept(kept);
    const finished = pipeline.answered;
    const found = findPast(activation, pipeline, { deliveries, replies: deps.replies });
    const past = isLater(found) ? await found : found;
    for (const delivery of past) finished.add(delivery);

    const todo = past.length === 0 ? deliveries : deliveries.filter((delivery) => !past.includes(delivery));
    const cutShort = await runTurns(activation, todo, { pipeline, start, times, deps });
    const committing = pipeline.durable();
    if (committing) await committing;
    const filing = pipeline.answersSent();
    if (filing) await filing;
    const { head } = activation.state;
    if (head.outbox.length > 0) await pipeline.outboxEmpty();
    if (head.alarm) await pipeline.wakeArmed();
    if (head.swept !== head.generation) await sweep(activation, deps);
    deps.activations.keep(activation);
    return { finished, settled: pipeline.settled, stopped: cutShort || finished.size === deliveries.length };
  } catch (error) {
    if (pipeline === undefined && error instanceof ActorFormatError) throw error;
    // A commit may still be in flight when a read has failed; nothing may start over beside it.
    await pipeline?.ended();
    await pipeline?.answersSent();
    await pipeline?.outboxSettled();
    const lost = error instanceof FencedError;
    deps.telemetry.count(lost ? "Conflicts" : "BatchesInterrupted", { type: id.type });
    deps.telemetry.problem(lost ? "commit fenced" : "batch interrupted", {
      ...(activation ? aboutInstance(activation) : id),
      envelope: deliveries[0]?.envelope.id,
      receives: deliveries[0]?.receives,
      reason: messageOf(error),
    });
    // Whoever takes a delivery off the mailbox answers for the messages that its turn has sent.
    const owing = (activation?.state.head.outbox.length ?? 0) > 0;
    // Before hydration there is nothing to reconcile; the store is out of reach.
    return {
      finished: owing || !pipeline ? new Set() : pipeline.answered,
      settled: pipeline?.settled ?? NO_OUTCOMES,
      stopped: pipeline === undefined || error instanceof LeaseExpiredError,
    };
  }
}

/** Clears away some of what a deleteAll left behind; nothing waits for it, and what is left is never seen. */
async function sweep(activation: Activation, { store, telemetry }: BatchDeps): Promise<void> {
  const { id, state } = activation;
  try {
    const done = await store.sweep(id, state.head, SWEEP_ENTRIES);
    // The next commit writes it down.
    if (done) state.head = { ...state.head, swept: state.head.generation };
  } catch (error) {
    telemetry.problem("sweep failed", { ...aboutInstance(activation), reason: messageOf(error) });
  }
}
