import type { Envelope } from "../ports/mailbox.ts";

/** Version of the envelope's text. A worker refuses what is newer than itself. */
const FORMAT = 2;

/** The text in the mailbox is no envelope that this version understands. Worker: leave it to the dead-letter queue. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
}

/** The envelope as it lies in the mailbox. */
export function encodeEnvelope(envelope: Envelope): string {
  const { id, attempt, to, call, fingerprint, awaited, due, deadline, chain } = envelope;
  return JSON.stringify({
    v: FORMAT,
    id,
    ...(attempt !== undefined && { attempt }),
    type: to.type,
    name: to.name,
    ...(call.kind === "fetch" ? { kind: "fetch" } : { method: call.method }),
    args: call.args,
    fingerprint,
    ...(!awaited && { oneWay: true }),
    ...(due !== undefined && { due }),
    deadline,
    ...(chain.length > 0 && { chain }),
  });
}

/**
 * @throws EnvelopeError not JSON, a field missing or of the wrong type, or a newer format
 */
export function decodeEnvelope(text: string): Envelope {
  const fields = parse(text);
  if (fields.v !== FORMAT) {
    throw new EnvelopeError(
      `envelope format ${JSON.stringify(fields.v)} is not known here; this worker reads ${FORMAT}`,
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
  if (kind !== "method" && kind !== "fetch") {
    throw new EnvelopeError(`an envelope's "kind" must be "method" or "fetch", not ${JSON.stringify(kind)}`);
  }
  return {
    id: string("id"),
    attempt: own("attempt") === undefined ? undefined : string("attempt"),
    to: { type: string("type"), name: string("name") },
    call: { kind, method: kind === "fetch" ? "fetch" : string("method"), args: string("args") },
    fingerprint: string("fingerprint"),
    awaited: own("oneWay") !== true,
    due: own("due") === undefined ? undefined : number("due"),
    deadline: number("deadline"),
    chain,
  };
}

function parse(text: string): Record<string, unknown> {
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
