import type { Chaos } from "./chaos.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** What all parts of one simulation share. */
export interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly chaos: Chaos;
  readonly journal: Journal;
}

/** What a simulation has come to. */
export interface Report {
  /** The first promise that broke, and how. */
  readonly broken: string | undefined;
  readonly log: readonly string[];
  /** How often each kind of thing happened. */
  readonly counts: ReadonlyMap<string, number>;
}

/** What happened in a simulation. */
export class Journal {
  readonly lines: string[] = [];
  /** How often each kind of thing happened: what never happens is not tested. */
  readonly counts = new Map<string, number>();
  /** The first promise that broke, with what broke it. */
  broken: string | undefined;
  readonly #timeline: Timeline;
  readonly #start: number;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#start = timeline.now;
  }

  note(line: string): void {
    this.lines.push(`${this.time(this.#timeline.now)}  ${line}`);
  }

  count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** Notes that a promise does not hold. */
  breaks(promise: string, how: string): void {
    this.broken ??= `${promise}: ${how}`;
    this.note(`BROKEN ${promise}: ${how}`);
  }

  /** A time as the lines show it: seconds since the beginning. */
  time(at: number): string {
    return `${((at - this.#start) / 1000).toFixed(3)}s`;
  }
}
