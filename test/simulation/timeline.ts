interface Event {
  readonly at: number;
  fire: (() => void) | undefined;
}

/** Where every simulation begins, in ms since the epoch. */
const START = 1_700_000_000_000;

/** Virtual time: what happens later, in order. Nothing of it depends on real time. */
export class Timeline {
  #now = START;
  /** In order; of those at the same time the first one planned comes first. */
  readonly #events: Event[] = [];
  #waiting: (() => void)[] = [];

  get now(): number {
    return this.#now;
  }

  /** Plans `fire` for a time; the returned function takes that back. */
  at(time: number, fire: () => void): () => void {
    const event: Event = { at: Math.max(time, this.#now), fire };
    let place = this.#events.length;
    while (place > 0 && (this.#events[place - 1]?.at ?? 0) > event.at) place--;
    this.#events.splice(place, 0, event);
    return () => {
      event.fire = undefined;
    };
  }

  /** Resolves when everything that can run without time has run. */
  idle(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  /**
   * Lets time pass until nothing is planned any more, or `isOver` says so.
   *
   * @returns how many events there were
   */
  async run(isOver: (events: number) => boolean): Promise<number> {
    for (let events = 0; ; ) {
      await microtasksDone();
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
      if (waiting.length > 0) continue;
      if (isOver(events)) return events;
      const next = this.#events.shift();
      if (next === undefined) return events;
      if (next.fire === undefined) continue;
      events++;
      this.#now = next.at;
      next.fire();
    }
  }
}

/** A tick comes when the queue of microtasks is empty, and sooner than an immediate: a seed takes some hundreds of them. */
function microtasksDone(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
