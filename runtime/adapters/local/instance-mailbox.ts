import { ActorOverloadedError } from "../../core/errors.ts";
import type { Delivery, Envelope } from "../../ports/mailbox.ts";

/** How much less earlier batches count with each further one. */
const DECAY = 0.5;
/** How long before its deadline a call may be refused for it, in ms: a turn ends before, so that its answer comes in time. */
const LATE_MS = 1_500;
/** How many times the time that is left a call's wait must be estimated at before the call is refused: turns differ. */
const HOPELESS = 2;

/** What one instance has to do, and how fast it does it, by what its last batches took. */
export class InstanceMailbox {
  /** In order; what comes again comes first. */
  readonly waiting: Delivery[];
  #running = 0;
  #since = 0;
  #ms = 0;
  #turns = 0;

  constructor(...waiting: Delivery[]) {
    this.waiting = waiting;
  }

  /** How many deliveries wait or run. */
  get depth(): number {
    return this.waiting.length + this.#running;
  }

  /** Takes out the next batch; it runs from now on. */
  begin(size: number, now: number): Delivery[] {
    const batch = this.waiting.splice(0, size);
    this.#running = batch.length;
    this.#since = now;
    return batch;
  }

  /** The batch runs no more. */
  end(batch: readonly Delivery[], now: number): void {
    // What was refused for its deadline took no time, and makes nothing fast.
    let late = 0;
    for (const { envelope } of batch) if (envelope.deadline <= now + LATE_MS) late++;
    this.#running = 0;
    this.#ms = this.#ms * DECAY + now - this.#since;
    this.#turns = this.#turns * DECAY + Math.max(1, batch.length - late);
  }

  /** Takes out an envelope that waits and has never run: one that has may be committed. @returns whether it did */
  withdraw(envelope: Envelope): boolean {
    const place = this.waiting.findIndex((delivery) => delivery.envelope === envelope && !delivery.suspect);
    if (place !== -1) this.waiting.splice(place, 1);
    return place !== -1;
  }

  /**
   * What can't get its turn before its deadline is better refused now: its caller can go elsewhere, and others wait less.
   *
   * @throws ActorOverloadedError
   */
  checkPace({ to, call, deadline }: Envelope, now: number): void {
    if (this.#turns === 0) return;
    const ahead = this.depth;
    const ms = (this.#ms / this.#turns) * ahead;
    const left = Math.max(0, deadline - now);
    if (ms <= HOPELESS * left) return;
    throw new ActorOverloadedError(
      `${to.type}.${call.method} was not sent: ${ahead} calls wait at this instance already, about ${Math.round(ms)} ms of work, and its caller waits ${left} ms at most; ask again a little later`,
    );
  }
}
