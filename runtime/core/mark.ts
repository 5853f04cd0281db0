import type { Mark } from "../ports/mailbox.ts";

/** Whether `a` comes after `b` in one mailbox; `undefined` when they don't compare. */
export function isAfter(a: Mark, b: Mark | undefined): boolean | undefined {
  if (b === undefined) return true;
  if (a.queue !== b.queue) return undefined;
  // Decimal digits without leading zeros: longer is larger, equal lengths compare as text.
  if (a.sequence.length !== b.sequence.length) return a.sequence.length > b.sequence.length;
  return a.sequence > b.sequence;
}
