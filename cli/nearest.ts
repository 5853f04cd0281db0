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

/** The optimal string alignment distance, row by row: `previous[j]` is the distance of the rows' words up to there. */
function slipsBetween(one: string, other: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, length) => length);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1];
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row.push(
        Math.min(
          at(previous, j) + 1,
          at(row, j - 1) + 1,
          at(previous, j - 1) + (same ? 0 : 1),
          swapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = previous;
    previous = row;
  }
  return at(previous, other.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
