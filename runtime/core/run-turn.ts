import type { Clock } from "../ports/clock.ts";
import type { Envelope } from "../ports/mailbox.ts";
import type { Activation } from "./activation.ts";
import { decode } from "./codec.ts";
import {
  ActorDeadlineError,
  ActorMethodTimeoutError,
  ActorUnknownTypeError,
  CodecError,
  StorageLimitError,
} from "./errors.ts";
import { type ActorClass, methodOf } from "./method.ts";
import { failed, type Outcome, succeeded } from "./outcome.ts";
import { createStorage } from "./storage.ts";
import { currentTurn, Turn } from "./turn.ts";

/** How long a method may run, in ms. */
export const METHOD_BUDGET_MS = 30_000;
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
  readonly methodBudgetMs: number;
}

const NO_WRITES: ReadonlyMap<string, string | undefined> = new Map();

/** Executes one envelope on an activation. Never throws for what user code does. */
export async function runTurn(
  activation: Activation,
  envelope: Envelope,
  deps: TurnDeps & { readonly readsDurable: () => Promise<void> },
): Promise<FinishedTurn> {
  const { clock, methodBudgetMs, readsDurable } = deps;
  const turn = new Turn(activation.state, { deadline: clock.now() + methodBudgetMs, readsDurable });
  let cancelTimer = () => {};
  try {
    const invoke = prepare(activation, envelope, deps);
    const overrun = new Promise<never>((_, reject) => {
      cancelTimer = clock.after(methodBudgetMs, () => reject(overBudget(envelope, methodBudgetMs)));
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
    return { outcome: failed(error), writes: NO_WRITES };
  } finally {
    cancelTimer();
  }
}

/** Everything that can refuse the envelope before user code runs. */
function prepare(
  activation: Activation,
  { to, call, deadline }: Envelope,
  { actors, env, clock }: TurnDeps,
): (turn: Turn) => Promise<unknown> {
  const late = clock.now() - deadline;
  if (late > 0) {
    throw new ActorDeadlineError(
      `${to.type}.${call.method} was not run: its deadline passed ${late} ms before its turn`,
    );
  }
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

function overBudget({ to, call }: Envelope, budgetMs: number): ActorMethodTimeoutError {
  return new ActorMethodTimeoutError(
    `${to.type}.${call.method} ran longer than its budget of ${budgetMs} ms; nothing was committed`,
  );
}
