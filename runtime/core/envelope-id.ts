import type { ActorId, Envelope } from "../ports/mailbox.ts";
import { actorKey } from "./actor-id.ts";
import { digest } from "./fingerprint.ts";

/** First character of the ids of calls that may be asked for again long after their batch. */
const KEPT = "=";

/** The id of every call to this instance with this idempotency key. */
export function keyedId(to: ActorId, key: string): string {
  return KEPT + digest([actorKey(to), key], "base64url").slice(0, 22);
}

/** The id of a message that may be sent more than once. */
export function keptId(fresh: string): string {
  return KEPT + fresh;
}

/** Whether the outcome must stay findable until it is filed, also after its batch. */
export function isKept(id: string): boolean {
  return id.startsWith(KEPT);
}

/** The ids under which the outcome of an envelope can be: its call's, or its own where it was refused. */
export function outcomeIds({ id, attempt }: Pick<Envelope, "id" | "attempt">): string[] {
  return attempt === undefined ? [id] : [id, attempt];
}

/** What this one message is known by: others may ask for the same call. */
export function messageId({ id, attempt }: Pick<Envelope, "id" | "attempt">): string {
  return attempt ?? id;
}

/** Whether this can be the id of an envelope; ids come back from callers. */
export function isEnvelopeId(id: string): boolean {
  return /^=?[A-Za-z0-9_-]{1,36}$/.test(id);
}
