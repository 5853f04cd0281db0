import { type Setting as Frame, noMishaps } from "../frame.ts";
import type { Rules } from "./rules.ts";

/**
 * What a message's turn does: it writes; it only reads; it fails, so that it changes nothing and is committed all the same; it calls
 * another instance, then writes. Its outcome tells what it saw.
 */
export type Kind = "writes" | "reads" | "fails" | "calls";

/** What takes part, and how much may go wrong. */
export interface Scenario {
  /** In the order of the mailbox. */
  readonly messages: readonly Kind[];
  readonly workers: number;
  /** Messages that a worker receives at most. */
  readonly batch: number;
  readonly crashes: number;
  /** Leases that run out under a worker that goes on: it becomes a zombie. */
  readonly expiries: number;
  /** Commits whose answer is lost: they have landed, will land, or never do. */
  readonly unknownCommits: number;
  /** Replies that can't be filed. */
  readonly lostReplies: number;
}

export type Mishap = "crashes" | "expiries" | "unknownCommits" | "lostReplies";

/** The state of the instance: which messages have written, in that order. */
export type Log = readonly number[];

/** What a turn saw, its own write included, by its message. */
export type Outcomes = Readonly<Record<number, Log>>;

export interface Head {
  readonly version: number;
  readonly mark: number;
  readonly settled: Outcomes;
  readonly log: Log;
}

/** A conditional write of the head. */
export interface Commit {
  readonly expected: number;
  readonly head: Head;
  /** The outcomes of its own turns. */
  readonly outcomes: Outcomes;
}

/** A commit on its way; `answer`: what the store has said, and the worker has not heard yet. */
export interface Flight {
  readonly commit: Commit;
  readonly answer: "none" | "landed" | "fenced";
}

export interface Worker {
  readonly at: "idle" | "hydrate" | "work";
  readonly batch: readonly number[];
  /** Whether the queue still reserves the batch for this worker. */
  readonly lease: boolean;
  /** Those of the batch that were received before. */
  readonly suspects: readonly number[];
  /** The head as this worker knows it. */
  readonly head: Head;
  /** What the next turn sees: the head's log, and what has run since. */
  readonly log: Log;
  readonly todo: readonly number[];
  /** Turns that have run and are in no commit yet. */
  readonly finished: readonly number[];
  readonly outcomes: Outcomes;
  readonly flights: readonly Flight[];
  /** Outcomes of the batch that no second run may change. */
  readonly certain: Outcomes;
  readonly unfiled: readonly number[];
  /** Messages that need nothing more. */
  readonly answered: readonly number[];
}

/** One instance, its mailbox, its workers and the reply table. */
export interface State {
  readonly messages: readonly { readonly place: "queued" | "held" | "deleted"; readonly received: boolean }[];
  readonly head: Head;
  readonly workers: readonly Worker[];
  /** Commits that nobody waits for any more and that may still land. */
  readonly air: readonly Commit[];
  readonly filed: Outcomes;
  /** What turns have told other instances of what they saw. */
  readonly told: Outcomes;
  /** What must not have happened and did. */
  readonly wrong: string | undefined;
  readonly mishaps: Readonly<Record<Mishap, number>>;
}

export type Setting = Frame<Scenario, Rules>;

const NO_HEAD: Head = { version: 0, mark: -1, settled: {}, log: [] };

export const IDLE: Worker = {
  at: "idle",
  batch: [],
  lease: false,
  suspects: [],
  head: NO_HEAD,
  log: [],
  todo: [],
  finished: [],
  outcomes: {},
  flights: [],
  certain: {},
  unfiled: [],
  answered: [],
};

export function start({ scenario }: Setting): State {
  return {
    messages: scenario.messages.map(() => ({ place: "queued", received: false })),
    head: NO_HEAD,
    workers: Array.from({ length: scenario.workers }, () => IDLE),
    air: [],
    filed: {},
    told: {},
    wrong: undefined,
    mishaps: noMishaps(["crashes", "expiries", "unknownCommits", "lostReplies"]),
  };
}
