import { hash } from "node:crypto";
import type { ActorId } from "../ports/mailbox.ts";
import { actorKey } from "./actor-id.ts";

/** Length of a fingerprint, in characters. */
export const FINGERPRINT_LENGTH = 12;

/** A short digest of what is asked of whom: 48 bits, enough to find out a mistake. */
export function fingerprintOf(to: ActorId, asked: readonly string[]): string {
  return digest([actorKey(to), ...asked], "hex").slice(0, FINGERPRINT_LENGTH);
}

/** Whether this can be a fingerprint: one of another length would make an outcome that nobody can read. */
export function isFingerprint(text: string): boolean {
  return text.length === FINGERPRINT_LENGTH && /^[0-9a-f]+$/.test(text);
}

/** The digest of several texts, told apart. */
export function digest(texts: readonly string[], encoding: "hex" | "base64url"): string {
  let joined = "";
  for (const text of texts) joined += `${text.length}:${text}`;
  return hash("sha256", joined, encoding);
}
