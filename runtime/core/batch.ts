import type { ActorId, Delivery } from "../ports/mailbox.ts";
import type { Activation, Activations } from "./activation.ts";
import {
  CommitPipeline,
  FencedError,
  LeaseExpiredError,
  type PipelineDeps,
  type Settled,
} from "./commit-pipeline.ts";
import { isKept, outcomeIds } from "./envelope-id.ts";
import { messageOf } from "./errors.ts";
import { isAfter } from "./mark.ts";
import { runTurn, type TurnDeps } from "./run-turn.ts";

/** How often a batch starts over after a lost or unknown commit before it is left to redelivery. */
const MAX_ATTEMPTS = 5;
/** How many entries of older generations a batch clears away. */
const SWEEP_ENTRIES = 200;

export interface BatchDeps extends TurnDeps, Omit<PipelineDeps, "commitBy"> {
  readonly activations: Activations;
}

/** How long a batch may go on, in ms since the epoch. */
export interface BatchTimes {
  /** No turn starts that could still run after this. */
  readonly stopBy: number;
  /** Nothing is committed after this: the lease may be over. An extra; the version is the proof. */
  readonly commitBy: number;
}

/**
 * Runs the deliveries of one instance in order: hydrate, drop what is settled, run the turns, commit, reply; and sends the
 * messages that the instance owes. Without deliveries it does only that.
 *
 * @returns the deliveries that are not finished and must come again, in order
 */
export async function runBatch<D extends Delivery>(
  id: ActorId,
  deliveries: readonly D[],
  { times, deps }: { times: BatchTimes; deps: BatchDeps },
): Promise<D[]> {
  let open = [...deliveries];
  // Outcomes that are certain, whatever became of their replies: a second run might end otherwise.
  const certain = new Map<string, string>();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const round = await runRound(id, open, { certain, times, deps });
    open = open.filter((delivery) => !round.finished.has(delivery));
    if (round.stopped) break;
  }
  return open;
}

interface Round<D> {
  readonly finished: ReadonlySet<D>;
  /** Starting over would not help, or is not needed. */
  readonly stopped: boolean;
}

/** One attempt at a batch on one activation, until all is done or a commit is lost. */
async function runRound<D extends Delivery>(
  id: ActorId,
  deliveries: readonly D[],
  { certain, times, deps }: { certain: Map<string, string>; times: BatchTimes; deps: BatchDeps },
): Promise<Round<D>> {
  let activation: Activation | undefined;
  let pipeline: CommitPipeline<D> | undefined;
  let finished = new Set<D>();
  try {
    activation = await deps.activations.hydrate(id, deps.store);
    const kept = unfiledOutcomes(activation, deliveries);
    const settled = new Map([...settledOutcomes(activation, { deliveries, certain }), ...kept]);
    pipeline = new CommitPipeline<D>(activation, settled, { ...deps, ...times });
    pipeline.fileKept(kept);
    finished = pipeline.answered;
    const past = await findPast(activation, pipeline, { deliveries, deps });
    for (const delivery of past) finished.add(delivery);

    const todo = deliveries.filter((delivery) => !past.has(delivery));
    const cutShort = await runTurns(activation, todo, { pipeline, times, deps });
    await pipeline.durable();
    await pipeline.answersSent();
    await pipeline.outboxEmpty();
    await sweep(activation, deps);
    deps.activations.keep(activation);
    return { finished, stopped: cutShort || finished.size === deliveries.length };
  } catch (error) {
    // A commit may still be in flight when a read has failed; nothing may start over beside it.
    await pipeline?.durable().catch(() => {});
    await pipeline?.answersSent();
    await pipeline?.outboxSettled();
    const lost = error instanceof FencedError;
    deps.telemetry.problem(lost ? "commit fenced" : "batch interrupted", {
      type: id.type,
      reason: messageOf(error),
    });
    // Whoever takes a delivery off the mailbox answers for the messages that its turn has sent.
    const owing = (activation?.state.head.outbox.length ?? 0) > 0;
    // Before hydration there is nothing to reconcile; the store is out of reach.
    return {
      finished: owing ? new Set() : finished,
      stopped: pipeline === undefined || error instanceof LeaseExpiredError,
    };
  } finally {
    for (const [envelopeId, outcome] of pipeline?.settled ?? []) certain.set(envelopeId, outcome);
  }
}

