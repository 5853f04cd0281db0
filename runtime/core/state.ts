import type { Alarm } from "../ports/alarm-clock.ts";
import type { EntryPage, EntryRange, Head } from "../ports/store.ts";
import { utf8Length } from "./actor-id.ts";
import type { Changes, KeyChanges } from "./draft.ts";

/** Where the store holds a key as of the last commit. */
export type Home = "inline" | "entry" | "nowhere" | "unknown";

/** How much of the entries an activation keeps in memory, in UTF-8 bytes of codec text. */
const CACHED_BYTES = 4 * 1024 * 1024;
/** How much may be learned before an activation is weighed again: weighing looks at every key, and ends every batch. */
const UNWEIGHED_BYTES = 16 * 1024;

/** The entries of one instance, as its store has them. */
export interface Entries {
  read(generation: number, key: string): Promise<string | undefined>;
  list(range: EntryRange): Promise<EntryPage>;
}

/**
 * What an activation knows of its instance's values: the snapshot it was hydrated from, plus every finished
 * turn since. When a commit fails the whole activation is dropped, so nothing here is ever rolled back.
 */
export class State {
  /** The head as of the last commit. */
  head: Head;
  /** Set when entries were read from the store after hydration: they may be newer than the head. */
  unverified = false;
  /** Set when the store failed a read: whatever the turn made of that is no outcome. */
  readFailure: { readonly reason: unknown } | undefined;
  /** The generation that finished turns see; ahead of the head's while a deleteAll is not committed yet. */
  #generation: number;
  /** The alarm that finished turns see; the head's may not be committed yet. */
  #alarm: Alarm | undefined;
  /** What is known for certain, by key; `undefined`: there is no such key. */
  readonly #texts = new Map<string, string | undefined>();
  readonly #homes = new Map<string, Home>();
  readonly #entries: Entries;
  /** What the entries weighed last, and what was learned since, in UTF-8 bytes. */
  #weight = 0;
  #learned = 0;
  /** How often entries were forgotten. */
  #trims = 0;

  constructor(head: Head, entries: Entries) {
    this.head = head;
    this.#entries = entries;
    this.#generation = head.generation;
    this.#alarm = head.alarm;
    for (const [key, text] of head.inline) {
      this.#texts.set(key, text);
      this.#homes.set(key, "inline");
    }
  }

  /** What is known without asking the store. */
  get known(): ReadonlyMap<string, string | undefined> {
    return this.#texts;
  }

  /** The text under `key`, at once where it is known, else read from the store and remembered. */
  read(key: string): string | undefined | Promise<string | undefined> {
    if (this.#texts.has(key)) return this.#texts.get(key);
    if (!this.#hasEntries) return undefined;
    const generation = this.#generation;
    const trims = this.#trims;
    return this.#watched(this.#entries.read(generation, key)).then((text) => {
      this.unverified = true;
      // A turn that finished meanwhile knows better than the store.
      if (this.#texts.has(key)) return this.#texts.get(key);
      if (this.#generation !== generation) return undefined;
      // What knew better may have been forgotten since.
      if (this.#trims !== trims) return text;
      this.#learn(key, text);
      this.#homes.set(key, text === undefined ? "nowhere" : "entry");
      return text;
    });
  }

  /** The store's entries in a range, in order; what is {@link known} may differ from them and goes before them. */
  async *entries(
    range: Omit<EntryRange, "generation">,
  ): AsyncGenerator<readonly [key: string, text: string]> {
    if (!this.#hasEntries) return;
    const generation = this.#generation;
    for (let rest = range; ; ) {
      const { entries, more } = await this.#watched(this.#entries.list({ ...rest, generation }));
      this.unverified = true;
      yield* entries;
      const last = entries.at(-1)?.[0];
      if (!more || last === undefined) return;
      rest = range.reverse ? { ...rest, to: last } : { ...rest, from: `${last}\0` };
    }
  }

  get alarm(): Alarm | undefined {
    return this.#alarm;
  }

  /** Takes over the changes of a finished turn: later turns read them. */
  fold({ cleared, writes, alarm }: KeyChanges & Partial<Pick<Changes, "alarm">>): void {
    if (cleared) {
      this.#generation++;
      this.#texts.clear();
    }
    for (const [key, text] of writes) this.#learn(key, text);
    if (alarm !== undefined) this.#alarm = alarm ?? undefined;
  }

  /** Where the store holds `key`. */
  home(key: string): Home {
    return this.#homes.get(key) ?? (this.head.spilled ? "unknown" : "nowhere");
  }

  /** Follows a commit: `head` is what the store holds now, `homes` where keys moved. */
  advance(head: Head, homes: ReadonlyMap<string, Home>): void {
    if (head.generation !== this.head.generation) this.#homes.clear();
    this.head = head;
    for (const [key, home] of homes) this.#homes.set(key, home);
  }

  /**
   * Forgets entries when they have become too many. Only where nothing waits for its commit.
   *
   * @returns about the UTF-8 bytes of the entries that it keeps
   */
  trim(): number {
    if (this.#learned <= UNWEIGHED_BYTES) return this.#weight;
    this.#learned = 0;
    let bytes = 0;
    const entries = [...this.#homes].filter(([, home]) => home === "entry" || home === "nowhere");
    for (const [key] of entries) bytes += utf8Length(key) + utf8Length(this.#texts.get(key) ?? "");
    this.#weight = bytes <= CACHED_BYTES ? bytes : 0;
    if (bytes <= CACHED_BYTES) return bytes;
    this.#trims++;
    for (const [key] of entries) {
      this.#texts.delete(key);
      this.#homes.delete(key);
    }
    return 0;
  }

  async #watched<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (reason) {
      this.readFailure ??= { reason };
      throw reason;
    }
  }

  #learn(key: string, text: string | undefined): void {
    this.#texts.set(key, text);
    this.#learned += utf8Length(key) + utf8Length(text ?? "");
  }

  /** Beneath a deleteAll that is not committed yet there is nothing. */
  get #hasEntries(): boolean {
    return this.head.spilled && this.head.generation === this.#generation;
  }
}

/** The head of an instance that never committed anything. */
export const NEW_HEAD: Head = {
  version: 0,
  inline: new Map(),
  spilled: false,
  generation: 0,
  swept: 0,
  mark: undefined,
  settled: new Map(),
  outbox: [],
  alarm: undefined,
  wake: undefined,
  trial: undefined,
};
