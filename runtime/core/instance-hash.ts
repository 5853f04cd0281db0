import { hash } from "node:crypto";
import type { ActorId } from "../ports/mailbox.ts";
import { actorKey } from "./actor-id.ts";

const LENGTH = 12;

/**
 * A short mark of an instance, the same everywhere and always: with it one instance can be followed through logs that don't say its
 * name. It hides a name from the eye, not from whoever guesses it: `printf 'Account/ann' | sha256sum | cut -c1-12`.
 */
export function instanceHash(id: ActorId): string {
  return hash("sha256", actorKey(id), "hex").slice(0, LENGTH);
}
