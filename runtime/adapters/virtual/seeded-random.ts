import type { Ids } from "../../ports/ids.ts";

/** Random numbers that a seed decides, from 0 to 1: the generator is splitmix32. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Ids that a seed decides, of the form of the random ones. */
export function seededIds(random: () => number): Ids {
  return {
    next: () =>
      Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString("base64url"),
  };
}

/** What `shareRandom` has put its own function in the place of. */
let former = Math.random;
/** What says, for each use, whether the running code has random numbers of its own. */
const sources = new Set<() => number | undefined>();

/**
 * Makes `Math.random()` answer with `next`, in code for which that gives a number.
 *
 * @returns ends it: when nobody uses it any more, the former function is back
 */
export function shareRandom(next: () => number | undefined): () => void {
  sources.add(next);
  if (Math.random !== virtualRandom) {
    former = Math.random;
    Math.random = virtualRandom;
  }
  return () => {
    sources.delete(next);
    if (sources.size === 0 && Math.random === virtualRandom) Math.random = former;
  };
}

function virtualRandom(): number {
  for (const source of sources) {
    const number = source();
    if (number !== undefined) return number;
  }
  return former();
}
