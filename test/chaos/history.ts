import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

export type Kind = "add" | "post" | "fail" | "tell" | "relay" | "bulk" | "arm" | "disarm" | "read";
/** What a caller was told: the effects of errors, and `ok`. */
export type Told = "ok" | "refused" | "failed" | "unknown";

/** A caller asks, for the first time or again. */
export interface Begin {
  readonly is: "begin";
  readonly op: string;
  readonly attempt: number;
  readonly kind: Kind;
  readonly to: string;
  /** The other ledgers that it reaches. */
  readonly others: readonly string[];
}
/** A caller has its answer, or gives up. */
export interface End {
  readonly is: "end";
  readonly op: string;
  readonly attempt: number;
  readonly told: Told;
  readonly result?: unknown;
  readonly error?: string;
}
/** Messages are given to a worker. */
export interface Handed {
  readonly is: "handed";
  readonly batch: string;
  readonly worker: string;
  readonly messages: number;
  /** How many of them came before. */
  readonly again: number;
}
/** A worker has shortened the queue's visibility timeout to a lease. */
export interface Leased {
  readonly is: "leased";
  readonly batch: string;
}
/** A worker is killed, or stopped, while it holds ledgers. */
export interface Fault {
  readonly is: "kill" | "stop";
  readonly worker: string;
  readonly holds: readonly { readonly ledger: string; readonly batch: string }[];
}
export interface Passing {
  readonly is: "start" | "resume";
  readonly worker: string;
}
/** What a worker tells its operator. */
export interface Problem {
  readonly is: "problem";
  readonly worker: string;
  readonly what: string;
  readonly reason: string;
}
/** How a ledger is in the end. */
export interface State {
  readonly is: "state";
  readonly ledger: string;
  readonly lines: readonly string[];
  readonly alarm: number | null;
}
/** A message that was given up, since each of its runs was the end of its server. */
export interface Buried {
  readonly is: "buried";
  readonly ledger: string;
  /** What its line would begin with. */
  readonly line: string;
}

export type Event = Begin | End | Handed | Leased | Fault | Passing | Problem | State | Buried;
/** An event and when it was, in ms since the epoch. */
export type Recorded = Event & { readonly at: number };

export type Record = (event: Event) => void;

/**
 * Appends to a history file, which several processes may do at once: an event that `record` has returned from survives the death of
 * its process, and stands behind all that were recorded before it.
 */
export function openHistory(file: string): { readonly record: Record; close(): void } {
  const handle = openSync(file, "a");
  return {
    // The line feed before it ends what a killed process may have left unfinished.
    record: (event) => void writeSync(handle, `\n${JSON.stringify({ ...event, at: Date.now() })}\n`),
    close: () => closeSync(handle),
  };
}

export function readHistory(file: string): Recorded[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Recorded);
}
