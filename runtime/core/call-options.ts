import { isEnvelopeId } from "./envelope-id.ts";
import { ActorCallOptionError } from "./errors.ts";

/** How a call is made: `stub.with(options).method(…)`. */
export interface CallOptions {
  /**
   * Names the call: a further call with this key gives the first one's outcome instead of running again, for as long as
   * replies are kept (24 hours unless set otherwise). 1 to 255 characters; counts per instance.
   */
  readonly idempotencyKey?: string;
  /** Asks again for a call whose outcome is unknown: the `envelopeId` of its `ActorCallTimeoutError`. */
  readonly envelopeId?: string;
  /** How long a one-way message waits before it is delivered, in ms: 0 to 900,000 (15 minutes). Only for `send`. */
  readonly delayMs?: number;
}

const MAX_KEY_LENGTH = 255;
/** The longest delay that SQS gives, in ms. */
export const MAX_DELAY_MS = 900_000;

/**
 * @throws ActorCallOptionError
 */
export function checkCallOptions(options: CallOptions): CallOptions {
  const { idempotencyKey, envelopeId, delayMs } = options;
  if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey);
  // An error of another kind has none, and without one the call would simply be made again.
  if (Object.hasOwn(options, "envelopeId") && !(typeof envelopeId === "string" && isEnvelopeId(envelopeId))) {
    throw new ActorCallOptionError(
      `the envelopeId ${show(envelopeId)} names no envelope; pass on the envelopeId of an ActorCallTimeoutError as it is`,
    );
  }
  if (idempotencyKey !== undefined && envelopeId !== undefined) {
    throw new ActorCallOptionError(
      "a call has an idempotencyKey or an envelopeId, not both; to ask again for a call with a key, use the key",
    );
  }
  if (delayMs !== undefined && !(Number.isFinite(delayMs) && delayMs >= 0 && delayMs <= MAX_DELAY_MS)) {
    throw new ActorCallOptionError(
      `a delayMs of ${show(delayMs)} is not possible: it is a number from 0 to ${MAX_DELAY_MS} (15 minutes)`,
    );
  }
  return options;
}

/**
 * @throws ActorCallOptionError
 */
export function checkIdempotencyKey(key: string): void {
  if (typeof key === "string" && key !== "" && key.length <= MAX_KEY_LENGTH && key.isWellFormed()) return;
  throw new ActorCallOptionError(
    `the idempotency key ${show(key)} is not possible: it is a text of 1 to ${MAX_KEY_LENGTH} characters, such as a UUID`,
  );
}

function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}… (${text.length} characters)`;
}
