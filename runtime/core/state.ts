import type { Head } from "../ports/store.ts";

/** Where the store holds a key as of the last planned commit. */
export type Home = "inline" | "entry" | "nowhere" | "unknown";

/**
 * What an activation knows of its instance's values: the snapshot it was hydrated from, plus every finished
 * turn since. When a commit fails the whole activation is dropped, so nothing here is ever rolled back.
 */
export class State {
  /** The head as of the last planned commit. */
  head: Head;
  /** Set when entries were read from the store after hydration: they may be newer than the head. */
  unverified = false;
  readonly #texts = new Map<string, string | undefined>();
  readonly #homes = new Map<string, Home>();
  readonly #readEntry: (key: string) => Promise<string | undefined>;

  constructor(head: Head, readEntry: (key: string) => Promise<string | undefined>) {
    this.head = head;
    this.#readEntry = readEntry;
    for (const [key, text] of head.inline) {
      this.#texts.set(key, text);
      this.#homes.set(key, "inline");
    }
  }

  /** The text under `key`, at once where it is known, else read from the store and remembered. */
  read(key: string): string | undefined | Promise<string | undefined> {
    if (this.#texts.has(key)) return this.#texts.get(key);
    if (!this.head.spilled) return undefined;
    this.unverified = true;
    return this.#readEntry(key).then((text) => {
      // A turn that finished meanwhile knows better than the store.
      if (this.#texts.has(key)) return this.#texts.get(key);
      this.#texts.set(key, text);
      this.#homes.set(key, text === undefined ? "nowhere" : "entry");
      return text;
    });
  }

  /** Takes over the writes of a turn that succeeded: later turns read them. */
  fold(writes: ReadonlyMap<string, string | undefined>): void {
    for (const [key, text] of writes) this.#texts.set(key, text);
  }

  /** Where the store holds `key`. */
  home(key: string): Home {
    return this.#homes.get(key) ?? (this.head.spilled ? "unknown" : "nowhere");
  }

  /** Follows a planned commit: `head` is what the store will hold, `homes` where keys moved. */
  advance(head: Head, homes: ReadonlyMap<string, Home>): void {
    this.head = head;
    for (const [key, home] of homes) this.#homes.set(key, home);
  }
}

/** The head of an instance that never committed anything. */
export const NEW_HEAD: Head = {
  version: 0,
  inline: new Map(),
  spilled: false,
  mark: undefined,
  settled: new Map(),
};
