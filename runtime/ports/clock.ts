/** Time, as the core sees it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `fire` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, fire: () => void): () => void;
  /** Resolves when everything that can run without input or output has run. */
  idle(): Promise<void>;
  /** Resolves when all code has run that waits for promises alone, and those have settled: sooner than `idle`, and cheaper. */
  quiet(): Promise<void>;
}
