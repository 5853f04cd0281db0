import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/**
 * What becomes of a request to a service:
 * - `done`: it is done, and answered.
 * - `lost`: it fails, and nothing was done.
 * - `unknown`: it fails, and was done all the same.
 * - `late`: it fails, and is done later on.
 */
export type Fate = "done" | "lost" | "unknown" | "late";

/** The kinds of faults, each with its own probability in a simulation: some seeds have none of it, some a lot. */
export interface Odds {
  /** A worker dies before or after a request. */
  readonly death: number;
  /** A worker stops for a while, also beyond its lease, and goes on as if nothing had happened. */
  readonly stall: number;
  readonly lost: number;
  readonly unknown: number;
  readonly late: number;
  /** The forwarder dies before or after it sends a message on. */
  readonly forwarderDeath: number;
  /** The delay queue or the Scheduler delivers once more. */
  readonly copy: number;
  /** A message comes out of the delay queue later than others that were behind it. */
  readonly slow: number;
  /** The Scheduler takes no more schedules. */
  readonly quota: number;
  /** DynamoDB leaves keys of a batch out. */
  readonly throttle: number;
  /** DynamoDB turns a write away for the moment. */
  readonly conflict: number;
  /** The event source does not delete what a worker has finished. */
  readonly deleteLoss: number;
  /** The operator sends dead letters again. */
  readonly redrive: number;
  /** A call that comes again is lost. */
  readonly callLoss: number;
  /** A wake is dead-lettered. */
  readonly wakeLoss: number;
}

const NONE: Odds = {
  death: 0,
  stall: 0,
  lost: 0,
  unknown: 0,
  late: 0,
  forwarderDeath: 0,
  copy: 0,
  slow: 0,
  quota: 0,
  throttle: 0,
  conflict: 0,
  deleteLoss: 0,
  redrive: 0,
  callLoss: 0,
  wakeLoss: 0,
};

/** Decides what goes wrong, until it is told that nothing does any more. */
export class Chaos {
  readonly #random: Random;
  readonly #timeline: Timeline;
  #odds = NONE;
  #until = 0;

  constructor(random: Random, timeline: Timeline) {
    this.#random = random;
    this.#timeline = timeline;
  }

  /** Draws the odds of this simulation; they hold until a time. */
  begin(until: number): void {
    const draw = (most: number) => this.#random.pick([0, 0, most / 8, most / 2, most]);
    this.#odds = {
      death: draw(0.08),
      stall: draw(0.06),
      lost: draw(0.25),
      unknown: draw(0.25),
      late: draw(0.2),
      forwarderDeath: draw(0.4),
      copy: draw(0.4),
      slow: draw(0.5),
      quota: draw(1),
      throttle: draw(0.3),
      conflict: draw(0.3),
      deleteLoss: draw(0.4),
      redrive: draw(1),
      callLoss: draw(0.5),
      wakeLoss: draw(0.5),
    };
    this.#until = until;
  }

  /** Nothing happens but that workers stop for a while and go on, until a time. */
  beginStalls(until: number): void {
    this.#odds = { ...NONE, stall: 0.1 };
    this.#until = until;
  }

  /** From then on nothing goes wrong. */
  get end(): number {
    return this.#until;
  }

  /** Whether anything may go wrong now. */
  get active(): boolean {
    return this.#timeline.now < this.#until;
  }

  /** @param part of the odds of this kind */
  happens(kind: keyof Odds, part = 1): boolean {
    return this.active && this.#random.chance(this.#odds[kind] * part);
  }

  fate(): Fate {
    for (const kind of ["lost", "unknown", "late"] as const) if (this.happens(kind)) return kind;
    return "done";
  }
}
