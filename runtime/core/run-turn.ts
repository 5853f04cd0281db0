import type { Clock } from "../ports/clock.ts";
import type { Envelope } from "../ports/mailbox.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Activation } from "./activation.ts";
import { actorKey } from "./actor-id.ts";
import { decode } from "./codec.ts";
import { type Changes, isEmpty, NO_CHANGES, writtenBytes } from "./draft.ts";
import {
  ActorDeadlineError,
  ActorError,
  ActorFetchTimeoutError,
  ActorMethodTimeoutError,
  ActorUnknownTypeError,
  BlockConcurrencyTimeoutError,
  CodecError,
  failureOf,
  messageOf,
  StorageLimitError,
  StorageScopeError,
  stackOf,
} from "./errors.ts";
import { readResponse, toRequest } from "./fetch-call.ts";
import { type ActorClass, methodOf } from "./method.ts";
import { failed, type Outcome, succeeded } from "./outcome.ts";
import type { ActorContext } from "./stateful-actor.ts";
import { createStorage } from "./storage.ts";
import { currentTurn, Turn } from "./turn.ts";

/** How long a method may run, in ms; less when its caller's deadline comes first. */
export const METHOD_BUDGET_MS = 30_000;
/** Time kept before a caller's deadline for commit and reply, in ms: a clear failure in time beats no answer. */
const REPLY_MARGIN_MS = 1_000;
/** Keys that one turn may write. */
const MAX_TURN_KEYS = 10_000;
/** What one turn may write, in UTF-8 bytes of keys and codec text: it is kept in memory and written twice. */
const MAX_TURN_BYTES = 32 * 1024 * 1024;

/** What a turn leaves behind: its outcome, and what to commit (as a rule nothing when it failed). */
export interface FinishedTurn {
  readonly outcome: Outcome;
  readonly changes: Changes;
  /** False when it was refused before user code ran: then another attempt at the call may run. */
  readonly ran: boolean;
}

export interface TurnDeps {
  readonly actors: ReadonlyMap<string, ActorClass>;
  readonly env: unknown;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly methodBudgetMs: number;
  /** Whether what user code threw travels to its caller with its stack. */
  readonly exposeStacks: boolean;
}

/** Executes one envelope on an activation. Never throws for what user code does. */
export async function runTurn(
  activation: Activation,
  envelope: Envelope,
  deps: TurnDeps & { readonly readsDurable: () => Promise<void> },
): Promise<FinishedTurn> {
  const { clock, readsDurable, exposeStacks, telemetry } = deps;
  const budgetMs = Math.min(deps.methodBudgetMs, envelope.deadline - REPLY_MARGIN_MS - clock.now());
  const chain = [...envelope.chain, actorKey(envelope.to)];
  const turn = new Turn(activation.state, { deadline: clock.now() + budgetMs, chain, readsDurable });
  const overrun = new AbortController();
  let ran = false;
  let cancelTimer = () => {};
  try {
    if (budgetMs <= 0) throw tooLate(envelope);
    const invoke = prepare(activation, envelope, { ...deps, overrun: overrun.signal });
    ran = true;
    const tooLong = new Promise<never>((_, reject) => {
      cancelTimer = clock.after(budgetMs, () => {
        const error = overBudget(turn, envelope, budgetMs);
        reject(error);
        overrun.abort(error);
      });
    });
    const result = await Promise.race([currentTurn.run(turn, () => invoke(turn)), tooLong]);
    turn.close();
    checkTurnSize(turn.draft);
    if (turn.poisoned) throw turn.poisoned;
    const outcome = succeeded(envelope.awaited ? result : undefined, envelope.call.method);
    activation.state.fold(turn.draft);
    return { outcome, changes: turn.draft, ran };
  } catch (error) {
    turn.close();
    const thrown = turn.poisoned ?? error;
    report(envelope, thrown, telemetry);
    const outcome = failed(thrown, { exposeStacks });
    if (!isEmpty(turn.draft) || turn.blocked || turn.poisoned || isOverrun(error)) forgetObject(activation);
    // A transaction that threw fails the call, but what was written outside of it still commits.
    if (error !== turn.poisoned) return { outcome, changes: NO_CHANGES, ran };
    const changes = { ...NO_CHANGES, cleared: turn.draft.cleared, writes: turn.draft.writes };
    activation.state.fold(changes);
    return { outcome, changes, ran };
  } finally {
    cancelTimer();
  }
}

/** Everything that can refuse the envelope before user code runs. */
function prepare(
  activation: Activation,
  { to, call }: Envelope,
  { actors, env, overrun }: TurnDeps & { readonly overrun: AbortSignal },
): (turn: Turn) => Promise<unknown> {
  const Actor = actors.get(to.type);
  if (!Actor) throw new ActorUnknownTypeError(`no actor of type "${to.type}" is deployed here`);
  const method = call.kind === "fetch" ? undefined : methodOf(Actor, call.method);
  const args = decode(call.args, `the arguments of ${call.method}`);
  if (!Array.isArray(args)) throw new CodecError(`the arguments of ${call.method} must be an array`);

  return async (turn) => {
    try {
      activation.object ??= new Actor(contextOf(activation), env);
      const { object } = activation;
      await turn.unblocked();
      const result = method
        ? await Reflect.apply(method, object, args)
        : await readResponse(await object.fetch(toRequest(args[0], overrun)));
      await turn.drain();
      return result;
    } catch (thrown) {
      throw failureOf(thrown);
    }
  };
}

function contextOf({ id, state }: Activation): ActorContext {
  const instance = `${id.type} "${id.name}"`;
  return {
    id: id.name,
    storage: createStorage(state, instance),
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

/** What user code threw is news for its author; what the runtime refuses by name is its caller's, if there is one. */
function report({ to, call, awaited }: Envelope, error: unknown, telemetry: Telemetry): void {
  if (awaited && error instanceof ActorError && error.effect === "refused") return;
  telemetry.problem("turn failed", {
    type: to.type,
    method: call.method,
    reason: messageOf(error),
    stack: stackOf(error instanceof ActorError ? (error.cause ?? error) : error),
  });
}

function tooLate({ to, call }: Envelope): ActorDeadlineError {
  return new ActorDeadlineError(
    `${to.type}.${call.method} was not run: its caller's deadline came before its turn`,
  );
}

function overBudget(turn: Turn, { to, call }: Envelope, budgetMs: number): Error {
  return turn.blocked
    ? new BlockConcurrencyTimeoutError(
        `blockConcurrencyWhile of ${to.type} did not settle within ${budgetMs} ms; nothing was committed`,
      )
    : new (call.kind === "fetch" ? ActorFetchTimeoutError : ActorMethodTimeoutError)(
        `${to.type}.${call.method} ran longer than its budget of ${budgetMs} ms; nothing was committed`,
      );
}
