import type { Mark } from "../ports/mailbox.ts";

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

/** Whether two heads had seen the same of their mailbox. */
export function isSameMark(a: Mark | undefined, b: Mark | undefined): boolean {
  return a?.queue === b?.queue && a?.sequence === b?.sequence && (a?.index ?? 0) === (b?.index ?? 0);
}
