/** How many letters two names may differ in and still be one name, mistyped. */
const MAX_EDITS = 2;

/** The candidate that `name` is most likely meant to be: alike but for its case, or one or two letters away. */
export function nearName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  // Of a short name two letters are most of it.
  const limit = Math.min(MAX_EDITS, Math.floor((wanted.length - 1) / 2));
  let nearest: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = edits(wanted, candidate.toLowerCase());
    if (distance <= limit && distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)) {
      nearest = { candidate, distance };
    }
  }
  return nearest?.candidate;
}

/** Letters to add, leave out or replace to make `from` into `to`. */
function edits(from: string, to: string): number {
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(last, column - 1) + (letter === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, at(last, column) + 1, at(current, column - 1) + 1));
    }
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
