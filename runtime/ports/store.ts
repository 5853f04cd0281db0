import type { ActorId, Mark } from "./mailbox.ts";

/** The one record of an instance that every commit replaces under a version check. */
export interface Head {
  /** The fencing token: +1 with every commit. */
  readonly version: number;
  /** Values small enough to live in the head, by key, as codec text. */
  readonly inline: ReadonlyMap<string, string>;
  /** Whether any value may live in an entry of its own. */
  readonly spilled: boolean;
  /** The highest place in the mailbox whose envelope is committed. */
  readonly mark: Mark | undefined;
  /** Outcomes of the batch committed last, by envelope id, as outcome text. */
  readonly settled: ReadonlyMap<string, string>;
}

/** Everything that one commit changes. It lands whole or not at all. */
export interface Commit {
  readonly id: ActorId;
  /** The version that the head must still have; 0 = there must be no head. */
  readonly expected: number;
  /** The head after the commit; its version is `expected` + 1. */
  readonly head: Head;
  /** Entries of their own: new codec text by key, or `undefined` to remove the entry. */
  readonly entries: ReadonlyMap<string, string | undefined>;
}

/** `fenced`: the head had another version; `head` is what it is now. Nothing was written. */
export type CommitResult =
  | { readonly status: "committed" }
  | { readonly status: "fenced"; readonly head: Head | undefined };

/** Durable state of instances. Every read is strongly consistent. */
export interface Store {
  /** The instance's head, or `undefined` if nothing was ever committed. */
  hydrate(id: ActorId): Promise<Head | undefined>;
  /** The codec text in the entry of its own for `key`, or `undefined`. */
  readEntry(id: ActorId, key: string): Promise<string | undefined>;
  /** One conditional write. Throws when it is unknown whether the commit landed. */
  commit(commit: Commit): Promise<CommitResult>;
}
