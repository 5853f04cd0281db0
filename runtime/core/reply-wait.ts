/** The time that a warm call needs, in ms. */
const FIRST_GAP_MS = 20;
const GROWTH = 1.5;
const LONGEST_GAP_MS = 400;
/** The part of its gap by which a look may come early. */
const EARLY = 1 / 4;

/** The next look for a reply. Times are in ms since the epoch. */
export interface PlannedLook {
  /** When to look. */
  readonly at: number;
  /** From when on it may be taken along with the look of another wait. */
  readonly from: number;
  /** The gap that this look ends, in ms. */
  readonly gap: number;
}

/**
 * When to look for a reply next: first after the time a warm call needs, then with growing gaps, so that a quick call is
 * answered quickly and a slow one costs few reads. A look at the deadline or after it is the last one; it is never early.
 *
 * @param previous the look that was made `now`; none when the wait begins
 */
export function nextLook(
  previous: PlannedLook | undefined,
  { now, deadline }: { readonly now: number; readonly deadline: number },
): PlannedLook {
  const gap = previous ? Math.min(Math.round(previous.gap * GROWTH), LONGEST_GAP_MS) : FIRST_GAP_MS;
  if (deadline - now <= gap) return { at: deadline, from: deadline, gap };
  return { at: now + gap, from: now + gap * (1 - EARLY), gap };
}
