/**
 * What a failed call means for the caller:
 * - `refused`: nothing ran.
 * - `failed`: the turn ran and was rolled back.
 * - `unknown`: no answer in time; the call may still run.
 */
export type Effect = "refused" | "failed" | "unknown";

/** Base of every error that crosses the wire. Told apart by `name`. */
export abstract class ActorError extends Error {
  /** Whether the call took effect. */
  abstract readonly effect: Effect;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }

  /** Where this package tells its cause and cure. */
  get help(): string {
    return `docs/errors.md#${this.name.toLowerCase()}`;
  }
}

/** The method threw. Worker: reply with it and commit only the mark. */
export class ActorMethodError extends ActorError {
  static override readonly name = "ActorMethodError";
  readonly effect = "failed";
}

/** The method ran longer than its budget. Worker: reply, commit only the mark, drop the activation. */
export class ActorMethodTimeoutError extends ActorError {
  static override readonly name = "ActorMethodTimeoutError";
  readonly effect = "failed";
}

/** The fetch handler ran longer than its budget. Worker: reply, commit only the mark, drop the activation. */
export class ActorFetchTimeoutError extends ActorError {
  static override readonly name = "ActorFetchTimeoutError";
  readonly effect = "failed";
}

/** `blockConcurrencyWhile` took longer than the budget. Worker: reply, commit only the mark, drop the activation. */
export class BlockConcurrencyTimeoutError extends ActorError {
  static override readonly name = "BlockConcurrencyTimeoutError";
  readonly effect = "failed";
}

/**
 * Each run of the call ended its worker (out of memory, the process ended, the time of the function was over). Worker: reply with it,
 * commit only the mark, add the envelope to the dead letters.
 */
export class ActorCrashedError extends ActorError {
  static override readonly name = "ActorCrashedError";
  readonly effect = "failed";
}

/** A storage operation that nobody awaited failed, or a transaction threw. Worker: reply with it and commit only the mark. */
export class ActorOutputGateError extends ActorError {
  static override readonly name = "ActorOutputGateError";
  readonly effect = "failed";
}

/** `refused` when the call never left its caller. */
type DataErrorOptions = ErrorOptions & { effect?: "failed" | "refused" };

/** What is wrong with the data of a call: before it left (`refused`), or in its turn (`failed`). */
abstract class DataError extends ActorError {
  readonly effect: "failed" | "refused";

  constructor(message: string, { effect = "failed", ...options }: DataErrorOptions = {}) {
    super(message, options);
    this.effect = effect;
  }
}

/** A value can't be encoded or decoded; the message names the path. Worker: reply with it. */
export class CodecError extends DataError {
  static override readonly name = "CodecError";
}

/** A key, a value or a turn's writes are over a limit. Nothing was written. */
export class StorageLimitError extends ActorError {
  static override readonly name = "StorageLimitError";
  readonly effect = "failed";
}

/** A storage call belongs to no open turn of its instance: stray work, or code of another instance. */
export class StorageScopeError extends ActorError {
  static override readonly name = "StorageScopeError";
  readonly effect = "failed";
}

/** Arguments or a result are too large to travel. */
export class PayloadTooLargeError extends DataError {
  static override readonly name = "PayloadTooLargeError";
}

/** An option of a call (idempotency key, envelope id, delay) breaks its rule. Nothing was sent. */
export class ActorCallOptionError extends ActorError {
  static override readonly name = "ActorCallOptionError";
  readonly effect = "refused";
}

/** The idempotency key, or envelope id, belongs to a call of something else or with other arguments. This call was not run. */
export class ActorIdempotencyError extends ActorError {
  static override readonly name = "ActorIdempotencyError";
  readonly effect = "refused";
}

/** The name is not callable from outside: `_private`, `constructor`, `fetch`, inherited from the base. */
export class ActorPrivateMethodError extends ActorError {
  static override readonly name = "ActorPrivateMethodError";
  readonly effect = "refused";
}

/** The actor has no such method. */
export class ActorUnknownMethodError extends ActorError {
  static override readonly name = "ActorUnknownMethodError";
  readonly effect = "refused";
}

/** No actor of that type is bound here. */
export class ActorUnknownTypeError extends ActorError {
  static override readonly name = "ActorUnknownTypeError";
  readonly effect = "refused";
}

/** The text can't name an instance: empty, too long, or not well-formed Unicode. */
export class ActorNameError extends ActorError {
  static override readonly name = "ActorNameError";
  readonly effect = "refused";
}

/** The call would wait for an instance that already waits for it; names the chain. Nothing was sent. */
export class ActorCallCycleError extends ActorError {
  static override readonly name = "ActorCallCycleError";
  readonly effect = "refused";
}

/** The other program, to which the call should go, can't be reached or takes no calls. Nothing was sent. */
export class ActorConnectionError extends ActorError {
  static override readonly name = "ActorConnectionError";
  readonly effect = "refused";
}

/** The call's deadline passed before the instance came to it, and it was not run. */
export class ActorDeadlineError extends ActorError {
  static override readonly name = "ActorDeadlineError";
  readonly effect = "refused";
}

/** No answer came in time; the call may still run. Ask again with `stub.with({ envelopeId })`. */
export class ActorCallTimeoutError extends ActorError {
  static override readonly name = "ActorCallTimeoutError";
  readonly effect = "unknown";
  /** Asks for this very call again; `undefined` where it has no id to ask by. */
  readonly envelopeId: string | undefined;

  constructor(message: string, { envelopeId, ...options }: ErrorOptions & { envelopeId?: string } = {}) {
    super(message, options);
    this.envelopeId = envelopeId;
  }
}

