import { actorKey } from "../../core/actor-id.ts";
import type { ActorId } from "../../ports/mailbox.ts";

/*
 * The actor table: partition key `actor`, sort key `entry`.
 *
 *   head                              the one record that every commit replaces
 *   v/<generation>/<key>              a value of its own
 *   j/<version>/<attempt>/<part>      a part of a commit too large for one transaction, made from <version>
 *
 * Numbers are padded, so that text order is number order. The longest sort key takes 11 of 1,024 bytes besides the user's key.
 */

export const HEAD = "head";

export function itemKey(id: ActorId, entry: string) {
  return { actor: { S: actorKey(id) }, entry: { S: entry } };
}

export function valueEntry(generation: number, key: string): string {
  return `${generationPrefix(generation)}${key}`;
}

export function generationPrefix(generation: number): string {
  return `v/${generation.toString(36).padStart(8, "0")}/`;
}

/** Sorts after every entry that begins with `prefix`, which ends in a slash. */
export function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`;
}

/** Beginning of the parts of every commit made from `version`. */
export function journalPrefix(version: number): string {
  return `j/${version.toString(36).padStart(11, "0")}/`;
}

export function journalPart(prefix: string, part: number): string {
  return `${prefix}${part.toString().padStart(6, "0")}`;
}
