import { AsyncLocalStorage } from "node:async_hooks";
// Not the global ones, which a test runner may have replaced.
import { clearTimeout, setTimeout } from "node:timers";
import type { ActorId } from "../../ports/mailbox.ts";

/** A batch of one instance's deliveries while it runs. */
export interface RunningBatch {
  readonly id: ActorId;
  /** How many turns have led to it, each set off by the one before, since time last moved. */
  readonly links: number;
}

interface Watched extends RunningBatch {
  /** Calls to other instances that its code waits for. */
  calls: number;
  /** Time goes on without it. */
  leftBehind: boolean;
}

/** Tells whether batches wait for something outside of the system of actors: then virtual time must wait too. */
export class RunningBatches {
  readonly #current = new AsyncLocalStorage<Watched>();
  readonly #running = new Set<Watched>();
  #tell = () => {};

  /** The batch that the running code belongs to. */
  get current(): RunningBatch | undefined {
    return this.#current.getStore();
  }

  async run<T>(batch: RunningBatch, work: () => Promise<T>): Promise<T> {
    const watched = { ...batch, calls: 0, leftBehind: false };
    this.#running.add(watched);
    try {
      return await this.#current.run(watched, work);
    } finally {
      this.#running.delete(watched);
      this.#tell();
    }
  }

  /** Makes a call to another instance. Whoever waits for one does not wait for something outside. */
  async call<T>(make: () => Promise<T>): Promise<T> {
    const batch = this.#current.getStore();
    if (!batch) return make();
    batch.calls++;
    this.#tell();
    try {
      return await make();
    } finally {
      batch.calls--;
      this.#tell();
    }
  }

  /** Whether a batch waits for something outside, when nothing else is going on. */
  get busy(): boolean {
    return this.#busy().length > 0;
  }

  /**
   * Resolves when a batch has gone on; or after `patienceMs` of real time, and from then on does not count those that are busy.
   *
   * @returns the batches that are left behind
   */
  async goneOn(patienceMs: number): Promise<readonly RunningBatch[]> {
    const patient = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), patienceMs);
      this.#tell = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    const left = patient ? [] : this.#busy();
    for (const batch of left) batch.leftBehind = true;
    return left;
  }

  #busy(): Watched[] {
    return [...this.#running].filter(({ calls, leftBehind }) => calls === 0 && !leftBehind);
  }
}
