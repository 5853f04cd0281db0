import { actorKey } from "../runtime/core/actor-id.ts";
import type { ActorId, Delivery } from "../runtime/ports/mailbox.ts";
import type { Store } from "../runtime/ports/store.ts";

/** Where a worker dies: with its writes not durable, or with its caller not answered. */
export type CrashPoint = "before-commit" | "after-commit";

/** Runs deliveries on a store. @returns those that are not finished */
type Batch = (deliveries: readonly Delivery[], store: Store) => Promise<Delivery[]>;

/** What a test makes go wrong with an instance: each once. */
export class Faults {
  readonly #store: Store;
  readonly #crashes = new Map<string, CrashPoint>();
  readonly #repeats = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The worker that makes the instance's next commit dies. */
  crash(id: ActorId, at: CrashPoint): void {
    this.#crashes.set(actorKey(id), at);
  }

  /** The queue delivers once more what it delivers to the instance next. */
  redeliver(id: ActorId): void {
    this.#repeats.add(actorKey(id));
  }

  /** Runs a batch with the faults that are due. */
  async run(id: ActorId, deliveries: readonly Delivery[], batch: Batch): Promise<Delivery[]> {
    const key = actorKey(id);
    const unfinished: Delivery[] = [];
    let todo = deliveries;
    // A turn that goes on beside a dying commit has effects outside: with one at a time there is none.
    while (this.#crashes.has(key) && todo.length > 0) {
      const [first, ...others] = todo as [Delivery, ...Delivery[]];
      const left = await this.#dieIn(key, first, batch);
      if (left === undefined) todo = [again(first), ...others];
      else {
        unfinished.push(...left);
        todo = others;
      }
    }
    if (todo.length > 0 || deliveries.length === 0) unfinished.push(...(await batch(todo, this.#store)));
    if (deliveries.length > 0 && this.#repeats.delete(key)) await batch(deliveries.map(again), this.#store);
    return unfinished;
  }

  /** @returns what is not finished; `undefined` when the worker has died */
  async #dieIn(key: string, delivery: Delivery, batch: Batch): Promise<Delivery[] | undefined> {
    const death = Promise.withResolvers<undefined>();
    const store: Store = {
      ...this.#store,
      commit: async (commit) => {
        if (this.#crashes.get(key) === "after-commit") await this.#store.commit(commit);
        this.#crashes.delete(key);
        death.resolve(undefined);
        // Nobody is left who would hear of it.
        return new Promise(() => {});
      },
    };
    return Promise.race([batch([delivery], store), death.promise]);
  }
}

/** As a queue gives it that does not know what became of the first time. */
function again(delivery: Delivery): Delivery {
  return { ...delivery, suspect: true, receives: delivery.receives + 1 };
}
