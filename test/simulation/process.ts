import type { Clock } from "../../runtime/ports/clock.ts";
import type { Ids } from "../../runtime/ports/ids.ts";
import type { World } from "./world.ts";

/** How often the SDK sends a request that fails on its way. */
const SDK_TRIES = 4;

const BEFORE_READING = "before GetItem";

/** A request failed on its way, or its answer did. */
class RequestFailed extends Error {
  override readonly name = "TimeoutError";
}

export interface ProcessOptions {
  readonly name: string;
  /** By how much its clock is wrong, in ms. */
  readonly skewMs: number;
  /** How likely it dies or stalls, compared with the chaos around it: 0 to 1. */
  readonly frailty: number;
}

/**
 * A process: a worker, or a caller's. Between any two of its steps it may die, which ends it without a trace, or stall; while it is
 * frozen nothing of it runs; its clock is its own; and each of its requests has a fate of its own.
 */
export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** When each instance's head was read last, in ms since the epoch. */
  readonly hydrated = new Map<string, number>();
  readonly #world: World;
  readonly #skewMs: number;
  readonly #frailty: number;
  #alive = true;
  #stalledUntil = 0;
  /** How far its clock is behind since it stalled, in ms: a machine that is stopped may not know for how long. */
  #lagMs = 0;
  /** What has become due while it was frozen. */
  #frozen: (() => void)[] | undefined;

  constructor(world: World, { name, skewMs, frailty }: ProcessOptions) {
    this.name = name;
    this.#world = world;
    this.#skewMs = skewMs;
    this.#frailty = frailty;
    this.clock = {
      now: () => world.timeline.now + this.#skewMs - this.#lagMs,
      after: (ms, fire) => this.#after(ms, fire),
      idle: () => world.timeline.idle(),
      quiet: () => world.timeline.idle(),
    };
    let last = 0;
    this.ids = { next: () => `${name}-${++last}` };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get stalledUntil(): number {
    return this.#stalledUntil;
  }

  die(where: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#world.journal.note(`${this.name} dies ${where}`);
  }

  freeze(): void {
    this.#frozen ??= [];
  }

  /** Goes on after a freeze; by then its clock is right again. */
  thaw(): void {
    this.#lagMs = 0;
    const due = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const fire of due) fire();
  }

  /** Resolves after `ms`, if the process lives then; later when it stalls. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#after(ms, resolve));
  }

  /** A step of the way: here the process may die or stall. */
  async step(where: string): Promise<void> {
    const { timeline, random, chaos, journal } = this.#world;
    if (this.#alive && chaos.happens("death", this.#frailty)) {
      journal.count("process died");
      this.die(where);
    }
    // Where it hurts most: what has been received may be somebody else's by the time that the head is read.
    const frailty = where === BEFORE_READING ? 4 * this.#frailty : this.#frailty;
    if (this.#alive && chaos.happens("stall", frailty)) {
      const ms = random.pick([
        random.between(500, 5_000),
        random.between(5_000, 60_000),
        random.between(60_000, 180_000),
      ]);
      this.#stalledUntil = Math.max(this.#stalledUntil, timeline.now + ms);
      if (random.chance(0.5)) this.#lagMs += ms;
      journal.count("process stalled");
      journal.note(`${this.name} stalls for ${ms} ms ${where}`);
    }
    await this.pause(random.between(1, 15));
  }

  /** A request to a service, as the SDK makes it: it may fail in every way that requests do, and some failures it tries again. */
  async request<T>(what: string, act: () => T): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#request(what, act);
      } catch (error) {
        if (!(error instanceof RequestFailed) || tries === SDK_TRIES || this.#world.random.chance(0.5))
          throw error;
        await this.pause(100 * 2 ** tries);
      }
    }
  }

  async #request<T>(what: string, act: () => T): Promise<T> {
    const { timeline, random, chaos, journal } = this.#world;
    await this.step(`before ${what}`);
    const fate = chaos.fate();
    if (fate !== "done") {
      journal.count(`request ${fate}`);
      journal.note(`${this.name} ${what} is ${fate}`);
    }
    if (fate === "late") {
      timeline.at(timeline.now + random.between(20, 90_000), () => {
        journal.note(`${this.name} ${what} lands late`);
        quietly(act);
      });
    }
    if (fate === "lost" || fate === "late") {
      await this.step(`after ${what}`);
      throw new RequestFailed(`${what}: ${fate}`);
    }
    let answer: { readonly ok: T } | { readonly error: unknown };
    try {
      answer = { ok: act() };
    } catch (error) {
      answer = { error };
    }
    await this.step(`after ${what}`);
    if (fate === "unknown") throw new RequestFailed(`${what}: unknown`);
    if ("error" in answer) throw answer.error;
    return answer.ok;
  }

  #after(ms: number, fire: () => void): () => void {
    const { timeline } = this.#world;
    let cancelled = false;
    let cancel = () => {};
    const due = () => {
      if (!this.#alive || cancelled) return;
      if (this.#frozen) this.#frozen.push(due);
      else if (timeline.now < this.#stalledUntil) cancel = timeline.at(this.#stalledUntil, due);
      else fire();
    };
    cancel = timeline.at(timeline.now + ms, due);
    return () => {
      cancelled = true;
      cancel();
    };
  }
}

/** Nobody is there any more to hear of a failure. */
function quietly(act: () => unknown): void {
  try {
    act();
  } catch {
    // A condition that does not hold.
  }
}
