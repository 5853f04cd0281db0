import type { Rules } from "./rules.ts";
import type { Ending, MessageSpec, Scenario } from "./scenario.ts";

/** Outcomes by id: a call's, or (for a refusal) an attempt's. */
export type Outcomes = Readonly<Record<string, Ending>>;

/** `dropped`: the queue took it for one that it had already. `dead`: in the dead-letter queue. */
export type Place = "queued" | "held" | "deleted" | "dead" | "dropped";

export interface Head {
  readonly version: number;
  readonly mark: number;
  readonly settled: Outcomes;
  /** Messages whose turn sent a one-way message that may not have left; each stands for what it sent. */
  readonly outbox: readonly number[];
}

/** A conditional write of the head, and the turns that it makes durable. */
export interface Commit {
  readonly expected: number;
  readonly head: Head;
  readonly turns: readonly (readonly [message: number, ending: Ending])[];
}

export interface Worker {
  readonly at: "idle" | "hydrate" | "look" | "verify" | "work";
  readonly batch: readonly number[];
  /** Those of the batch that an earlier attempt at it has finished: they go with the rest. */
  readonly finished: readonly number[];
  /** Those of the batch that were received before. */
  readonly suspects: readonly number[];
  /** Whether the queue still reserves the batch for this worker. */
  readonly lease: boolean;
  /** The head as this worker knows it. */
  readonly head: Head;
  /** Outcomes of the batch that no second run may change. */
  readonly certain: Outcomes;
  /** Messages that were answered before: neither run nor answered again. */
  readonly past: readonly number[];
  readonly todo: readonly number[];
  /** Messages whose reply was found, while the head is read again. */
  readonly found: readonly number[];
  /** Outcomes whose reply is to be filed. */
  readonly unfiled: Outcomes;
  /** Ids whose reply this worker knows to be filed. */
  readonly filed: readonly string[];
  /** Messages of the outbox that this worker knows to have left. */
  readonly sent: readonly number[];
  readonly looked: boolean;
}

/** One instance, its mailbox, its workers, the reply table, and the receiver of its one-way messages. */
export interface State {
  readonly messages: readonly { readonly place: Place; readonly receives: number }[];
  readonly head: Head;
  readonly workers: readonly Worker[];
  readonly filed: Outcomes;
  /** A commit that timed out and may still land. */
  readonly air: Commit | undefined;
  /** What landed, in order: for the promises, nobody in the protocol sees it. */
  readonly applied: Commit["turns"];
  /** What the receiver has run, once per run. */
  readonly arrived: readonly number[];
  /** How often each thing happened that a scenario limits. */
  readonly mishaps: Readonly<Record<Mishap, number>>;
}

export type Mishap =
  | "errands"
  | "crashes"
  | "expiries"
  | "unknownCommits"
  | "unknownSends"
  | "lostDeletes"
  | "lostReplies";

/** What stays the same through a search. */
export interface Setting {
  readonly scenario: Scenario;
  readonly rules: Rules;
}

const NO_HEAD: Head = { version: 0, mark: -1, settled: {}, outbox: [] };

export const IDLE: Worker = {
  at: "idle",
  batch: [],
  finished: [],
  suspects: [],
  lease: false,
  head: NO_HEAD,
  certain: {},
  past: [],
  todo: [],
  found: [],
  unfiled: {},
  filed: [],
  sent: [],
  looked: false,
};

export function start({ scenario, rules }: Setting): State {
  const { messages, workers } = scenario;
  return {
    messages: messages.map(({ call }, index) => {
      const again = messages.findIndex((other) => other.call === call) < index;
      return { place: again && !rules.ownDeduplicationId ? "dropped" : "queued", receives: 0 };
    }),
    head: NO_HEAD,
    workers: Array.from({ length: workers }, () => IDLE),
    filed: {},
    air: undefined,
    applied: [],
    arrived: [],
    mishaps: {
      errands: 0,
      crashes: 0,
      expiries: 0,
      unknownCommits: 0,
      unknownSends: 0,
      lostDeletes: 0,
      lostReplies: 0,
    },
  };
}

/** Workers are alike: which of them is where does not matter. */
export function key({ workers, ...rest }: State): string {
  return JSON.stringify([rest, workers.map((worker) => JSON.stringify(worker)).sort()]);
}

export function specOf({ messages }: Scenario, message: number): MessageSpec {
  const spec = messages[message];
  if (!spec) throw new RangeError(`there is no message ${message}`);
  return spec;
}

/** Names one attempt at a kept call: its refusal must not stand for the call. */
export function attemptId({ call }: MessageSpec, message: number): string {
  return `${call}#${message}`;
}

/** The ids under which the outcome of a message may be found. */
export function idsOf(scenario: Scenario, message: number): string[] {
  const spec = specOf(scenario, message);
  return spec.attempt ? [spec.call, attemptId(spec, message)] : [spec.call];
}

/** What is left of a worker's batch after its earlier attempts. */
export function openOf({ batch, finished }: Worker): number[] {
  return batch.filter((message) => !finished.includes(message));
}

export function isKept({ messages }: Scenario, id: string): boolean {
  return messages.some(({ call, kept }) => kept && call === id);
}

/** `outcomes` with more of them; sorted, so that equal ones have equal keys. */
export function withOutcomes(outcomes: Outcomes, more: Outcomes): Outcomes {
  const all = Object.entries({ ...outcomes, ...more });
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function filterOutcomes(outcomes: Outcomes, wanted: (id: string) => boolean): Outcomes {
  return Object.fromEntries(Object.entries(outcomes).filter(([id]) => wanted(id)));
}

export function withMember<Member extends string | number>(
  list: readonly Member[],
  member: Member,
): Member[] {
  return [...new Set([...list, member])].sort();
}
