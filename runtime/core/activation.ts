import type { ActorId } from "../ports/mailbox.ts";
import type { EntryRange, Head, Store } from "../ports/store.ts";
import { actorKey } from "./actor-id.ts";
import { NEW_HEAD, State } from "./state.ts";
import type { StatefulActor } from "./stateful-actor.ts";

/** An instance in a worker's memory: what is known of its state, and the object that user code lives in. */
export interface Activation {
  readonly id: ActorId;
  readonly state: State;
  /** Built by the first turn that needs it; dropped when its fields may reflect writes that never happened. */
  object: StatefulActor<unknown> | undefined;
}

/**
 * Activations kept between batches. Taking one out gives it to a single batch; the batch gives it back
 * only when every commit on it succeeded.
 */
export class Activations {
  readonly #idle = new Map<string, Activation>();
  readonly #limit: number;

  /** @param limit how many idle activations to keep; the one idle longest is evicted first */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** One strongly consistent read of the head. A kept activation is reused only at the very same version. */
  async hydrate(id: ActorId, store: Store): Promise<Activation> {
    const key = actorKey(id);
    const kept = this.#idle.get(key);
    this.#idle.delete(key);
    const head: Head = (await store.hydrate(id)) ?? NEW_HEAD;
    if (kept && kept.state.head.version === head.version) return kept;
    const entries = {
      read: (generation: number, entry: string) => store.readEntry(id, generation, entry),
      list: (range: EntryRange) => store.listEntries(id, range),
    };
    return { id, state: new State(head, entries), object: undefined };
  }

  keep(activation: Activation): void {
    activation.state.trim();
    this.#idle.set(actorKey(activation.id), activation);
    if (this.#idle.size > this.#limit) {
      const [oldest] = this.#idle.keys();
      if (oldest !== undefined) this.#idle.delete(oldest);
    }
  }
}
