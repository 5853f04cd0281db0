import type { Clock } from "../ports/clock.ts";
import type { Envelope } from "../ports/mailbox.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Activation } from "./activation.ts";
import { decode } from "./codec.ts";
import {
  ActorDeadlineError,
  ActorError,
  ActorMethodTimeoutError,
  ActorUnknownTypeError,
  CodecError,
  messageOf,
  StorageLimitError,
} from "./errors.ts";
import { type ActorClass, methodOf } from "./method.ts";
import { failed, type Outcome, succeeded } from "./outcome.ts";
import { createStorage } from "./storage.ts";
import { currentTurn, Turn } from "./turn.ts";

/** How long a method may run, in ms; less when its caller's deadline comes first. */
export const METHOD_BUDGET_MS = 30_000;
/** Time kept before a caller's deadline for commit and reply, in ms: a clear failure in time beats no answer. */
const REPLY_MARGIN_MS = 1_000;
/** Keys that one turn may write: a DynamoDB transaction holds 100 items, one of them the head. */
export const MAX_TURN_KEYS = 99;

/** What a turn leaves behind: its outcome, and the writes to commit (none when it failed). */
export interface FinishedTurn {
  readonly outcome: Outcome;
  readonly writes: ReadonlyMap<string, string | undefined>;
}

export interface TurnDeps {
  readonly actors: ReadonlyMap<string, ActorClass>;
  readonly env: unknown;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly methodBudgetMs: number;
}

const NO_WRITES: ReadonlyMap<string, string | undefined> = new Map();

/** Executes one envelope on an activation. Never throws for what user code does. */
export async function runTurn(
  activation: Activation,
  envelope: Envelope,
  deps: TurnDeps & { readonly readsDurable: () => Promise<void> },
): Promise<FinishedTurn> {
  const { clock, readsDurable } = deps;
  const budgetMs = Math.min(deps.methodBudgetMs, envelope.deadline - REPLY_MARGIN_MS - clock.now());
  const turn = new Turn(activation.state, { deadline: clock.now() + budgetMs, readsDurable });
  let cancelTimer = () => {};
  try {
    if (budgetMs <= 0) throw tooLate(envelope);
    const invoke = prepare(activation, envelope, deps);
    const overrun = new Promise<never>((_, reject) => {
      cancelTimer = clock.after(budgetMs, () => reject(overBudget(envelope, budgetMs)));
    });
    const result = await Promise.race([currentTurn.run(turn, () => invoke(turn)), overrun]);
    turn.close();
    checkTurnSize(turn);
    const outcome = succeeded(result, envelope.call.method);
    if (outcome.ok) {
      activation.state.fold(turn.draft.writes);
      return { outcome, writes: turn.draft.writes };
    }
    forgetObject(activation, turn);
    return { outcome, writes: NO_WRITES };
  } catch (error) {
    turn.close();
    forgetObject(activation, turn, error);
    report(envelope, error, deps.telemetry);
    return { outcome: failed(error), writes: NO_WRITES };
  } finally {
    cancelTimer();
  }
}

/** Everything that can refuse the envelope before user code runs. */
function prepare(
  activation: Activation,
  { to, call }: Envelope,
  { actors, env }: TurnDeps,
): (turn: Turn) => Promise<unknown> {
  const Actor = actors.get(to.type);
  if (!Actor) throw new ActorUnknownTypeError(`no actor of type "${to.type}" is deployed here`);
  const method = methodOf(Actor, call.method);
  const args = decode(call.args, `the arguments of ${call.method}`);
  if (!Array.isArray(args)) throw new CodecError(`the arguments of ${call.method} must be an array`);

  return async (turn) => {
    activation.object ??= new Actor(
      { id: to.name, storage: createStorage(activation.state, `${to.type} "${to.name}"`) },
      env,
    );
    const result = await Reflect.apply(method, activation.object, args);
    await turn.drain();
    return result;
  };
}

function checkTurnSize({ draft }: Turn): void {
  if (draft.writes.size > MAX_TURN_KEYS) {
    throw new StorageLimitError(
      `the turn wrote ${draft.writes.size} keys; at most ${MAX_TURN_KEYS} are allowed in one turn`,
    );
  }
}

/** Fields that reflect writes which were rolled back, or that stray code may still change, must not be seen again. */
function forgetObject(activation: Activation, turn: Turn, error?: unknown): void {
  if (!turn.draft.empty || error instanceof ActorMethodTimeoutError) activation.object = undefined;
}

/** What user code threw is news for its author; what the runtime refuses by name is its caller's. */
function report({ to, call }: Envelope, error: unknown, telemetry: Telemetry): void {
  if (error instanceof ActorError && error.effect === "refused") return;
  telemetry.problem("turn failed", {
    type: to.type,
    method: call.method,
    reason: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
}

function tooLate({ to, call }: Envelope): ActorDeadlineError {
  return new ActorDeadlineError(
    `${to.type}.${call.method} was not run: its caller's deadline came before its turn`,
  );
}

function overBudget({ to, call }: Envelope, budgetMs: number): ActorMethodTimeoutError {
  return new ActorMethodTimeoutError(
    `${to.type}.${call.method} ran longer than its budget of ${budgetMs} ms; nothing was committed`,
  );
}
