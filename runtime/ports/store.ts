import type { Alarm, Wake } from "./alarm-clock.ts";
import type { Eventual } from "./eventual.ts";
import type { ActorId, Mark } from "./mailbox.ts";

/** A call, or a wake, under suspicion: its runs may have ended their workers. */
export interface Trial {
  /** Id of the envelope. */
  readonly id: string;
  /** How many runs of it were begun of which no end is known. */
  readonly starts: number;
}

/** The one record of an instance that every commit replaces under a version check. */
export interface Head {
  /** The fencing token: +1 with every commit. */
  readonly version: number;
  /** Values small enough to live in the head, by key, as codec text. */
  readonly inline: ReadonlyMap<string, string>;
  /** Whether any value may live in an entry of its own, in the present generation. */
  readonly spilled: boolean;
  /** +1 with every deleteAll: entries of older generations are garbage. */
  readonly generation: number;
  /** Garbage of generations below this one is cleared away. */
  readonly swept: number;
  /** The highest place in the mailbox whose envelope is committed. */
  readonly mark: Mark | undefined;
  /** Outcomes of the batch committed last, by envelope id, as outcome text. */
  readonly settled: ReadonlyMap<string, string>;
  /** One-way messages that committed turns have sent and that may not have left yet: envelope texts, in order. */
  readonly outbox: readonly string[];
  readonly alarm: Alarm | undefined;
  /** The earliest wake that is known to be on its way; another one that comes means nothing. */
  readonly wake: Wake | undefined;
  readonly trial: Trial | undefined;
}

/** Everything that one commit changes. It lands whole or not at all, whatever its size. */
export interface Commit {
  readonly id: ActorId;
  /** The version that the head must still have; 0 = there must be no head. */
  readonly expected: number;
  /** The head after the commit; its version is `expected` + 1. */
  readonly head: Head;
  /** Entries of the head's generation: new codec text by key, or `undefined` to remove the entry. */
  readonly entries: ReadonlyMap<string, string | undefined>;
}

/** `fenced`: the head had another version. Nothing was written. */
export type CommitResult = { readonly status: "committed" } | { readonly status: "fenced" };

/** A page of entries asked for. Bounds compare by UTF-8 bytes. */
export interface EntryRange {
  readonly generation: number;
  /** First key, inclusive. */
  readonly from: string;
  /** End, exclusive; `undefined`: no end. */
  readonly to: string | undefined;
  readonly reverse: boolean;
  /** Most entries wanted, at least 1; a page may hold fewer and still have more behind it. */
  readonly limit: number;
}

export interface EntryPage {
  /** Keys and codec texts, in order. */
  readonly entries: readonly (readonly [key: string, text: string])[];
  /** Whether entries of the range may follow. */
  readonly more: boolean;
}

/** Durable state of instances. Every read is strongly consistent. */
export interface Store {
  /**
   * The instance's head, or `undefined` if nothing was ever committed. Finishes a commit that a crash left half applied.
   *
   * @param known a head that was committed or hydrated here before: where the stored one is the same, this may come back in its place
   */
  hydrate(id: ActorId, known?: Head): Eventual<Head | undefined>;
  /** The codec text in the entry for `key`, or `undefined`. */
  readEntry(id: ActorId, generation: number, key: string): Promise<string | undefined>;
  listEntries(id: ActorId, range: EntryRange): Promise<EntryPage>;
  /** Lands a commit. Throws when it is unknown whether it landed. */
  commit(commit: Commit): Promise<CommitResult>;
  /**
   * Clears away at most `limit` entries of generations below the head's.
   *
   * @returns whether none is left
   */
  sweep(id: ActorId, head: Head, limit: number): Promise<boolean>;
}
