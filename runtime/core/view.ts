import type { Draft } from "./draft.ts";
import { compareKeys } from "./key-order.ts";
import { inRange, type KeyRange } from "./key-range.ts";
import type { State } from "./state.ts";

/** What code sees while it runs: the drafts from the top down, then the state with all finished turns. */
export class View {
  readonly #state: State;
  readonly #drafts: readonly Draft[];

  /** @param drafts the turn's own first, then that of a transaction within it */
  constructor(state: State, drafts: readonly Draft[]) {
    this.#state = state;
    this.#drafts = drafts;
  }

  /** The text under `key` as of now, or `undefined`. */
  read(key: string): string | undefined | Promise<string | undefined> {
    for (const draft of this.#drafts.toReversed()) {
      if (draft.writes.has(key)) return draft.writes.get(key);
      if (draft.cleared) return undefined;
    }
    return this.#state.read(key);
  }

  /** Keys and texts of a range as of now, in order, at most `range.limit` of them. */
  async list(range: KeyRange): Promise<[key: string, text: string][]> {
    const nearer = this.#nearer(range);
    const order = range.reverse ? (a: string, b: string) => compareKeys(b, a) : compareKeys;
    const waiting = [...nearer.keys()].sort(order);
    const found: [string, string][] = [];
    let next = 0;
    const takeNearer = (upTo?: string) => {
      for (; next < waiting.length && found.length < range.limit; next++) {
        const key = waiting[next] as string;
        if (upTo !== undefined && order(key, upTo) > 0) return;
        const text = nearer.get(key);
        if (text !== undefined) found.push([key, text]);
      }
    };

    if (!this.#drafts.some((draft) => draft.cleared)) {
      // A removed key may hide an entry, a nearer text goes in its place: so many are enough to fill the answer in one page.
      let removed = 0;
      for (const text of nearer.values()) if (text === undefined) removed++;
      const limit = Math.min(range.limit + removed, 1000);
      for await (const [key, text] of this.#state.entries({ ...range, limit })) {
        takeNearer(key);
        if (found.length === range.limit) break;
        if (!nearer.has(key)) found.push([key, text]);
        if (found.length === range.limit) break;
      }
    }
    takeNearer();
    return found;
  }

  /** What goes before the store's entries: known texts, and the drafts over them. */
  #nearer(range: KeyRange): Map<string, string | undefined> {
    const nearer = new Map<string, string | undefined>();
    const layers: Iterable<readonly [string, string | undefined]>[] = [this.#state.known];
    for (const draft of this.#drafts) {
      if (draft.cleared) layers.length = 0;
      layers.push(draft.writes);
    }
    for (const layer of layers)
      for (const [key, text] of layer) if (inRange(key, range)) nearer.set(key, text);
    return nearer;
  }
}
