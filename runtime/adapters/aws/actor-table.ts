import { actorKey } from "../../core/actor-id.ts";
import { digest } from "../../core/fingerprint.ts";
import type { ActorId } from "../../ports/mailbox.ts";

/*
 * The actor table: partition key `actor`, sort key `entry`.
 *
 *   head                              the one record that every commit replaces
 *   v/<generation>/<key>              a value of its own
 *   j/<version>/<attempt>/<part>      a part of a commit too large for one transaction, made from <version>
 *
 * Numbers are padded, so that text order is number order. The longest sort key takes 11 of 1,024 bytes besides the user's key.
 *
 * Beside the instances lies the index of their names: partition key `index#<Type>#<bucket>`, sort key the name as it is, which
 * may be as long as a sort key. An instance's partition key always holds a slash, and that of the index never.
 */

export const HEAD = "head";

export function itemKey(id: ActorId, entry: string) {
  return { actor: { S: actorKey(id) }, entry: { S: entry } };
}

/**
 * How many partitions share the names of a type: each takes 1,000 writes a second, and so that many creations. A name stays in its
 * bucket for good, so this can't change.
 */
const BUCKETS = 8;

/** Partition keys of the index of a type. */
export function indexPartitions(type: string): string[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => `index#${type}#${bucket}`);
}

/** Where the index has an instance. */
export function indexKey({ type, name }: ActorId) {
  const bucket = Number.parseInt(digest([name], "hex").slice(0, 8), 16) % BUCKETS;
  return { actor: { S: `index#${type}#${bucket}` }, entry: { S: name } };
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
