import type { Clock } from "../ports/clock.ts";
import type { Eventual } from "../ports/eventual.ts";
import type { TraceContext } from "../ports/mailbox.ts";
import type { Activation } from "./activation.ts";
import { actorKey } from "./actor-id.ts";
import { type Changes, isEmpty, NO_CHANGES, writtenBytes } from "./draft.ts";
import {
  ActorFetchTimeoutError,
  ActorMethodTimeoutError,
  BlockConcurrencyTimeoutError,
  failureOf,
  StorageLimitError,
  StorageScopeError,
} from "./errors.ts";
import type { ActorClass } from "./method.ts";
import type { ActorContext, StatefulActor } from "./stateful-actor.ts";
import { createStorage } from "./storage.ts";
import { currentTurn, Turn } from "./turn.ts";

/** Keys that one turn may write. */
const MAX_TURN_KEYS = 10_000;
/** What one turn may write, in UTF-8 bytes of keys and codec text: it is kept in memory and written twice. */
const MAX_TURN_BYTES = 32 * 1024 * 1024;

/** What a turn runs of the user's code, and in which bounds. */
export interface UserCode<T> {
  readonly Actor: ActorClass;
  /** In ms. */
  readonly budgetMs: number;
  /** Keys of the instances that wait for this turn. */
  readonly chain: readonly string[];
  /** The trace of the call, if it has one. */
  readonly trace?: TraceContext | undefined;
  /** Calls into the object, once it is built and nothing blocks it. `overrun` aborts when the budget is over; few ask for its signal. */
  readonly call: (object: StatefulActor<unknown>, turn: Turn, overrun: AbortController) => unknown;
  /** Makes of the result what the turn ends with; what it throws fails the turn. */
  readonly finish: (result: unknown, turn: Turn) => T;
  /** Whether a turn that fails commits nothing at all, as it will be made again; else what lies outside of a failed transaction. */
  readonly allOrNothing: boolean;
  /** The error of a turn that has run for its whole budget. */
  readonly overBudget: () => Error;
}

export interface UserCodeDeps {
  readonly env: unknown;
  readonly clock: Clock;
  /** Resolves when everything that earlier turns have left is durable. */
  readonly readsDurable: () => Eventual<void>;
}

/** How the user's code ended, and what is to be committed (as a rule nothing when it failed). */
export type Ending<T> =
  | { readonly ok: true; readonly value: T; readonly changes: Changes }
  | { readonly ok: false; readonly thrown: unknown; readonly changes: Changes };

/** Runs user code as a turn on an activation. Never throws for what user code does. */
export async function runUserCode<T>(
  activation: Activation,
  { Actor, budgetMs, chain, trace, call, finish, allOrNothing, overBudget }: UserCode<T>,
  { env, clock, readsDurable }: UserCodeDeps,
): Promise<Ending<T>> {
  const turn = new Turn(activation.state, {
    deadline: clock.now() + budgetMs,
    chain: [...chain, actorKey(activation.id)],
    trace,
    readsDurable,
  });
  const overrun = new AbortController();
  let cancelTimer = () => {};
  try {
    const result = await new Promise<unknown>((resolve, reject) => {
      cancelTimer = clock.after(budgetMs, () => {
        const error = turn.blocked ? blockedTooLong(activation, budgetMs) : overBudget();
        reject(error);
        overrun.abort(error);
      });
      const execute = async () => {
        try {
          activation.object ??= new Actor(contextOf(activation), env);
          const { object } = activation;
          if (turn.blocked) await turn.unblocked();
          const result = await call(object, turn, overrun);
          await turn.drain(clock);
          resolve(result);
        } catch (thrown) {
          reject(failureOf(thrown));
        }
      };
      void currentTurn.run(turn, execute);
    });
    turn.close();
    checkTurnSize(turn.draft);
    if (turn.poisoned) throw turn.poisoned;
    const value = finish(result, turn);
    activation.state.fold(turn.draft);
    return { ok: true, value, changes: turn.draft };
  } catch (error) {
    turn.close();
    const thrown = turn.poisoned ?? error;
    if (!isEmpty(turn.draft) || turn.blocked || turn.poisoned || isOverrun(error)) forgetObject(activation);
    // A transaction that threw fails the call, but what was written outside of it still commits.
    if (error !== turn.poisoned || allOrNothing) return { ok: false, thrown, changes: NO_CHANGES };
    const { cleared, writes, alarm } = turn.draft;
    const changes = { ...NO_CHANGES, cleared, writes, alarm };
    activation.state.fold(changes);
    return { ok: false, thrown, changes };
  } finally {
    cancelTimer();
  }
}

function contextOf({ id, state }: Activation): ActorContext {
  const instance = `${id.type} "${id.name}"`;
  const storage = createStorage(state, instance);
  return {
    id: id.name,
    storage,
    setAlarm: storage.setAlarm,
    blockConcurrencyWhile(body) {
      const turn = currentTurn.getStore();
      if (turn?.state === state && turn.open) return turn.block(body);
      return Promise.reject(
        new StorageScopeError(`blockConcurrencyWhile of ${instance} was used outside of its turns`),
      );
    },
  };
}

function checkTurnSize({ writes }: Changes): void {
  if (writes.size > MAX_TURN_KEYS) {
    throw new StorageLimitError(
      `the turn wrote ${writes.size} keys; at most ${MAX_TURN_KEYS} are allowed in one turn`,
    );
  }
  const bytes = writtenBytes(writes);
  if (bytes > MAX_TURN_BYTES) {
    throw new StorageLimitError(
      `the turn wrote ${bytes} bytes; at most ${MAX_TURN_BYTES} are allowed in one turn`,
    );
  }
}

/** Fields that reflect writes which were rolled back, or that stray code may still change, must not be seen again. */
function forgetObject(activation: Activation): void {
  activation.object = undefined;
}

function isOverrun(error: unknown): boolean {
  return [ActorMethodTimeoutError, ActorFetchTimeoutError, BlockConcurrencyTimeoutError].some(
    (kind) => error instanceof kind,
  );
}

function blockedTooLong({ id }: Activation, budgetMs: number): BlockConcurrencyTimeoutError {
  return new BlockConcurrencyTimeoutError(
    `blockConcurrencyWhile of ${id.type} did not settle within ${budgetMs} ms; nothing was committed`,
  );
}
