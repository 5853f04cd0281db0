import { utf8Length } from "./actor-id.ts";
import { decode, encode } from "./codec.ts";
import { CodecError, fromWireError, PayloadTooLargeError, toWireError, type WireError } from "./errors.ts";
import { FINGERPRINT_LENGTH } from "./fingerprint.ts";

/** Largest result, in UTF-8 bytes of codec text: a Lambda function answers at most 6 MB, envelope and escapes included. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024;

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

/** Outcome text: the fingerprint, one tag, then the result's codec text or the error's JSON. Kept short: it lies in the head. */
export function encodeOutcome(outcome: Outcome, fingerprint: string): string {
  return fingerprint + (outcome.ok ? `+${outcome.result}` : `-${JSON.stringify(outcome.error)}`);
}

/**
 * @throws CodecError the text is not outcome text
 */
export function decodeOutcome(text: string): FiledOutcome {
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
