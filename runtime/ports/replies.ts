/** Where outcomes wait for the side that called. Outcomes travel as outcome text. */
export interface Replies {
  /** Files the outcome of an envelope. The first one stands; later ones are ignored. */
  write(envelopeId: string, outcome: string): Promise<void>;
  /**
   * Makes a large outcome durable ahead of its commit, and returns a short text that stands for it
   * in `settled` and in `write`. Harmless when the commit never happens.
   */
  stash(envelopeId: string, outcome: string): Promise<string>;
  /** The outcomes already filed, by envelope id; strongly consistent. */
  read(envelopeIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Waits for the outcome until `deadline` (ms since the epoch); `undefined` when it did not come. */
  wait(envelopeId: string, deadline: number): Promise<string | undefined>;
}
