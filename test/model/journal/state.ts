import { type Setting as Frame, noMishaps } from "../frame.ts";
import type { Rules } from "./rules.ts";

/** What a worker does after it has hydrated: commit by a journal, commit by one transaction, or read all entries. */
export type Deed = "large" | "small" | "read";

/** What takes part, and how much may go wrong. */
export interface Scenario {
  /** What each worker does, one after the other; what it does not get through with it leaves, and hydrates again. */
  readonly workers: readonly (readonly Deed[])[];
  /** Workers that die between two requests; another one takes the place, hydrates, and has nothing else to do. */
  readonly crashes: number;
  /** Requests that nobody answers: they land at once, or later, or never. */
  readonly late: number;
}

export type Mishap = "crashes" | "late";

/** The entries of the instance; each is one part of a journal, and applied by one transaction. */
export const ENTRIES = [0, 1] as const;

/** What each entry holds: the number of the commit that wrote it. */
export type Values = readonly number[];

export interface Head {
  readonly version: number;
  /** The journal that is not applied yet, and how many of its changes are. */
  readonly journal: string | undefined;
  readonly applied: number;
}

/** A part of a journal: one change. */
export interface Part {
  readonly journal: string;
  /** The version that its commit was made from. */
  readonly from: number;
  readonly entry: number;
  readonly value: number;
  /** Somebody has tidied up when nothing could need it any more: for the promises. */
  readonly doomed: boolean;
}

/** A request to the table, which is answered whole or not at all. */
export type Request =
  | { readonly does: "puts"; readonly part: Part }
  | { readonly does: "flips"; readonly expected: number; readonly journal: string; readonly value: number }
  | { readonly does: "commits"; readonly expected: number; readonly value: number }
  | { readonly does: "counts"; readonly journal: string; readonly done: number }
  | { readonly does: "applies"; readonly part: Part; readonly done: number | undefined }
  | { readonly does: "forgets"; readonly journal: string }
  | { readonly does: "removes"; readonly part: Part };

export interface Worker {
  /** `parts`: a head that it has read names a journal. `tidy`: that is applied; what is no longer needed is listed. */
  readonly at: "hydrate" | "parts" | "work" | "request" | "tidy" | "read" | "gone";
  readonly deeds: readonly Deed[];
  /** The version of the head as this worker knows it. */
  readonly version: number;
  /** The journal that it applies, or tidies up after. */
  readonly journal: string | undefined;
  /** What it will ask of the table, one after the other. */
  readonly requests: readonly Request[];
  /** Where it goes on when all that is done, one after the other. */
  readonly after: readonly ("tidy" | "hydrate" | "work")[];
  /** The entries that it has read, while they are not verified. */
  readonly read: Values | undefined;
}

/** The items of one instance, and the workers on it. */
export interface State {
  readonly head: Head;
  readonly values: Values;
  readonly parts: readonly Part[];
  readonly workers: readonly Worker[];
  /** Requests that nobody waits for and that may still land. */
  readonly air: readonly Request[];
  /** What the entries hold at each version: for the promises, nobody in the protocol sees it. */
  readonly history: readonly Values[];
  /** Commits made so far, those that are lost included. */
  readonly made: number;
  /** What must not have happened and did. */
  readonly wrong: string | undefined;
  readonly mishaps: Readonly<Record<Mishap, number>>;
}

export type Setting = Frame<Scenario, Rules>;

/** A worker that has these deeds before it. */
export function newWorker(deeds: readonly Deed[]): Worker {
  return { at: "hydrate", deeds, version: 0, journal: undefined, requests: [], after: [], read: undefined };
}

export function start({ scenario }: Setting): State {
  const values = ENTRIES.map(() => 0);
  return {
    head: { version: 0, journal: undefined, applied: 0 },
    values,
    parts: [],
    workers: scenario.workers.map(newWorker),
    air: [],
    history: [values],
    made: 0,
    wrong: undefined,
    mishaps: noMishaps(["crashes", "late"]),
  };
}
