import type { Ending } from "./ledger.ts";

/** How calls follow each other. */
export interface Pace {
  /** Calls a second, whether or not those before are answered (an open loop); `undefined`: each caller's next follows its answer (a closed loop). */
  readonly rate: number | undefined;
  /** Callers of a closed loop; in an open one the most calls that are under way at once. */
  readonly concurrency: number;
  /** It ends with so many calls, or after so many ms, whichever comes first. */
  readonly calls: number;
  readonly ms: number;
}

/** One call, timed. */
export interface TimedCall {
  /**
   * In ms. In an open loop from the moment when the call was to be made: what waits because others are slow has waited, and a system that
   * stalls can't keep the load from noticing (no coordinated omission). In a closed loop from the moment when it was made.
   */
  readonly latency: number;
  /** How long after its moment it was made, in ms: all callers were busy, or the load's own process was. */
  readonly late: number;
  readonly ending: Ending;
}

export interface PaceDeps {
  /** In ms; it only goes on. */
  now(): number;
  /** Resolves at the moment, or right away when it has passed. */
  until(moment: number): Promise<void>;
  /** Makes the next call; it never rejects, and ends by itself. */
  call(): Promise<Ending>;
}

/** Makes calls at a pace. Resolves when the last of them has ended, to all of them and how long it took, in ms. */
export async function runAtPace(
  { rate, concurrency, calls, ms }: Pace,
  { now, until, call }: PaceDeps,
): Promise<{ readonly timed: readonly TimedCall[]; readonly took: number }> {
  const timed: TimedCall[] = [];
  const began = now();
  const end = began + ms;
  let next = 0;
  // Each is a caller: it takes the next moment that nobody has, which may have passed.
  const work = async () => {
    while (next < calls) {
      const due = rate === undefined ? now() : began + (next * 1000) / rate;
      if (due >= end || now() >= end) return;
      next++;
      await until(due);
      const made = now();
      const ending = await call();
      timed.push({ latency: now() - due, late: made - due, ending });
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, calls) }, work));
  return { timed, took: now() - began };
}
