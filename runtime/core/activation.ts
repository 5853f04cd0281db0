import type { Eventual } from "../ports/eventual.ts";
import type { ActorId } from "../ports/mailbox.ts";
import type { EntryRange, Head, Store } from "../ports/store.ts";
import type { Meter } from "../ports/telemetry.ts";
import { actorKey } from "./actor-id.ts";
import { isLater } from "./is-later.ts";
import { isSameCommit } from "./mark.ts";
import { NEW_HEAD, State } from "./state.ts";
import type { StatefulActor } from "./stateful-actor.ts";

/** An instance in a worker's memory: what is known of its state, and the object that user code lives in. */
export interface Activation {
  readonly id: ActorId;
  readonly state: State;
  /** Kept outcomes in the head's `settled` that are known to be on file. */
  readonly filed: Set<string>;
  /** Built by the first turn that needs it; dropped when its fields may reflect writes that never happened. */
  object: StatefulActor<unknown> | undefined;
}

/** How much of entries and outcomes all idle activations keep in memory together, in bytes: the smallest worker has 128 MiB. */
const KEPT_BYTES = 48 * 1024 * 1024;

/**
 * Activations kept between batches. Taking one out gives it to a single batch; the batch gives it back
 * only when every commit on it succeeded.
 */
export class Activations {
  readonly #idle = new Map<string, { readonly activation: Activation; readonly bytes: number }>();
  readonly #limit: number;
  #bytes = 0;

  /** @param limit how many idle activations to keep, within {@link KEPT_BYTES}; the one idle longest is evicted first */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * One strongly consistent read of the head. A kept activation is reused only where the head is that of the very same commit.
   */
  hydrate(id: ActorId, store: Store, work?: Meter): Eventual<Activation> {
    const kept = this.#take(actorKey(id));
    const activate = (head: Head | undefined) =>
      activationOf(id, { head: head ?? NEW_HEAD, kept, store, work });
    const found = store.hydrate(id, kept?.state.head);
    return isLater(found) ? found.then(activate) : activate(found);
  }

  /** Forgets an idle activation: the next batch hydrates. */
  evict(id: ActorId): void {
    this.#take(actorKey(id));
  }

  keep(activation: Activation): void {
    const key = actorKey(activation.id);
    const bytes = activation.state.trim() + lengthOf(activation.state.head.settled);
    this.#take(key);
    this.#idle.set(key, { activation, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#idle.keys()) {
      if (this.#idle.size <= this.#limit && this.#bytes <= KEPT_BYTES) break;
      this.#take(oldest);
    }
  }

  #take(key: string): Activation | undefined {
    const kept = this.#idle.get(key);
    if (kept === undefined) return undefined;
    this.#idle.delete(key);
    this.#bytes -= kept.bytes;
    return kept.activation;
  }
}

/** The kept activation, where it is of the head that was found; else a fresh one. */
function activationOf(
  id: ActorId,
  {
    head,
    kept,
    store,
    work,
  }: { head: Head; kept: Activation | undefined; store: Store; work: Meter | undefined },
): Activation {
  const warm = kept !== undefined && isSameCommit(kept.state.head, head);
  work?.add(warm ? "HydrationsWarm" : "HydrationsCold", 1, id);
  if (warm) {
    for (const each of kept.filed) if (!head.settled.has(each)) kept.filed.delete(each);
    return kept;
  }
  const entries = {
    read: (generation: number, entry: string) => store.readEntry(id, generation, entry),
    list: (range: EntryRange) => store.listEntries(id, range),
  };
  return { id, state: new State(head, entries), filed: new Set(), object: undefined };
}

/** Outcomes of the last batch: on AWS long ones lie elsewhere, on the embedded server in the head. */
function lengthOf(settled: Head["settled"]): number {
  let length = 0;
  for (const text of settled.values()) length += text.length;
  return length;
}