/** Runs the turns in order. @returns whether it stopped before the end for lack of time */
async function runTurns<D extends Delivery>(
  activation: Activation,
  todo: readonly D[],
  { pipeline, times, deps }: { pipeline: CommitPipeline<D>; times: BatchTimes; deps: BatchDeps },
): Promise<boolean> {
  const started = new Set<string>();
  for (const delivery of todo) {
    const { envelope } = delivery;
    // The same call twice in one batch: wait until the first one has its outcome.
    if (started.has(envelope.id)) await pipeline.durable();
    const settled = recall(delivery, pipeline.settled);
    if (settled) {
      pipeline.answer(delivery, settled);
      continue;
    }
    if (pipeline.broken) return false;
    if (deps.clock.now() + deps.methodBudgetMs > times.stopBy) return true;
    started.add(envelope.id);
    const turn = await runTurn(activation, envelope, { ...deps, readsDurable: () => pipeline.durable() });
    // User code may have caught it and gone on without the value; or failed for it, which is not its caller's concern.
    if (activation.state.readFailure) throw activation.state.readFailure.reason;
    pipeline.add(delivery, turn);
  }
  return false;
}

/** Clears away some of what a deleteAll left behind; nothing waits for it, and what is left is never seen. */
async function sweep({ id, state }: Activation, { store, telemetry }: BatchDeps): Promise<void> {
  if (state.head.swept === state.head.generation) return;
  try {
    const done = await store.sweep(id, state.head, SWEEP_ENTRIES);
    // The next commit writes it down.
    if (done) state.head = { ...state.head, swept: state.head.generation };
  } catch (error) {
    telemetry.problem("sweep failed", { type: id.type, reason: messageOf(error) });
  }
}

/** The outcome of a delivery among those that are settled: that of its call, or of this very attempt. */
function recall({ envelope }: Delivery, settled: ReadonlyMap<string, string>): Settled | undefined {
  for (const id of outcomeIds(envelope)) {
    const text = settled.get(id);
    if (text !== undefined) return { id, text };
  }
  return undefined;
}

/** Outcomes of these deliveries that the head still holds, or that an earlier attempt is certain of. */
function settledOutcomes(
  activation: Activation,
  { deliveries, certain }: { deliveries: readonly Delivery[]; certain: ReadonlyMap<string, string> },
): Map<string, string> {
  const carried = new Map<string, string>();
  for (const delivery of deliveries) {
    const settled = recall(delivery, activation.state.head.settled) ?? recall(delivery, certain);
    if (settled) carried.set(settled.id, settled.text);
  }
  return carried;
}

/**
 * Outcomes of earlier batches' calls that may be asked for again, and that may not be on file: a worker may have died, and
 * its messages have been given up, between commit and reply.
 */
function unfiledOutcomes({ state, filed }: Activation, deliveries: readonly Delivery[]): Map<string, string> {
  const present = new Set(deliveries.map(({ envelope }) => envelope.id));
  return new Map([...state.head.settled].filter(([id]) => isKept(id) && !present.has(id) && !filed.has(id)));
}

/**
 * Deliveries that must not run and need no reply: the mark has passed them and their outcome is no longer held,
 * so they were answered long ago; or they may have come before, and their reply is on file.
 */
async function findPast<D extends Delivery>(
  { state }: Activation,
  pipeline: CommitPipeline<D>,
  { deliveries, deps }: { deliveries: readonly D[]; deps: BatchDeps },
): Promise<Set<D>> {
  const past = new Set<D>();
  const suspects: D[] = [];
  for (const delivery of deliveries) {
    if (recall(delivery, pipeline.settled)) continue;
    if (delivery.mark && isAfter(delivery.mark, state.head.mark) === false) past.add(delivery);
    else if (delivery.suspect || delivery.envelope.attempt !== undefined) suspects.push(delivery);
  }
  if (suspects.length > 0) {
    // After the hydration: what was settled before it, and is not any more, is on file by now.
    const filed = await deps.replies.filed(suspects.flatMap(({ envelope }) => outcomeIds(envelope)));
    const answered = suspects.filter(({ envelope }) => outcomeIds(envelope).some((id) => filed.has(id)));
    // Its commit may have come after the hydration, with messages that this worker has not seen and would answer for.
    if (answered.length > 0) await pipeline.verify();
    for (const delivery of answered) past.add(delivery);
  }
  return past;
}
