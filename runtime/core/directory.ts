import type { DirectoryQuery, Snapshot } from "../ports/directory.ts";
import type { Head } from "../ports/store.ts";
import { afterPrefix, compareKeys } from "./key-order.ts";

/** An instance commits faster than its values can be read: there was no moment that they all belong to. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

/** Whether an instance is listed: what was deleted, or never stored anything, keeps a head, by which old messages are known. */
export function holdsAnything({ inline, spilled, alarm }: Head): boolean {
  return inline.size > 0 || spilled || alarm !== undefined;
}

/** The names that a query asks for: from the first to before the end, without the one that it names as last. */
export function nameRange({ prefix, after }: Pick<DirectoryQuery, "prefix" | "after">): {
  readonly from: string;
  readonly to: string | undefined;
} {
  const from = after !== undefined && compareKeys(after, prefix) > 0 ? after : prefix;
  return { from, to: afterPrefix(prefix) };
}

/** Values by key, in the order of the keys. */
export function inKeyOrder(values: readonly (readonly [key: string, text: string])[]): Snapshot["values"] {
  return new Map([...values].sort(([a], [b]) => compareKeys(a, b)));
}
