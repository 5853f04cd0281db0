import { setImmediate as immediate } from "node:timers/promises";
import type { Clock } from "../../ports/clock.ts";

// Kept, as a test runner may replace the one that all see.
const { nextTick } = process;

interface Timer {
  readonly at: number;
  /** Those of one time fire in the order of setting. */
  readonly order: number;
  readonly fire: () => void;
}

/** Time that moves only when told. What is under way goes on while it stands still. */
export class VirtualClock implements Clock {
  #now: number;
  /** In the order of firing. */
  readonly #timers: Timer[] = [];
  #order = 0;
  #idling = 0;

  /** @param now where time begins, in ms since the epoch */
  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fire };
    this.#timers.splice(this.#placeOf(timer), 0, timer);
    return () => {
      const place = this.#placeOf(timer);
      if (this.#timers[place] === timer) this.#timers.splice(place, 1);
    };
  }

  async idle(): Promise<void> {
    this.#idling++;
    await immediate();
    this.#idling--;
  }

  quiet(): Promise<void> {
    return new Promise((resolve) => nextTick(resolve));
  }

  /** Whether somebody waits for `idle`, and so is about to go on. */
  get idling(): boolean {
    return this.#idling > 0;
  }

  /**
   * Moves to the earliest timer and fires it.
   *
   * @returns false when there is none until `end`: time stays as it is
   */
  fireNext(end: number): boolean {
    const [next] = this.#timers;
    if (!next || next.at > end) return false;
    this.#timers.shift();
    this.moveTo(next.at);
    next.fire();
    return true;
  }

  /** Moves on without firing anything; never back. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  /** The place of a timer among the others, whether or not it is there. */
  #placeOf({ at, order }: Timer): number {
    let [from, to] = [0, this.#timers.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const other = this.#timers[middle] as Timer;
      if (other.at < at || (other.at === at && other.order < order)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
