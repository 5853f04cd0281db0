import type { Envelope } from "../ports/mailbox.ts";

/** Version of the envelope's text. A worker refuses what is newer than itself. */
const FORMAT = 1;

/** The text in the mailbox is no envelope that this version understands. Worker: leave it to the dead-letter queue. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
}

/** The envelope as it lies in the mailbox. */
export function encodeEnvelope({ id, to, call, deadline, chain }: Envelope): string {
  return JSON.stringify({
    v: FORMAT,
    id,
    type: to.type,
    name: to.name,
    method: call.method,
    args: call.args,
    deadline,
    ...(chain.length > 0 && { chain }),
  });
}

/**
 * @throws EnvelopeError not JSON, a field missing or of the wrong type, or a newer format
 */
export function decodeEnvelope(text: string): Envelope {
  let fields: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) throw new Error("not an object");
    fields = parsed as Record<string, unknown>;
  } catch (error) {
    throw new EnvelopeError(
      `an envelope must be a JSON object: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (fields.v !== FORMAT) {
    throw new EnvelopeError(
      `envelope format ${JSON.stringify(fields.v)} is not known here; this worker reads ${FORMAT}`,
    );
  }
  const string = (field: string): string => {
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (typeof value !== "string") throw new EnvelopeError(`an envelope's "${field}" must be a string`);
    return value;
  };
  if (typeof fields.deadline !== "number" || !Number.isFinite(fields.deadline)) {
    throw new EnvelopeError(`an envelope's "deadline" must be a number`);
  }
  const { chain = [] } = fields;
  if (!Array.isArray(chain) || !chain.every((key) => typeof key === "string")) {
    throw new EnvelopeError(`an envelope's "chain" must be a list of strings`);
  }
  return {
    id: string("id"),
    to: { type: string("type"), name: string("name") },
    call: { method: string("method"), args: string("args") },
    deadline: fields.deadline,
    chain,
  };
}
