import { createHash } from "node:crypto";
import type { ActorId } from "../ports/mailbox.ts";
import { actorKey } from "./actor-id.ts";

/** First character of the ids of calls that may be asked for again long after their batch. */
const KEPT = "=";

/** The id of every call to this instance with this idempotency key. */
export function keyedId(to: ActorId, key: string): string {
  return KEPT + digest(JSON.stringify([actorKey(to), key])).slice(0, 22);
}

/** The id of a message that may be sent more than once. */
export function keptId(fresh: string): string {
  return KEPT + fresh;
}

/** Whether the outcome must stay findable until it is filed, also after its batch. */
export function isKept(id: string): boolean {
  return id.startsWith(KEPT);
}

/** Whether this can be the id of an envelope; ids come back from callers. */
export function isEnvelopeId(id: string): boolean {
  return /^=?[A-Za-z0-9_-]{1,36}$/.test(id);
}

/** Digest in base64url: a call is told from another one by it. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
