import type { Envelope } from "../ports/mailbox.ts";
import { utf8Length } from "./actor-id.ts";
import { decode, encode } from "./codec.ts";
import { messageId } from "./envelope-id.ts";
import {
  ActorCrashedError,
  CodecError,
  fromWireError,
  PayloadTooLargeError,
  toWireError,
  type WireError,
} from "./errors.ts";
import { FINGERPRINT_LENGTH } from "./fingerprint.ts";
import { ageOf, type Format, newerFormat } from "./format.ts";

/**
 * Outcome text. The first form says no number; those that follow begin with it, where the first has its tag. What stands for a long
 * outcome begins with `@` in its first form, and with `@`, the number and `@` in those that follow.
 */
export const OUTCOME_FORMAT: Format = {
  what: "an outcome",
  oldest: 1,
  newest: 1,
  written: 1,
  cure: "update stateful-actors here, then ask again under the same key",
  effect: "unknown",
};

/** Largest result, in UTF-8 bytes of codec text: a Lambda function answers at most 6 MB, envelope and escapes included. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024;

/** Longest name of a method in an error of a crash, in characters: the outcome must stay short enough for the head. */
const MAX_METHOD_NAME = 200;

/** How a turn ended: the result as codec text, or the error that its caller gets. */
export type Outcome =
  | { readonly ok: true; readonly result: string }
  | { readonly ok: false; readonly error: WireError };

/** An outcome on file: with the fingerprint of the call that it is the outcome of. */
export interface FiledOutcome {
  readonly fingerprint: string;
  readonly outcome: Outcome;
}

/**
 * The outcome of a turn whose result is `result`.
 *
 * @throws CodecError the result can't be encoded
 * @throws PayloadTooLargeError
 */
export function succeeded(result: unknown, method: string): Outcome {
  const text = encode(result, `the result of ${method}`);
  const bytes = utf8Length(text);
  if (bytes > MAX_RESULT_BYTES) {
    throw new PayloadTooLargeError(
      `the result of ${method} has ${bytes} bytes encoded; at most ${MAX_RESULT_BYTES} are allowed. Return it in parts`,
    );
  }
  return { ok: true, result: text };
}

/** The outcome of a turn that threw. */
export function failed(thrown: unknown, { exposeStacks = false } = {}): Outcome {
  return { ok: false, error: toWireError(thrown, { exposeStacks }) };
}

/** The outcome of a call that ended its worker each time: its message becomes a dead letter. */
export function crashed({ to, call, id, attempt }: Envelope, starts: number): Outcome {
  const method = `${to.type}.${call.method}`.slice(0, MAX_METHOD_NAME);
  const { name, message } = new ActorCrashedError(
    `${method} was begun ${starts} times, and each time its worker ended before it; nothing of it was committed, and it will not be tried again`,
  );
  return { ok: false, error: { name, message, deadLetter: messageId({ id, attempt }) } };
}

/** Why this message must become a dead letter, if `text` is the outcome of one that was given up. */
export function deadLetterReason(text: string, envelope: Envelope): string | undefined {
  // Whatever else stands in its place, an outcome like this is short and lies there itself.
  if (text.charAt(FINGERPRINT_LENGTH) !== "-") return undefined;
  const error = parseJson(text.slice(FINGERPRINT_LENGTH + 1));
  return isWireError(error) && error.deadLetter === messageId(envelope) ? error.message : undefined;
}

/**
 * Looks whether an outcome, or what stands for a long one, can be read here.
 *
 * @throws ActorFormatError
 */
export function checkOutcomeFormat(text: string): void {
  const at = text.startsWith("@") ? 1 : FINGERPRINT_LENGTH;
  const code = text.charCodeAt(at);
  // Nearly all: the tag of the first form is no digit.
  if (!(code >= 48 && code <= 57)) return;
  const number = Number(/^(?:@([1-9]\d{0,8})@|[0-9a-f]{12}([1-9]\d{0,8}))/.exec(text)?.slice(1).join(""));
  if (ageOf(OUTCOME_FORMAT, number) === "newer") throw newerFormat(OUTCOME_FORMAT, number);
}

/** Outcome text: the fingerprint, one tag, then the result's codec text or the error's JSON. Kept short: it lies in the head. */
export function encodeOutcome(outcome: Outcome, fingerprint: string): string {
  return fingerprint + (outcome.ok ? `+${outcome.result}` : `-${JSON.stringify(outcome.error)}`);
}

/**
 * @throws CodecError the text is not outcome text
 * @throws ActorFormatError it is of a newer format
 */
export function decodeOutcome(text: string): FiledOutcome {
  checkOutcomeFormat(text);
  const fingerprint = text.slice(0, FINGERPRINT_LENGTH);
  const tag = text.charAt(FINGERPRINT_LENGTH);
  const body = text.slice(FINGERPRINT_LENGTH + 1);
  if (tag === "+") return { fingerprint, outcome: { ok: true, result: body } };
  const error = tag === "-" ? parseJson(body) : undefined;
  if (isWireError(error)) return { fingerprint, outcome: { ok: false, error } };
  throw new CodecError(`a reply can't be read: it begins with ${JSON.stringify(text.slice(0, 24))}`);
}

/** The result of a call for its caller: the value, or the error thrown. */
export function resultOf(outcome: Outcome, method: string): unknown {
  if (!outcome.ok) throw fromWireError(outcome.error);
  return decode(outcome.result, `the result of ${method}`);
}

function isWireError(value: unknown): value is WireError {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as WireError).name === "string" &&
    typeof (value as WireError).message === "string"
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
