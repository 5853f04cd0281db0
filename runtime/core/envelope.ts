import type { ActorId, Envelope, TraceContext } from "../ports/mailbox.ts";
import { checkName } from "./actor-id.ts";
import { isEnvelopeId } from "./envelope-id.ts";
import { FINGERPRINT_LENGTH, isFingerprint } from "./fingerprint.ts";
import { ageOf, type Format, newerFormat } from "./format.ts";
import { traceContext } from "./trace-context.ts";
import { isWake, isWakeId, wakeOf } from "./wake.ts";

/**
 * The envelope's text. 2 brought attempts, fingerprints and one-way messages, before the first release. Fields that may be left out
 * need no new form: who does not know them leaves them out. `v`, `type` and `name` stay what they are in all that follow, so that
 * also who can't read an envelope knows whose it is.
 */
export const ENVELOPE_FORMAT: Format = {
  what: "an envelope",
  oldest: 2,
  newest: 2,
  written: 2,
  cure: "deploy the newer version here, too",
  effect: "refused",
};

/** The text in the mailbox is no envelope that this version understands. Worker: leave it to the dead-letter queue. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
}

/** The envelope as it lies in the mailbox. */
export function encodeEnvelope(envelope: Envelope): string {
  const { id, attempt, to, call, fingerprint, awaited, due, deadline, chain, trace } = envelope;
  return messageJson({
    v: ENVELOPE_FORMAT.written,
    id,
    ...(attempt !== undefined && { attempt }),
    type: to.type,
    name: to.name,
    ...(call.kind === "method" ? { method: call.method } : { kind: call.kind }),
    args: call.args,
    fingerprint,
    ...(!awaited && { oneWay: true }),
    ...(due !== undefined && { due }),
    deadline,
    ...(chain.length > 0 && { chain }),
    ...(trace !== undefined && { trace: trace.parent }),
    ...(trace?.state !== undefined && { traceState: trace.state }),
  });
}

/** JSON that a queue takes as it is: SQS refuses messages with two characters that JSON leaves alone. */
export function messageJson(value: unknown): string {
  const text = JSON.stringify(value);
  return /[\ufffe\uffff]/.test(text)
    ? text.replace(/[\ufffe\uffff]/g, (each) => `\\u${each.charCodeAt(0).toString(16)}`)
    : text;
}

/**
 * @throws EnvelopeError not JSON, a field missing or of the wrong shape
 * @throws ActorFormatError it is of a newer format
 * @throws ActorNameError
 */
export function decodeEnvelope(text: string): Envelope {
  return envelopeFrom(parseFields(text));
}

/**
 * The envelope with these fields.
 *
 * @throws EnvelopeError a field missing or of the wrong shape
 * @throws ActorFormatError it is of a newer format
 * @throws ActorNameError
 */
export function envelopeFrom(fields: Readonly<Record<string, unknown>>): Envelope {
  const age = ageOf(ENVELOPE_FORMAT, fields.v);
  // What does not say whose it is was forged, and needs no newer version.
  if (age === "newer" && addressOf(fields) !== undefined) throw newerFormat(ENVELOPE_FORMAT, fields.v);
  if (age !== "readable") {
    const { oldest, newest } = ENVELOPE_FORMAT;
    throw new EnvelopeError(
      `envelope format ${JSON.stringify(fields.v)} is not known here; those from ${oldest} to ${newest} are`,
    );
  }
  const own = (field: string): unknown => (Object.hasOwn(fields, field) ? fields[field] : undefined);
  const string = (field: string): string => {
    const value = own(field);
    if (typeof value !== "string") throw new EnvelopeError(`an envelope's "${field}" must be a string`);
    return value;
  };
  const number = (field: string): number => {
    const value = own(field);
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new EnvelopeError(`an envelope's "${field}" must be a number`);
    }
    return value;
  };
  const chain = own("chain") ?? [];
  if (!Array.isArray(chain) || !chain.every((key) => typeof key === "string")) {
    throw new EnvelopeError(`an envelope's "chain" must be a list of strings`);
  }
  const kind = own("kind") ?? "method";
  if (kind !== "method" && kind !== "fetch" && kind !== "alarm") {
    throw new EnvelopeError(
      `an envelope's "kind" must be "method", "fetch" or "alarm", not ${JSON.stringify(kind)}`,
    );
  }
  const trace = traceOf(own("trace"), own("traceState"));
  const envelope: Envelope = {
    id: string("id"),
    attempt: own("attempt") === undefined ? undefined : string("attempt"),
    to: { type: string("type"), name: string("name") },
    call: { kind, method: kind === "method" ? string("method") : kind, args: string("args") },
    fingerprint: string("fingerprint"),
    awaited: own("oneWay") !== true,
    due: own("due") === undefined ? undefined : number("due"),
    deadline: number("deadline"),
    chain,
    ...(trace !== undefined && { trace }),
  };
  if (isWake(envelope) && !wakeOf(envelope)) {
    throw new EnvelopeError(`a wake must have "due" and, as "args", the version of a head`);
  }
  checkShapes(envelope);
  return envelope;
}

/** What is no valid trace is none: no call is refused for it. */
function traceOf(parent: unknown, state: unknown): TraceContext | undefined {
  if (typeof parent !== "string") return undefined;
  return traceContext(parent, typeof state === "string" ? state : undefined);
}

/** Whose envelope a text is, of whatever format; `undefined` where it is none. */
export function addressIn(text: string): ActorId | undefined {
  try {
    return addressOf(parseFields(text));
  } catch {
    return undefined;
  }
}

function addressOf({ type, name }: Record<string, unknown>): ActorId | undefined {
  if (typeof type !== "string" || !isTypeName(type)) return undefined;
  try {
    checkName(name);
    return { type, name };
  } catch {
    return undefined;
  }
}

/**
 * A text that fits its field by type alone might take another one's place: a type with a slash another instance's key, an id
 * that is none a part of somebody's reply.
 */
function checkShapes(envelope: Envelope): void {
  const { id, attempt, to, fingerprint } = envelope;
  if (!isTypeName(to.type)) {
    throw new EnvelopeError(`an envelope's "type" must be the name of a class, not ${show(to.type)}`);
  }
  checkName(to.name);
  if (isWake(envelope)) {
    if (!isWakeId(id)) throw new EnvelopeError(`a wake's "id" must begin with !, not be ${show(id)}`);
    return;
  }
  for (const [field, text] of Object.entries({ id, attempt })) {
    if (text === undefined || isEnvelopeId(text)) continue;
    throw new EnvelopeError(
      `an envelope's "${field}" must be 1 to 36 letters, digits, - and _, not ${show(text)}`,
    );
  }
  if (!isFingerprint(fingerprint)) {
    throw new EnvelopeError(
      `an envelope's "fingerprint" must be ${FINGERPRINT_LENGTH} hexadecimal digits, not ${show(fingerprint)}`,
    );
  }
}

/** What a key can be taken apart at again. */
function isTypeName(type: string): boolean {
  return type !== "" && !type.includes("/");
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

/**
 * The fields of an envelope, or of what else may be in its place.
 *
 * @throws EnvelopeError not a JSON object
 */
export function parseFields(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) throw new Error("not an object");
    return parsed as Record<string, unknown>;
  } catch (error) {
    throw new EnvelopeError(
      `an envelope must be a JSON object: ${error instanceof Error ? error.message : error}`,
    );
  }
}
