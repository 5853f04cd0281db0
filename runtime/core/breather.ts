import type { Clock } from "../ports/clock.ts";

/** How long turns may follow each other before the rest of the process gets a chance, in ms. */
const STRETCH_MS = 10;

/**
 * Turns that wait for nothing follow each other without end: the next request, and the turns of all other instances, would wait
 * for the whole batch.
 */
export class Breather {
  readonly #clock: Clock;
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  get due(): boolean {
    return this.#clock.now() - this.#since >= STRETCH_MS;
  }

  /** Lets everything else run that can. */
  async breathe(): Promise<void> {
    await this.#clock.idle();
    this.#since = this.#clock.now();
  }
}