/** Too much waits already, or too much for the call's deadline. Nothing was sent: it is safe to ask again, a little later. */
export class ActorOverloadedError extends ActorError {
  static override readonly name = "ActorOverloadedError";
  readonly effect = "refused";
}

/**
 * What was found was written by a later version of this package than the one that should read it. Nothing was changed. Worker: leave it
 * to the redelivery, which may come to a later version. `refused` when the call can't have run; `unknown` when its outcome can't be read.
 */
export class ActorFormatError extends ActorError {
  static override readonly name = "ActorFormatError";
  readonly effect: "refused" | "unknown";

  constructor(
    message: string,
    { effect = "unknown", ...options }: ErrorOptions & { effect?: Effect | undefined } = {},
  ) {
    super(message, options);
    this.effect = effect === "refused" ? effect : "unknown";
  }
}

/** An error as it travels: nothing of the server's internals but name and message, unless its stacks are exposed. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  /** Where the class does not tell. */
  readonly effect?: Effect;
  readonly cause?: WireCause;
  /** The attempt that was given up: the one whose envelope must become a dead letter. Only the runtime sets it. */
  readonly deadLetter?: string;
}

/** What the remote side threw, as it was there. */
export interface WireCause {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly cause?: WireCause;
}

const CLASSES = [
  ActorMethodError,
  ActorMethodTimeoutError,
  ActorFetchTimeoutError,
  ActorCrashedError,
  ActorOutputGateError,
  BlockConcurrencyTimeoutError,
  CodecError,
  StorageLimitError,
  StorageScopeError,
  PayloadTooLargeError,
  ActorPrivateMethodError,
  ActorUnknownMethodError,
  ActorUnknownTypeError,
  ActorNameError,
  ActorCallOptionError,
  ActorIdempotencyError,
  ActorConnectionError,
  ActorDeadlineError,
  ActorCallCycleError,
  ActorCallTimeoutError,
  ActorFormatError,
  ActorOverloadedError,
];
const BY_NAME: ReadonlyMap<
  string,
  new (
    message: string,
    options: { cause?: Error; effect?: "failed" | "refused" },
  ) => ActorError
> = new Map(CLASSES.map((each) => [each.name, each]));

/** Whether an error of this name is one of the runtime's own. */
export function isActorErrorName(name: string): boolean {
  return BY_NAME.has(name);
}

/** Longest stack that travels, in characters: it is kept as long as the outcome. */
const MAX_STACK = 4_000;
/** How many causes of causes travel. */
const MAX_CAUSES = 4;

/**
 * The wire form of whatever a turn threw; anything but the runtime's own errors is an `ActorMethodError`.
 *
 * @param exposeStacks whether what was thrown travels too, with its stack
 */
export function toWireError(thrown: unknown, { exposeStacks }: { exposeStacks: boolean }): WireError {
  const cause = exposeStacks ? wireCauseOf(thrown) : undefined;
  try {
    if (thrown instanceof ActorError) {
      return {
        name: String(thrown.name),
        message: messageOf(thrown),
        ...(thrown instanceof DataError && thrown.effect === "refused" && { effect: thrown.effect }),
        ...(cause && { cause }),
      };
    }
  } catch {
    // A proxy or a getter that throws: not one of ours.
  }
  return { name: ActorMethodError.name, message: messageOf(thrown), ...(cause && { cause }) };
}

function wireCauseOf(thrown: unknown): WireCause | undefined {
  try {
    return wireCause(thrown instanceof ActorError ? (thrown.cause ?? thrown) : thrown, MAX_CAUSES);
  } catch {
    return undefined;
  }
}

function wireCause(origin: unknown, depth: number): WireCause | undefined {
  const stack = stackOf(origin)?.slice(0, MAX_STACK);
  if (!(origin instanceof Error) || stack === undefined) return undefined;
  const cause = depth > 1 ? wireCause(origin.cause, depth - 1) : undefined;
  return { name: String(origin.name), message: messageOf(origin), stack, ...(cause && { cause }) };
}

/**
 * What user code threw, as the failure of its turn. The turn ran and is rolled back, so a refusal, or an unknown outcome, is
 * that of a call it made and must not tell this turn's caller that nothing happened, or that it may still run.
 */
export function failureOf(thrown: unknown): ActorError {
  try {
    if (thrown instanceof ActorError && thrown.effect === "failed" && isText(thrown.name, thrown.message)) {
      return thrown;
    }
  } catch {
    // A proxy or a getter that throws: nothing of it can be trusted.
  }
  return new ActorMethodError(messageOf(thrown), { cause: thrown });
}

function isText(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

/** The stack of whatever was thrown, if it can be read. */
export function stackOf(thrown: unknown): string | undefined {
  try {
    return thrown instanceof Error && isText(thrown.stack) ? thrown.stack : undefined;
  } catch {
    return undefined;
  }
}

/** The error that a caller gets for what came over the wire. */
export function fromWireError({ name, message, effect, cause }: WireError): ActorError {
  const Known = BY_NAME.get(name) ?? ActorMethodError;
  return new Known(message, {
    ...(cause && { cause: remoteError(cause) }),
    ...(effect === "refused" && { effect }),
  });
}

/** The remote side's error as an object here: its stack is the remote one. @param depth how many causes of causes are looked at */
function remoteError({ name, message, stack, cause }: WireCause, depth = MAX_CAUSES): Error {
  const error = new Error(message, cause && depth > 1 ? { cause: remoteError(cause, depth - 1) } : undefined);
  error.name = name;
  error.stack = stack;
  return error;
}

/** The message of whatever was thrown, also when it is no `Error` or lies about being one. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return "a value that can't be shown was thrown";
  }
}
