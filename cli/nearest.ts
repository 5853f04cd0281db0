import { slipsBetween } from "../runtime/core/near-name.ts";

/**
 * The candidate that was most likely meant by `written`: the one it shortens or lengthens, or the one with the fewest
 * slips of the finger (a letter too many, too few, wrong, or two swapped), at most one in three letters.
 */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  const word = written.toLowerCase();
  let best: { candidate: string; slips: number } | undefined;
  for (const candidate of candidates) {
    const slips = slipsBetween(word, candidate.toLowerCase());
    if (slips < (best?.slips ?? Number.POSITIVE_INFINITY)) best = { candidate, slips };
  }
  if (best !== undefined && best.slips <= Math.max(1, Math.floor(best.candidate.length / 3))) {
    return best.candidate;
  }
  return word === ""
    ? undefined
    : [...candidates].find((candidate) => continues(word, candidate.toLowerCase()));
}

function continues(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}
