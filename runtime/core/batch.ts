import type { ActorId, Delivery } from "../ports/mailbox.ts";
import type { Activation, Activations } from "./activation.ts";
import { CommitPipeline, FencedError, LeaseExpiredError, type PipelineDeps } from "./commit-pipeline.ts";
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
 * Runs the deliveries of one instance in order: hydrate, drop what is settled, run the turns, commit, reply.
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
  for (let attempt = 1; open.length > 0 && attempt <= MAX_ATTEMPTS; attempt++) {
    const round = await runRound(id, open, { certain, times, deps });
    open = open.filter((delivery) => !round.finished.has(delivery));
    if (round.stopped) break;
  }
  return open;
}

interface Round<D> {
  readonly finished: ReadonlySet<D>;
  /** Starting over would not help. */
  readonly stopped: boolean;
}

/** One attempt at a batch on one activation, until all is done or a commit is lost. */
async function runRound<D extends Delivery>(
  id: ActorId,
  deliveries: readonly D[],
  { certain, times, deps }: { certain: Map<string, string>; times: BatchTimes; deps: BatchDeps },
): Promise<Round<D>> {
  let pipeline: CommitPipeline<D> | undefined;
  let finished = new Set<D>();
  try {
    const activation = await deps.activations.hydrate(id, deps.store);
    pipeline = new CommitPipeline<D>(activation, settledOf(activation, { deliveries, certain }), {
      ...deps,
      ...times,
    });
    finished = pipeline.answered;
    const past = await findPast(activation, pipeline, { deliveries, deps });
    for (const delivery of past) finished.add(delivery);

    const todo = deliveries.filter((delivery) => !past.has(delivery));
    const cutShort = await runTurns(activation, todo, { pipeline, times, deps });
    await pipeline.durable();
    await pipeline.answersSent();
    await sweep(activation, deps);
    deps.activations.keep(activation);
    return { finished, stopped: cutShort || finished.size === deliveries.length };
  } catch (error) {
    // A commit may still be in flight when a read has failed; nothing may start over beside it.
    await pipeline?.durable().catch(() => {});
    await pipeline?.answersSent();
    const lost = error instanceof FencedError;
    deps.telemetry.problem(lost ? "commit fenced" : "batch interrupted", {
      type: id.type,
      reason: messageOf(error),
    });
    // Before hydration there is nothing to reconcile; the store is out of reach.
    return { finished, stopped: pipeline === undefined || error instanceof LeaseExpiredError };
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
  const started = new Map<string, D>();
  for (const delivery of todo) {
    const { envelope } = delivery;
    const settled = pipeline.settled.get(envelope.id);
    if (settled !== undefined) {
      pipeline.answer(delivery, settled);
      continue;
    }
    if (started.has(envelope.id)) {
      // The same envelope twice in one batch: wait until the first one has its outcome.
      await pipeline.durable();
      const outcome = pipeline.settled.get(envelope.id);
      if (outcome !== undefined) pipeline.answer(delivery, outcome);
      continue;
    }
    if (pipeline.broken) return false;
    if (deps.clock.now() + deps.methodBudgetMs > times.stopBy) return true;
    started.set(envelope.id, delivery);
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

/** Outcomes of these deliveries that the head still holds, or that an earlier attempt is certain of. */
function settledOf(
  activation: Activation,
  { deliveries, certain }: { deliveries: readonly Delivery[]; certain: ReadonlyMap<string, string> },
): Map<string, string> {
  const carried = new Map<string, string>();
  for (const { envelope } of deliveries) {
    const outcome = activation.state.head.settled.get(envelope.id) ?? certain.get(envelope.id);
    if (outcome !== undefined) carried.set(envelope.id, outcome);
  }
  return carried;
}

/**
 * Deliveries that must not run and need no reply: the mark has passed them and their outcome is no longer held,
 * so they were answered long ago; or they may have come before, and their reply is on file.
 */
async function findPast<D extends Delivery>(
  { state }: Activation,
  { settled }: CommitPipeline<D>,
  { deliveries, deps }: { deliveries: readonly D[]; deps: BatchDeps },
): Promise<Set<D>> {
  const past = new Set<D>();
  const suspects: D[] = [];
  for (const delivery of deliveries) {
    if (settled.has(delivery.envelope.id)) continue;
    if (delivery.mark && isAfter(delivery.mark, state.head.mark) === false) past.add(delivery);
    else if (delivery.suspect) suspects.push(delivery);
  }
  if (suspects.length > 0) {
    const filed = await deps.replies.read(suspects.map(({ envelope }) => envelope.id));
    for (const delivery of suspects) if (filed.has(delivery.envelope.id)) past.add(delivery);
  }
  return past;
}
