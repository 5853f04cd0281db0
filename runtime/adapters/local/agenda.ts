import TinyQueue from "tinyqueue";
import type { Clock } from "../../ports/clock.ts";

/**
 * Longest timer, in ms. Timers of Node hold 24 days; these are shorter, since a timer stands still while the machine
 * sleeps and knows nothing of a clock that was set.
 */
const LONGEST_TIMER_MS = 60_000;

interface Entry {
  readonly at: number;
  /** Those of one time come in the order of adding. */
  readonly order: number;
  readonly action: () => void;
}

function noEntries(): TinyQueue<Entry> {
  return new TinyQueue<Entry>([], (a, b) => a.at - b.at || a.order - b.order);
}

/** Things to do not before their time, 100,000s of them if need be. One timer is set, for the earliest. */
export class Agenda {
  readonly #clock: Clock;
  #entries = noEntries();
  #order = 0;
  #cancel = () => {};
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `action` at `at`, in ms since the epoch, or as soon after as possible. Ignored once the agenda is closed. */
  add(at: number, action: () => void): void {
    if (this.#closed) return;
    const entry = { at, order: this.#order++, action };
    this.#entries.push(entry);
    if (this.#entries.peek() === entry) this.#arm();
  }

  /** Forgets everything. */
  close(): void {
    this.#closed = true;
    this.#entries = noEntries();
    this.#cancel();
  }

  #arm(): void {
    this.#cancel();
    const first = this.#entries.peek();
    if (!first) return;
    const ms = Math.max(0, first.at - this.#clock.now());
    this.#cancel = this.#clock.after(Math.min(ms, LONGEST_TIMER_MS), () => this.#run());
  }

  #run(): void {
    const now = this.#clock.now();
    const due: Entry[] = [];
    for (let first = this.#entries.peek(); first && first.at <= now; first = this.#entries.peek()) {
      due.push(first);
      this.#entries.pop();
    }
    this.#arm();
    for (const { action } of due) action();
  }
}
