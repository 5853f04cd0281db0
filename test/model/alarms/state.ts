import type { Setting as Frame } from "../frame.ts";
import type { Rules } from "./rules.ts";
import type { Scenario } from "./scenario.ts";

export interface Alarm {
  readonly at: number;
  readonly retries: number;
  /** Tells this alarm from those set before and after: for the promises, nobody in the protocol sees it. */
  readonly setting: string;
}

export interface Wake {
  readonly at: number;
  readonly version: number;
}

export interface Head {
  readonly version: number;
  readonly mark: number;
  readonly alarm: Alarm | undefined;
  readonly wake: Wake | undefined;
}

export interface Message {
  /** Its place in the mailbox. */
  readonly place: number;
  /** A call of the scenario, by its number, or a wake. */
  readonly asks: number | Wake;
}

/** What happens to an alarm. `tried`: its handler failed and will be tried again; `dropped`: it failed for the last time. */
export type Event = "set" | "fired" | "tried" | "dropped" | "deleted" | "replaced";

/** A conditional write of the head, and what it makes durable. */
export interface Commit {
  readonly expected: number;
  readonly head: Head;
  readonly calls: readonly number[];
  /** What it does to alarms, in order: for the promises. */
  readonly story: readonly (readonly [setting: string, event: Event])[];
}

/** Turns that ran one after the other and share a commit. */
export interface Plan {
  readonly what: string;
  readonly commit: Commit;
  /** The wake that the commit counts on and that is not on its way yet. */
  readonly arm: Wake | undefined;
  /** The places of the messages that the commit finishes. */
  readonly finishes: readonly number[];
}

export interface Worker {
  readonly at: "idle" | "hydrate" | "work" | "arm" | "commit";
  readonly batch: readonly Message[];
  /** The places of those of the batch that need nothing more. */
  readonly finished: readonly number[];
  /** Whether the queue still reserves the batch for this worker. */
  readonly lease: boolean;
  /** The head as this worker knows it. */
  readonly head: Head;
  readonly plan: Plan | undefined;
}

/** One instance, its mailbox, its workers, and the clock that brings its wakes. */
export interface State {
  readonly time: number;
  /** What is queued or held, in order. */
  readonly mailbox: readonly { readonly message: Message; readonly held: boolean }[];
  /** Calls that have come into the mailbox. */
  readonly called: number;
  /** Messages that have come into the mailbox: the last one's place. */
  readonly places: number;
  readonly onTheWay: readonly Wake[];
  /** Every wake that was ever armed. */
  readonly armed: readonly Wake[];
  readonly head: Head;
  readonly workers: readonly Worker[];
  /** A commit that timed out and may still land. */
  readonly air: Commit | undefined;
  /** The calls that commits made durable, once per landing: this and what follows are for the promises only. */
  readonly applied: readonly number[];
  /** The alarm that is set, by what landed. */
  readonly set: string | undefined;
  /** What must not have happened and did. */
  readonly wrong: string | undefined;
  /** How often each thing happened that a scenario limits. */
  readonly mishaps: Readonly<Record<Mishap, number>>;
}

export type Mishap =
  | "crashes"
  | "expiries"
  | "unknownCommits"
  | "unknownArms"
  | "copies"
  | "early"
  | "lostDeletes";

export type Setting = Frame<Scenario, Rules>;

const NO_HEAD: Head = { version: 0, mark: 0, alarm: undefined, wake: undefined };

export const IDLE: Worker = {
  at: "idle",
  batch: [],
  finished: [],
  lease: false,
  head: NO_HEAD,
  plan: undefined,
};

export function start({ scenario }: Setting): State {
  return {
    time: 0,
    mailbox: [],
    called: 0,
    places: 0,
    onTheWay: [],
    armed: [],
    head: NO_HEAD,
    workers: Array.from({ length: scenario.workers }, () => IDLE),
    air: undefined,
    applied: [],
    set: undefined,
    wrong: undefined,
    mishaps: {
      crashes: 0,
      expiries: 0,
      unknownCommits: 0,
      unknownArms: 0,
      copies: 0,
      early: 0,
      lostDeletes: 0,
    },
  };
}

/** What is left of a worker's batch. */
export function todoOf({ batch, finished }: Worker): Message[] {
  return batch.filter(({ place }) => !finished.includes(place));
}

export function withFinished(worker: Worker, places: readonly number[]): Worker {
  const finished = [...new Set([...worker.finished, ...places])].sort((a, b) => a - b);
  return { ...worker, finished };
}
