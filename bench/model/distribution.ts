import type { Latency } from "./figures.ts";

/** How often a model is drawn: its p99 then moves by about a percent. */
export const DRAWS = 100_000;

/** Numbers from 0 to 1 that are the same in each run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws a latency: between the points that are known its logarithm is straight, and so it is a little beyond them. */
export function draw({ p10, p50, p90, p99 }: Latency, random: () => number): number {
  const points: [number, number][] = [
    [0.01, p10 === undefined ? p50 ** 2 / p99 : p10 * 0.8],
    ...(p10 === undefined ? [] : ([[0.1, p10]] as [number, number][])),
    [0.5, p50],
    ...(p90 === undefined ? [] : ([[0.9, p90]] as [number, number][])),
    [0.99, p99],
    [1, p99 * 1.5],
  ];
  const at = Math.max(0.01, random());
  const after = points.findIndex(([part]) => at <= part);
  const [toPart, to] = points[after] ?? [1, p99];
  const [fromPart, from] = points[Math.max(0, after - 1)] ?? [0, p50];
  if (toPart === fromPart) return to;
  return from * (to / from) ** ((at - fromPart) / (toPart - fromPart));
}

export interface Summary {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
  return {
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    p50: at(0.5),
    p99: at(0.99),
  };
}
