import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Ended } from "../ports/tracer.ts";
import type { Activation } from "./activation.ts";
import { EARLY_MS, judgeWake } from "./alarm.ts";
import type { BatchDeps, BatchTimes } from "./batch-deps.ts";
import { Breather } from "./breather.ts";
import type { CommitPipeline } from "./commit-pipeline.ts";
import { NO_CHANGES } from "./draft.ts";
import { type AlarmDeps, alarmNeedsMs, dropCrashedAlarm, type FinishedAlarm, runAlarm } from "./run-alarm.ts";
import { type FinishedTurn, runTurn } from "./run-turn.ts";
import { recall } from "./settled-deliveries.ts";
import { isOnTrial, type OpenStart, startsOf, TRIAL } from "./trial.ts";
import { isWake, wakeOf } from "./wake.ts";

interface TurnsOptions<D extends Delivery> {
  readonly pipeline: CommitPipeline<D>;
  readonly start: OpenStart;
  readonly times: BatchTimes;
  readonly deps: BatchDeps;
}

/** Runs the turns of a batch in order. @returns whether it stopped before the end for lack of time */
export async function runTurns<D extends Delivery>(
  activation: Activation,
  todo: readonly D[],
  { pipeline, start, times, deps }: TurnsOptions<D>,
): Promise<boolean> {
  const started = new Set<string>();
  const turnDeps = { ...deps, readsDurable: () => pipeline.durable() };
  const breather = new Breather(deps.clock);
  for (const delivery of todo) {
    if (breather.due) await breather.breathe();
    const { envelope } = delivery;
    if (isWake(envelope)) {
      const answered = await answerWake(activation, delivery, {
        pipeline,
        start,
        times,
        deps: turnDeps,
      });
      if (!answered) return true;
      continue;
    }
    // The same call twice in one batch: wait until the first one has its outcome.
    if (started.has(envelope.id)) await pipeline.durable();
    const settled = recall(delivery, pipeline.settled);
    if (settled) {
      pipeline.answer(delivery, settled);
      continue;
    }
    if (pipeline.broken) return false;
    const onTrial = isOnTrial(delivery, activation.state.head, deps.trial ?? TRIAL);
    if (onTrial && (await isGivenUp(activation, delivery, { pipeline, start, deps }))) {
      started.add(envelope.id);
      pipeline.giveUp(delivery);
      continue;
    }
    if (deps.clock.now() + deps.methodBudgetMs > times.stopBy) return true;
    started.add(envelope.id);
    const begin = onTrial ? () => pipeline.begin(envelope.id, start) : undefined;
    const observed = deps.observer?.began(envelope);
    const timed = timeOf(delivery, deps);
    const options = { receives: delivery.receives, begin };
    const turn = deps.tracer
      ? await deps.tracer.turn(envelope, () => runTurn(activation, envelope, turnDeps, options), endOfTurn)
      : await runTurn(activation, envelope, turnDeps, options);
    timed?.();
    observed?.ended({ error: turn.outcome.ok ? undefined : turn.outcome.error, ran: turn.ran });
    checkReads(activation);
    pipeline.add(delivery, turn, observed);
    if (onTrial) await ended(pipeline, start);
  }
  return false;
}

function endOfTurn({ outcome }: FinishedTurn): Ended {
  return outcome;
}

/** Measures how long a message has waited and, once what it returns is called, how long its turn took; if anybody wants to know. */
function timeOf({ envelope: { to }, sentAt }: Delivery, { clock, telemetry }: BatchDeps) {
  const { work } = telemetry;
  if (!work) return undefined;
  const began = clock.now();
  if (sentAt !== undefined) work.add("QueueAge", Math.max(0, began - sentAt), to);
  return () => work.add("TurnTime", clock.now() - began, to);
}

/** Whether as many runs as allowed have begun and never ended; not counting one that this very worker has survived. */
async function isGivenUp<D extends Delivery>(
  { state }: Activation,
  { envelope }: D,
  { pipeline, start, deps }: Pick<TurnsOptions<D>, "pipeline" | "start" | "deps">,
): Promise<boolean> {
  await pipeline.durable();
  const { starts } = deps.trial ?? TRIAL;
  return startsOf(envelope.id, state.head) >= starts && !start.isIn(state.head, envelope.id);
}

/** What runs next may end this worker, too: the start of what has ended must be gone by then. */
async function ended<D extends Delivery>(pipeline: CommitPipeline<D>, start: OpenStart): Promise<void> {
  await pipeline.durable();
  start.end();
}

/** User code may have caught it and gone on without the value; or failed for it, which is no outcome. */
function checkReads({ state }: Activation): void {
  if (state.readFailure) throw state.readFailure.reason;
}

/**
 * Does what a wake that has come means for the head: only for a durable one does it mean anything.
 *
 * @returns false where the wake must come again: there is no time for the alarm's handler, or its time has gone away
 */
async function answerWake<D extends Delivery>(
  activation: Activation,
  delivery: D,
  { pipeline, start, times, deps }: Omit<TurnsOptions<D>, "deps"> & { deps: BatchDeps & AlarmDeps },
): Promise<boolean> {
  const { clock } = deps;
  await pipeline.durable();
  const { head } = activation.state;
  const { envelope } = delivery;
  const wake = wakeOf(envelope);
  const earlyMs = deps.earlyMs ?? EARLY_MS;
  const meaning = wake && judgeWake(wake, { head, now: clock.now(), earlyMs });
  if (wake === undefined || meaning === "stale") {
    pipeline.answered.add(delivery);
  } else if (meaning === "due" && head.alarm) {
    const onTrial = isOnTrial(delivery, head, deps.trial ?? TRIAL);
    if (onTrial && (await isGivenUp(activation, delivery, { pipeline, start, deps }))) {
      pipeline.addWake(delivery, wake, dropCrashedAlarm(activation, startsOf(envelope.id, head), deps));
      return true;
    }
    if (clock.now() + alarmNeedsMs(head.alarm, deps) > times.stopBy) return false;
    // Not where the clock was set back meanwhile.
    if (!(await reached(head.alarm.at, { clock, earlyMs }))) return false;
    if (onTrial) await pipeline.begin(envelope.id, start);
    const observed = deps.observer?.began(envelope);
    const { alarm } = head;
    deps.telemetry.work?.add("AlarmDelay", Math.max(0, clock.now() - alarm.at), envelope.to);
    const timed = timeOf(delivery, deps);
    const run = () => runAlarm(activation, alarm, deps);
    const { changes, error } = await (deps.tracer ? deps.tracer.turn(envelope, run, endOfAlarm) : run());
    timed?.();
    observed?.ended({ error, ran: true });
    checkReads(activation);
    pipeline.addWake(delivery, wake, changes, observed);
    if (onTrial) await ended(pipeline, start);
  } else {
    // It is on its way no more; or its worker must not commit any more, counting on it.
    pipeline.addWake(delivery, wake, NO_CHANGES);
  }
  return true;
}

function endOfAlarm({ error }: FinishedAlarm): Ended {
  return error === undefined ? { ok: true } : { ok: false, error };
}

/**
 * Waits for a time that comes within `earlyMs`. Timers go by a clock of their own, and may end a moment before this one says so.
 *
 * @returns whether it has come; not when it is further away than that
 */
async function reached(
  time: number,
  { clock, earlyMs }: { clock: Clock; earlyMs: number },
): Promise<boolean> {
  for (;;) {
    const ms = time - clock.now();
    if (ms <= 0) return true;
    if (ms > earlyMs) return false;
    await new Promise<void>((resolve) => void clock.after(ms, resolve));
  }
}
