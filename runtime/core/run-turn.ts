import type { Clock } from "../ports/clock.ts";
import type { Envelope } from "../ports/mailbox.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { aboutEnvelope } from "./about.ts";
import type { Activation } from "./activation.ts";
import { decode } from "./codec.ts";
import { type Changes, NO_CHANGES } from "./draft.ts";
import {
  ActorDeadlineError,
  ActorError,
  ActorFetchTimeoutError,
  ActorMethodTimeoutError,
  ActorUnknownTypeError,
  CodecError,
  messageOf,
  stackOf,
} from "./errors.ts";
import { readResponse, toRequest } from "./fetch-call.ts";
import { type ActorClass, methodOf } from "./method.ts";
import { failed, type Outcome, succeeded } from "./outcome.ts";
import type { StatefulActor } from "./stateful-actor.ts";
import { runUserCode, type UserCode, type UserCodeDeps } from "./user-code.ts";

/** How long a method may run, in ms; less when its caller's deadline comes first. */
export const METHOD_BUDGET_MS = 30_000;
/** Time kept before a caller's deadline for commit and reply, in ms: a clear failure in time beats no answer. */
const REPLY_MARGIN_MS = 1_000;

/** Most arguments of a call: a list may say that it is long without being so, and a method's parameters lie on the stack. */
const MAX_ARGUMENTS = 10_000;

/** What a turn leaves behind: its outcome, and what to commit (as a rule nothing when it failed). */
export interface FinishedTurn {
  readonly outcome: Outcome;
  readonly changes: Changes;
  /** False when it was refused before user code ran: then another attempt at the call may run. */
  readonly ran: boolean;
}

export interface TurnDeps extends UserCodeDeps {
  readonly actors: ReadonlyMap<string, ActorClass>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly methodBudgetMs: number;
  /** Whether what user code threw travels to its caller with its stack. */
  readonly exposeStacks: boolean;
}

/**
 * Executes one envelope on an activation. Never throws for what user code does.
 *
 * @param options.receives how often its message was received, for those who look at what went wrong
 * @param options.begin called before user code runs, if it does; what it throws comes back
 */
export async function runTurn(
  activation: Activation,
  envelope: Envelope,
  deps: TurnDeps,
  { receives, begin }: { receives?: number; begin?: (() => Promise<void>) | undefined } = {},
): Promise<FinishedTurn> {
  const { clock, exposeStacks } = deps;
  const budgetMs = Math.min(deps.methodBudgetMs, envelope.deadline - REPLY_MARGIN_MS - clock.now());
  const failure = (thrown: unknown, changes: Changes, ran: boolean): FinishedTurn => {
    report(thrown, { envelope, receives, version: activation.state.head.version, ran }, deps.telemetry);
    return { outcome: failed(thrown, { exposeStacks }), changes, ran };
  };
  let code: UserCode<Outcome>;
  try {
    if (budgetMs <= 0) throw tooLate(envelope);
    code = prepare(envelope, budgetMs, deps.actors);
  } catch (refusal) {
    return failure(refusal, NO_CHANGES, false);
  }
  if (begin) await begin();
  const ending = await runUserCode(activation, code, deps);
  if (!ending.ok) return failure(ending.thrown, ending.changes, true);
  return { outcome: ending.value, changes: ending.changes, ran: true };
}

/** Everything that can refuse the envelope before user code runs. */
function prepare(
  { to, call, chain, trace, awaited }: Envelope,
  budgetMs: number,
  actors: TurnDeps["actors"],
): UserCode<Outcome> {
  const Actor = classOf(to.type, actors);
  const method = call.kind === "fetch" ? undefined : methodOf(Actor, call.method);
  const args = decode(call.args, `the arguments of ${call.method}`);
  if (!Array.isArray(args)) throw new CodecError(`the arguments of ${call.method} must be an array`);
  if (args.length > MAX_ARGUMENTS) {
    throw new CodecError(
      `${to.type}.${call.method} was called with ${args.length} arguments; at most ${MAX_ARGUMENTS} are allowed, pass a list as one`,
      { effect: "refused" },
    );
  }
  return {
    Actor,
    budgetMs,
    chain,
    trace,
    call: (object, _, overrun) =>
      method ? Reflect.apply(method, object, args) : fetchFrom(object, args[0], overrun.signal),
    finish: (result) => succeeded(awaited ? result : undefined, call.method),
    allOrNothing: false,
    overBudget: () =>
      new (call.kind === "fetch" ? ActorFetchTimeoutError : ActorMethodTimeoutError)(
        `${to.type}.${call.method} ran longer than its budget of ${budgetMs} ms; nothing was committed`,
      ),
  };
}

async function fetchFrom(object: StatefulActor<unknown>, request: unknown, overrun: AbortSignal) {
  return readResponse(await object.fetch(toRequest(request, overrun)));
}

/**
 * @throws ActorUnknownTypeError
 */
export function classOf(type: string, actors: TurnDeps["actors"]): ActorClass {
  const Actor = actors.get(type);
  if (!Actor) throw new ActorUnknownTypeError(`no actor of type "${type}" is deployed here`);
  return Actor;
}

/** What user code threw is news for its author; what the runtime refuses by name is its caller's, if there is one. */
function report(
  error: unknown,
  { envelope, receives, version, ran }: FailedTurn,
  telemetry: Telemetry,
): void {
  if (ran) telemetry.count("TurnsFailed", { type: envelope.to.type });
  if (envelope.awaited && error instanceof ActorError && error.effect === "refused") return;
  telemetry.problem("turn failed", {
    ...aboutEnvelope(envelope),
    receives,
    version,
    reason: messageOf(error),
    stackTrace: thrownStack(error),
  });
}

interface FailedTurn {
  readonly envelope: Envelope;
  readonly receives: number | undefined;
  /** Of the head that it ran on. */
  readonly version: number;
  readonly ran: boolean;
}

/** The stack of what user code threw itself. */
export function thrownStack(error: unknown): string | undefined {
  return stackOf(error instanceof ActorError ? (error.cause ?? error) : error);
}

function tooLate({ to, call }: Envelope): ActorDeadlineError {
  return new ActorDeadlineError(
    `${to.type}.${call.method} was not run: its caller's deadline came before its turn`,
  );
}
