import type { Eventual } from "./eventual.ts";

/** Where outcomes wait for the side that called. Outcomes travel as outcome text. */
export interface Replies {
  /** Files the outcome of an envelope. The first one stands until it expires; later ones are ignored. */
  write(id: string, outcome: string): Eventual<void>;
  /**
   * Makes a large outcome durable ahead of its commit, and returns a short text that stands for it
   * in `settled` and in `write`. Harmless when the commit never happens.
   */
  stash(id: string, outcome: string): Promise<string>;
  /** Whether what a text from a head's `settled` stands for can still be read: a stand-in may be older than its outcome's parts. */
  stands(outcome: string): boolean;
  /** Which of these ids have an outcome on file; strongly consistent. */
  filed(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Waits for the outcome under any of `ids` until `deadline` (ms since the epoch); `undefined` when none came.
   *
   * @param signal aborted: nobody looks at the answer any more, and the waiting may end
   */
  wait(ids: readonly string[], deadline: number, signal?: AbortSignal): Promise<string | undefined>;
}
