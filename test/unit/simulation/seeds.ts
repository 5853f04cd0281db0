import { expect } from "vitest";
import { PROGRAMMES } from "../../simulation/programmes.ts";

/**
 * Simulates the first seeds of a programme; with SEED=<n> in the environment only that one, with its log.
 *
 * @returns what has happened in any of them; `undefined` where it was only one
 */
export async function simulateSeeds({
  programme,
  seeds,
}: {
  programme: string;
  seeds: number;
}): Promise<string[] | undefined> {
  const chosen = process.env.SEED;
  const first = chosen === undefined ? 1 : Number(chosen);
  const last = chosen === undefined ? seeds : first;
  const happened = new Set<string>();
  for (let seed = first; seed <= last; seed++) {
    const report = await PROGRAMMES[programme]?.(seed);
    if (chosen !== undefined) console.log(report?.log.join("\n"));
    expect(report?.broken, `replay: SEED=${seed} npm run sim -- --programme ${programme}`).toBeUndefined();
    for (const kind of report?.counts.keys() ?? []) happened.add(kind);
  }
  return chosen === undefined ? [...happened] : undefined;
}
