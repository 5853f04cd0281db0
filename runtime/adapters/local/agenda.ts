import type { Clock } from "../../ports/clock.ts";

/**
 * Longest timer, in ms. Timers of Node hold 24 days; these are shorter, since a timer stands still while the machine
 * sleeps and knows nothing of a clock that was set.
 */
const LONGEST_TIMER_MS = 60_000;

interface Entry {
  readonly at: number;
  readonly action: () => void;
}

/** Things to do not before their time. One timer is set, for the earliest. */
export class Agenda {
  readonly #clock: Clock;
  /** In order of time; those of one time in the order of adding. */
  readonly #entries: Entry[] = [];
  #cancel = () => {};
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `action` at `at`, in ms since the epoch, or as soon after as possible. Ignored once the agenda is closed. */
  add(at: number, action: () => void): void {
    if (this.#closed) return;
    let [from, to] = [0, this.#entries.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#entries[middle] as Entry).at <= at) from = middle + 1;
      else to = middle;
    }
    this.#entries.splice(from, 0, { at, action });
    if (from === 0) this.#arm();
  }

  /** Forgets everything. */
  close(): void {
    this.#closed = true;
    this.#entries.length = 0;
    this.#cancel();
  }

  #arm(): void {
    this.#cancel();
    const [first] = this.#entries;
    if (!first) return;
    const ms = Math.max(0, first.at - this.#clock.now());
    this.#cancel = this.#clock.after(Math.min(ms, LONGEST_TIMER_MS), () => this.#run());
  }

  #run(): void {
    const now = this.#clock.now();
    const end = this.#entries.findIndex(({ at }) => at > now);
    const due = this.#entries.splice(0, end === -1 ? this.#entries.length : end);
    this.#arm();
    for (const { action } of due) action();
  }
}
