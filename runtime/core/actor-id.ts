import type { ActorId } from "../ports/mailbox.ts";
import { ActorNameError } from "./errors.ts";

/** Longest instance name, in UTF-8 bytes: as long as a sort key of DynamoDB, which it is in the index of names. */
const MAX_NAME_BYTES = 1024;

/** One text per instance. A type holds no slash, so two instances never share a key. */
export function actorKey({ type, name }: ActorId): string {
  return `${type}/${name}`;
}

/** The instance that `actorKey` made this text of: a type holds no slash, a name may. */
export function actorIdOf(key: string): ActorId {
  const slash = key.indexOf("/");
  return { type: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * Refuses what can't name an instance. Names are otherwise free text: two names that differ in one
 * code point are two instances, with no trimming and no normalisation.
 */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string") {
    throw new ActorNameError(`an instance name must be a string, not ${typeof name}`);
  }
  if (name === "") throw new ActorNameError("an instance name must not be empty");
  const bytes = utf8Length(name);
  if (bytes > MAX_NAME_BYTES) {
    throw new ActorNameError(
      `the instance name "${name.slice(0, 20)}…" has ${bytes} bytes; at most ${MAX_NAME_BYTES} are allowed. Use a hash or an id instead`,
    );
  }
  // Lone surrogates all become U+FFFD in UTF-8, so two different names would be one instance.
  if (!name.isWellFormed()) {
    throw new ActorNameError(`the instance name ${JSON.stringify(name)} holds half of a surrogate pair`);
  }
}

/** Length in UTF-8 bytes. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
