import type { Alarm } from "./alarm-clock.ts";
import type { ActorId } from "./mailbox.ts";
import type { Head } from "./store.ts";

/** An instance in a list. */
export interface Listed {
  readonly name: string;
  readonly version: number;
  readonly alarm: Alarm | undefined;
}

/** Instances of one type asked for, in the order of the UTF-8 bytes of their names. */
export interface DirectoryQuery {
  readonly type: string;
  /** What the names begin with; "" for all. */
  readonly prefix: string;
  /** The last name of the page before. */
  readonly after: string | undefined;
  /** Most instances wanted, at least 1. */
  readonly limit: number;
}

export interface DirectoryPage {
  readonly instances: readonly Listed[];
  /** Whether instances follow the last one. */
  readonly more: boolean;
}

/** All that an instance holds, as of one commit. */
export interface Snapshot {
  readonly head: Head;
  /** Codec texts by key, in the order of the keys' UTF-8 bytes; those in the head included. */
  readonly values: ReadonlyMap<string, string>;
}

/**
 * The operator's view of all instances. It only reads, and no running instance notices. An instance is listed while it holds a value or
 * an alarm.
 */
export interface Directory {
  /** The types that there are instances of, as far as is known. */
  types(): Promise<readonly string[]>;
  list(query: DirectoryQuery): Promise<DirectoryPage>;
  /**
   * `undefined`: nothing was ever committed.
   *
   * @throws SnapshotError the instance commits faster than its values can be read
   */
  snapshot(id: ActorId): Promise<Snapshot | undefined>;
}
