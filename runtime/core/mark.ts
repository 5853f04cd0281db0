import type { Mark } from "../ports/mailbox.ts";
import type { Head } from "../ports/store.ts";

/**
 * Whether `a` comes after `b` in one mailbox; `undefined` when they don't compare. A place is that of a message, then that of an envelope
 * in it. A mark without an index, as that of an envelope by itself, has passed the first one alone.
 */
export function isAfter(a: Mark, b: Mark | undefined): boolean | undefined {
  if (b === undefined) return true;
  if (a.queue !== b.queue) return undefined;
  // Decimal digits without leading zeros: longer is larger, equal lengths compare as text.
  if (a.sequence.length !== b.sequence.length) return a.sequence.length > b.sequence.length;
  if (a.sequence !== b.sequence) return a.sequence > b.sequence;
  return (a.index ?? 0) > (b.index ?? 0);
}

/**
 * Whether two heads of one instance are of the same commit: they have the same version, and have seen the same of their mailbox. A table
 * that was restored from a backup gives versions out a second time, but no queue gives a place twice.
 */
export function isSameCommit(a: Committed, b: Committed): boolean {
  return a.version === b.version && isSameMark(a.mark, b.mark);
}

/** What tells a commit of turns from every other one of its instance. */
export type Committed = Pick<Head, "version" | "mark">;

function isSameMark(a: Mark | undefined, b: Mark | undefined): boolean {
  return a?.queue === b?.queue && a?.sequence === b?.sequence && (a?.index ?? 0) === (b?.index ?? 0);
}
