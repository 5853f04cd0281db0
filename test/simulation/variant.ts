import type { ServeDeps } from "../../handlers/serve-records.ts";
import type { Store } from "../../runtime/ports/store.ts";
import type { Rules } from "./system.ts";
import type { Report } from "./world.ts";

/** A system that breaks a promise. */
export interface Variant<R extends Rules = Rules> {
  readonly name: string;
  /** Fresh ones for each simulation, as some remember what they did. */
  readonly rules: () => Partial<R>;
  /** The first seed that shows it, where that is not one of the first. */
  readonly from?: number;
}

/** Workers whose store does something in another way. */
export function bendingStore(bend: (store: Store, deps: ServeDeps) => Partial<Store>): Rules["bendWorker"] {
  return (deps) => ({ ...deps, store: { ...deps.store, ...bend(deps.store, deps) } });
}

/** Conditions of which none asks for the version of a head. */
export function unlessFence(term: string): boolean {
  return !/\bversion\b/.test(term);
}

/** @returns the first of `most` seeds, from the variant's own on, in which it breaks a promise, and how */
export async function harmOf<R extends Rules>(
  { rules, from = 1 }: Variant<R>,
  { simulate, most }: { simulate: (seed: number, bent: Partial<R>) => Promise<Report>; most: number },
): Promise<{ readonly seed: number; readonly broken: string } | undefined> {
  for (let seed = from; seed < from + most; seed++) {
    const { broken } = await simulate(seed, rules());
    if (broken !== undefined) return { seed, broken };
  }
  return undefined;
}
