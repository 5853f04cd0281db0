import { type Setting as Frame, noMishaps } from "../frame.ts";
import type { Rules } from "./rules.ts";
import type { Ending, MessageSpec, Scenario } from "./scenario.ts";

/** Outcomes by id: a call's, or (for a refusal) an attempt's. */
export type Outcomes = Readonly<Record<string, Ending>>;

/**
 * `dropped`: the queue took it for one that it had already. `dead`: in the dead-letter queue. `unsent`: its mailbox is still to come.
 * `gone`: with its mailbox.
 */
export type Place = "queued" | "held" | "deleted" | "dead" | "dropped" | "unsent" | "gone";

export interface Head {
  readonly version: number;
  readonly mark: number;
  /** The mailbox that the mark is of: places in different ones do not compare. */
  readonly mailbox: number;
  readonly settled: Outcomes;
  /** Messages whose turn sent a one-way message that may not have left; each stands for what it sent. */
  readonly outbox: readonly number[];
  /** The call whose runs may have ended their workers, and how many of them began and never ended. */
  readonly trial: { readonly call: string; readonly starts: number } | undefined;
}

/** A conditional write of the head, and the turns that it makes durable. */
export interface Commit {
  readonly expected: number;
  readonly head: Head;
  readonly turns: readonly (readonly [message: number, ending: Ending])[];
}

export interface Worker {
  readonly at: "idle" | "hydrate" | "orphans" | "look" | "verify" | "work" | "leave" | "take back";
  readonly batch: readonly number[];
  /** Those of the batch that an earlier attempt at it has finished: they go with the rest. */
  readonly finished: readonly number[];
  /** Those of the batch that were received before. */
  readonly suspects: readonly number[];
  /** Those that were received so often that starts are written down. */
  readonly often: readonly number[];
  /** The call whose start this worker has written and not ended, with the head before it and with it. */
  readonly begun: { readonly call: string; readonly before: Head; readonly after: Head } | undefined;
  /** Whether a commit of this worker failed: it may leave what it could try again. */
  readonly failed: boolean;
  /** Messages that this worker knows to be dead letters. */
  readonly buried: readonly number[];
  /** Whether the queue still reserves the batch for this worker. */
  readonly lease: boolean;
  /** The mailbox that the batch came through. */
  readonly mailbox: number;
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
  /** Outcomes of calls whose mailbox is gone, to be filed before anything is committed. */
  readonly orphans: Outcomes;
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
  /** How many mailboxes there were before this one. */
  readonly mailbox: number;
  readonly filed: Outcomes;
  /** Those of them that nobody can look up any more. */
  readonly forgotten: readonly string[];
  /** Commits that timed out and may still land. */
  readonly air: readonly Commit[];
  /** What landed, in order: for the promises, nobody in the protocol sees it. */
  readonly applied: Commit["turns"];
  /** What the receiver has run, once per run. */
  readonly arrived: readonly number[];
  /** What lies in the dead-letter queue because a worker put it there. */
  readonly buried: readonly number[];
  /** How many runs of a call may rightly be held against it: nobody in the protocol sees it. */
  readonly held: Readonly<Record<string, number>>;
  /** How often each thing happened that a scenario limits. */
  readonly mishaps: Readonly<Record<(typeof MISHAPS)[number], number>>;
}

const MISHAPS = [
  "errands",
  "crashes",
  "restarts",
  "refusals",
  "expiries",
  "unknownCommits",
  "unknownSends",
  "lostDeletes",
  "lostReplies",
] as const;

export type Setting = Frame<Scenario, Rules>;

const NO_HEAD: Head = { version: 0, mark: -1, mailbox: 0, settled: {}, outbox: [], trial: undefined };

export const IDLE: Worker = {
  at: "idle",
  batch: [],
  finished: [],
  suspects: [],
  often: [],
  begun: undefined,
  failed: false,
  buried: [],
  lease: false,
  mailbox: 0,
  head: NO_HEAD,
  certain: {},
  past: [],
  todo: [],
  found: [],
  unfiled: {},
  orphans: {},
  filed: [],
  sent: [],
  looked: false,
};

export function start(setting: Setting): State {
  const { scenario, rules } = setting;
  const { messages, workers } = scenario;
  return {
    messages: messages.map(({ call, mailbox, copy }, index) => {
      if (mailbox > 0) return { place: "unsent", receives: 0 };
      const first = messages.findIndex((other) => other.call === call);
      const known = copy ? packOf(first, setting).length === 1 : !rules.ownDeduplicationId;
      return { place: first < index && known ? "dropped" : "queued", receives: 0 };
    }),
    head: NO_HEAD,
    workers: Array.from({ length: workers }, () => IDLE),
    mailbox: 0,
    filed: {},
    forgotten: [],
    air: [],
    applied: [],
    arrived: [],
    buried: [],
    held: {},
    mishaps: noMishaps(MISHAPS),
  };
}

export function specOf({ messages }: Scenario, message: number): MessageSpec {
  const spec = messages[message];
  if (!spec) throw new RangeError(`there is no message ${message}`);
  return spec;
}

/** All envelopes of the message that this one lies in. */
export function packOf(envelope: number, { scenario, rules }: Setting): number[] {
  const { messages } = scenario;
  const comesTwice = (index: number) =>
    messages.some(({ call, copy }) => copy && call === messages[index]?.call) && rules.copiesAlone;
  const isJoined = (index: number) =>
    messages[index]?.packed === true && !comesTwice(index) && !comesTwice(index - 1);
  let [first, last] = [envelope, envelope];
  while (isJoined(first)) first--;
  while (isJoined(last + 1)) last++;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
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

/** The state in which one more run of a call may rightly be held against it. */
export function hold(state: State, call: string | undefined): State {
  if (call === undefined) return state;
  return { ...state, held: { ...state.held, [call]: (state.held[call] ?? 0) + 1 } };
}

/** Whether an outcome says that this message was given up. */
export function isGivenUp(outcomes: Outcomes, call: string, message: number): boolean {
  return outcomes[call] === `crashed ${message}`;
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
