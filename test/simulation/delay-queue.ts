import type { World } from "./world.ts";

/** The longest delay that SQS takes, in ms. */
const LONGEST_DELAY_MS = 15 * 60_000;
/** So many messages make no more copies: each copy that is put back would make its own. */
const CROWD = 20;
/** When a message comes again that was received and not deleted, in ms. */
const VISIBILITY_MS = 30_000;

interface Message {
  readonly body: string;
}

/** An SQS standard queue that holds messages back, with the forwarder that gets them when their delay is over. */
export class DelayQueue {
  readonly #world: World;
  /** Sends on what has come out. */
  readonly #forward: (body: string) => void;
  readonly #deletesFirst: boolean;
  readonly #messages = new Set<Message>();

  constructor(
    world: World,
    { forward, deletesFirst }: { forward: (body: string) => void; deletesFirst: boolean },
  ) {
    this.#world = world;
    this.#forward = forward;
    this.#deletesFirst = deletesFirst;
  }

  /** Holds a message for a time: whole seconds, and 15 minutes at most. */
  send(body: string, delayMs: number): void {
    const { timeline, journal } = this.#world;
    if (!(delayMs >= 0 && delayMs <= LONGEST_DELAY_MS && delayMs % 1000 === 0)) {
      journal.breaks("the delay queue takes whole seconds, 900 at most", `${delayMs} ms`);
    }
    const message = { body };
    this.#messages.add(message);
    this.#deliver(message, timeline.now + delayMs);
  }

  bodies(): string[] {
    return [...this.#messages].map(({ body }) => body);
  }

  get size(): number {
    return this.#messages.size;
  }

  #deliver(message: Message, time: number): void {
    const { timeline, random, chaos, journal } = this.#world;
    const late = chaos.happens("slow") ? random.between(0, 5_000) : random.between(5, 60);
    timeline.at(time + late, () => this.#receive(message));
    if (chaos.happens("copy") && this.size < CROWD) {
      timeline.at(time + random.between(0, 10 * 60_000), () => {
        journal.count("delayed message copied");
        this.#messages.add(message);
        this.#receive(message);
      });
    }
  }

  #receive(message: Message): void {
    const { timeline, random, chaos, journal } = this.#world;
    if (!this.#messages.has(message)) return;
    const diesBefore = chaos.happens("forwarderDeath");
    const diesAfter = chaos.happens("forwarderDeath") && this.size < CROWD;
    if (diesBefore || diesAfter) {
      journal.count("forwarder died");
      this.#deliver(message, timeline.now + VISIBILITY_MS);
    }
    if (this.#deletesFirst) this.#messages.delete(message);
    if (diesBefore) return;
    timeline.at(timeline.now + random.between(5, 60), () => {
      this.#forward(message.body);
      if (!diesAfter) this.#messages.delete(message);
    });
  }
}
