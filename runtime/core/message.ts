import type { ActorId, Envelope } from "../ports/mailbox.ts";
import { actorKey, utf8Length } from "./actor-id.ts";
import { NO_DEADLINE } from "./deadline.ts";
import { EnvelopeError, encodeEnvelope, envelopeFrom, messageJson, parseFields } from "./envelope.ts";

/*
 * What one message of a queue holds: an envelope by itself, or a pack of several for the same instance, in order.
 *
 *   {"v":2,"id":"…","type":"Counter","name":"a",…}                    an envelope
 *   {"v":3,"type":"Counter","name":"a","pack":[{"v":2,…},{"v":2,…}]}  a pack: the texts of its envelopes as they are
 *
 * The numbers are of one row with those of envelopes (`ENVELOPE_FORMAT`): who knows no packs takes one for an envelope of a newer
 * format, sees whose it is, and leaves it to others, with all that is behind it.
 */
const PACK_FORMAT = 3;

/**
 * Most envelopes of a pack. An event source hands out ten messages of an instance at a time, and takes its time between two batches:
 * docs/performance.md has what comes of ten, twenty and fifty. What twenty bring, 200 outcomes a batch, still lies in one head.
 */
export const PACK_ENVELOPES = 20;
/** Most bytes of a pack, in UTF-8: SQS charges a request for every 64 KB, so that more would save nothing. */
export const PACK_BYTES = 64_000;
/** Most envelopes of a pack that is read: a later version may send more of them, but beyond this only under another number. */
const READ_ENVELOPES = 100;

/**
 * Whether this envelope may share a message with others of its instance: a call that somebody waits for. Its deadline comes before the
 * lease of a worker that has died of it, or of one beside it, so that no pack is received again and again; and what is due later
 * comes through the delay queue by itself.
 */
export function mayBePacked({ awaited, due, deadline }: Envelope): boolean {
  return awaited && due === undefined && deadline !== NO_DEADLINE;
}

/** Bytes of a pack beside its envelopes, in UTF-8, but for the commas between them. */
export function packOverhead(to: ActorId): number {
  return utf8Length(encodePack(to, []));
}

/** The pack of envelopes of one instance. @param envelopes as texts */
export function encodePack({ type, name }: ActorId, envelopes: readonly string[]): string {
  const address = messageJson({ v: PACK_FORMAT, type, name }).slice(0, -1);
  return `${address},"pack":[${envelopes.join(",")}]}`;
}

/** The message that holds these envelopes of one instance, in order. */
export function encodeMessage(envelopes: readonly [Envelope, ...Envelope[]]): string {
  const [first, ...others] = envelopes;
  return others.length === 0 ? encodeEnvelope(first) : encodePack(first.to, envelopes.map(encodeEnvelope));
}

/**
 * The envelopes in a message, in order: all of one instance.
 *
 * @throws EnvelopeError it is neither an envelope nor a pack of envelopes
 * @throws ActorFormatError it, or an envelope in it, is of a newer format
 * @throws ActorNameError
 */
export function decodeMessage(text: string): [Envelope, ...Envelope[]] {
  const fields = parseFields(text);
  if (fields.v !== PACK_FORMAT || !Object.hasOwn(fields, "pack")) return [envelopeFrom(fields)];
  const [first, ...others] = Array.isArray(fields.pack) ? fields.pack : [];
  if (first === undefined || others.length >= READ_ENVELOPES) {
    throw new EnvelopeError(`a message's "pack" must be a list of 1 to ${READ_ENVELOPES} envelopes`);
  }
  const envelopes: [Envelope, ...Envelope[]] = [packedEnvelope(first), ...others.map(packedEnvelope)];
  const stray = envelopes.find(({ to }) => to.type !== fields.type || to.name !== fields.name);
  if (stray) {
    throw new EnvelopeError(`a pack must be for the instance that it names, not for ${actorKey(stray.to)}`);
  }
  return envelopes;
}

function packedEnvelope(fields: unknown): Envelope {
  if (typeof fields === "object" && fields !== null) return envelopeFrom(fields as Record<string, unknown>);
  throw new EnvelopeError(`a pack must hold envelopes, not ${JSON.stringify(fields)?.slice(0, 64)}`);
}
