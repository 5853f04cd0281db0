import { compareKeys } from "../../runtime/core/key-order.ts";
import { holds, type Item, updated } from "./expressions.ts";
import type { World } from "./world.ts";

/** For how long a read that is not strongly consistent may give what was there before, in ms. */
const STALE_MS = 500;

/** How long after its time an item is removed at the latest, in ms. */
const LATE_MS = 4 * 60 * 60_000;

interface Stored {
  readonly item: Item | undefined;
  readonly before: Item | undefined;
  readonly since: number;
  /** When its time to live is over and somebody has noticed. */
  readonly goneAt: number;
}

/** One write of a request. */
export interface Write {
  readonly kind: "put" | "update" | "delete";
  readonly key: Item;
  /** What is put. */
  readonly item?: Item;
  readonly update?: string | undefined;
  readonly condition?: string | undefined;
  readonly values?: Item | undefined;
}

export interface Landed {
  readonly key: Item;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

export interface TableOptions {
  readonly partition: string;
  readonly sort?: string;
  /** Whether a term of a condition is looked at. */
  readonly minds: (term: string) => boolean;
  /** Told of the writes of one request when all of them have landed. */
  readonly onLanded: (writes: readonly Landed[]) => void;
}

/** A table of DynamoDB: items by partition and sort key, and requests that land at one moment. */
export class Table {
  readonly #world: World;
  readonly #options: TableOptions;
  readonly #partitions = new Map<string, Map<string, Stored>>();

  constructor(world: World, options: TableOptions) {
    this.#world = world;
    this.#options = options;
  }

  get(key: Item, consistent = true): Item | undefined {
    const { timeline, random, journal } = this.#world;
    const stored = this.#partition(key).get(this.#sortOf(key));
    if (stored === undefined || timeline.now >= stored.goneAt) return undefined;
    const stale = !consistent && timeline.now - stored.since < STALE_MS && random.chance(0.5);
    if (stale) journal.count("stale read");
    return stale ? stored.before : stored.item;
  }

  /** The items of a partition between two sort keys, both included, in order. */
  range(partition: string, from: string, to: string): Item[] {
    const found: [string, Item][] = [];
    for (const [sort, { item }] of this.#partitions.get(partition) ?? []) {
      if (item && compareKeys(sort, from) >= 0 && compareKeys(sort, to) <= 0) found.push([sort, item]);
    }
    return found.sort(([a], [b]) => compareKeys(a, b)).map(([, item]) => item);
  }

  /** For each write whether its condition holds; if all do, they land together. */
  write(writes: readonly Write[]): boolean[] {
    const { minds, onLanded } = this.#options;
    const held = writes.map(
      ({ condition, key, values }) =>
        condition === undefined || holds(condition, this.get(key), { values, minds }),
    );
    if (held.includes(false)) return held;
    onLanded(writes.map((write) => this.#land(write)));
    return held;
  }

  #land({ kind, key, item, update, values }: Write): Landed {
    const before = this.get(key);
    const after =
      kind === "delete" ? undefined : kind === "put" ? item : updated(update ?? "", before ?? key, values);
    const { timeline, random } = this.#world;
    const expires = after?.expires?.N;
    const goneAt =
      expires === undefined ? Number.POSITIVE_INFINITY : Number(expires) * 1000 + random.between(0, LATE_MS);
    this.#partition(key).set(this.#sortOf(key), { item: after, before, since: timeline.now, goneAt });
    return { key, before, after };
  }

  #partition(key: Item): Map<string, Stored> {
    const name = key[this.#options.partition]?.S ?? "";
    const partition = this.#partitions.get(name) ?? new Map();
    this.#partitions.set(name, partition);
    return partition;
  }

  #sortOf(key: Item): string {
    const { sort } = this.#options;
    return sort === undefined ? "" : (key[sort]?.S ?? "");
  }
}
