import type { Wake } from "../ports/alarm-clock.ts";
import type { ActorId, Mark } from "../ports/mailbox.ts";
import type { Commit, Head } from "../ports/store.ts";
import { utf8Length } from "./actor-id.ts";
import { isSameWake, missingWake, wakeToArm } from "./alarm.ts";
import { type Changes, Draft, isEmpty, writtenBytes } from "./draft.ts";
import { layOut } from "./layout.ts";
import { isAfter } from "./mark.ts";
import type { Home, State } from "./state.ts";
import { startsOf, trialAfter } from "./trial.ts";

/** What a finished turn changes, with the place of its envelope in the mailbox. */
export interface PlacedTurn {
  readonly changes: Changes;
  readonly mark: Mark | undefined;
  /**
   * Whether it is committed also when it changes nothing. A turn that threw commits its mark, so that a late second run can't
   * turn a reported failure into an effect. So does a call that may be asked for again: its first outcome must be one, whoever runs it.
   */
  readonly mustCommit: boolean;
  /** The wake that was its envelope: it is on its way no more. */
  readonly wake: Wake | undefined;
  /** The id whose trial is over with this turn. */
  readonly ended: string | undefined;
  /** The id that is under suspicion after this turn. */
  readonly suspected: string | undefined;
}

export interface CommitPlan {
  readonly commit: Commit;
  readonly homes: ReadonlyMap<string, Home>;
  /** The wake that the commit counts on; to be armed before it. */
  readonly arm: Wake | undefined;
}

/** Keys and bytes up to which turns share a commit: what one DynamoDB transaction holds, the head included, with room to spare. */
const GROUP_KEYS = 99;
const GROUP_BYTES = 3 * 1024 * 1024;
/** Bytes of one-way messages up to which turns share a commit: they lie in the head, and an item holds 400 KB. */
const GROUP_POSTED_BYTES = 128 * 1024;

function isReadOnly({ changes, mustCommit, wake }: PlacedTurn): boolean {
  return isEmpty(changes) && !mustCommit && wake === undefined;
}

/** How many of the finished turns, from the first on, share the next commit: at least one, however large. */
export function groupSize(turns: readonly PlacedTurn[]): number {
  if (turns.length === 1) return 1;
  const keys = new Set<string>();
  let bytes = 0;
  let posted = 0;
  for (const [index, { changes }] of turns.entries()) {
    for (const key of changes.writes.keys()) keys.add(key);
    bytes += writtenBytes(changes.writes);
    for (const text of changes.posts) posted += utf8Length(text);
    if (index > 0 && (keys.size > GROUP_KEYS || bytes > GROUP_BYTES || posted > GROUP_POSTED_BYTES))
      return index;
  }
  return turns.length;
}

/**
 * The commit for a group of finished turns, or `undefined` when all of them only read.
 *
 * @param settled outcomes of this batch so far, this group's included: whatever the mark passes must be findable
 * @param unsent messages of earlier commits that may not have left yet
 */
export function planCommit(
  id: ActorId,
  state: State,
  {
    turns,
    settled,
    unsent,
    now,
  }: {
    turns: readonly PlacedTurn[];
    settled: ReadonlyMap<string, string>;
    unsent: readonly string[];
    now: number;
  },
): CommitPlan | undefined {
  if (turns.every(isReadOnly)) return undefined;

  const changes = together(turns);
  let { mark, generation, wake: onItsWay, trial } = state.head;
  for (const turn of turns) {
    if (turn.changes.cleared) generation++;
    // Another queue's numbers don't compare; the queue that serves the instance now is the one that counts.
    if (turn.mark && isAfter(turn.mark, mark) !== false) mark = turn.mark;
    if (turn.wake && isSameWake(turn.wake, onItsWay)) onItsWay = undefined;
    trial = trialAfter(trial, turn);
  }
  const { inline, spilled, entries, homes } = layOut(state, changes);
  const expected = state.head.version;
  const { swept } = state.head;
  const version = expected + 1;
  const outbox = [...unsent, ...changes.posts];
  const alarm = changes.alarm === undefined ? state.head.alarm : (changes.alarm ?? undefined);
  const arm = wakeToArm(alarm, { onItsWay, version, now });
  const wake = arm ?? onItsWay;
  const head = { version, inline, spilled, generation, swept, mark, settled, outbox, alarm, wake, trial };
  return { commit: { id, expected, head, entries }, homes, arm };
}

/** What turns change one after the other. */
function together(turns: readonly PlacedTurn[]): Changes {
  const [first, ...others] = turns;
  if (first && others.length === 0) return first.changes;
  const all = new Draft();
  for (const { changes } of turns) all.absorb(changes);
  return all;
}

/** The commit that counts on a fresh wake in the place of one that was lost, and changes nothing else. */
export function planMissingWake(id: ActorId, { head }: State, now: number): CommitPlan | undefined {
  const arm = missingWake(head, now);
  return arm && { ...planHead(id, head, { wake: arm }), arm };
}

/**
 * The commit that empties the outbox, when all of it has left, and changes nothing else: there may be messages below the
 * mark whose outcomes only this head holds.
 */
export function planEmptyOutbox(id: ActorId, { head }: State): CommitPlan {
  return planHead(id, head, { outbox: [] });
}

/** The commit that writes down that a run of `envelopeId` begins, and changes nothing else. */
export function planStart(id: ActorId, { head }: State, envelopeId: string): CommitPlan {
  const trial = { id: envelopeId, starts: startsOf(envelopeId, head) + 1 };
  return planHead(id, head, { trial });
}

function planHead(id: ActorId, head: Head, changes: Partial<Head>): CommitPlan {
  const expected = head.version;
  const commit = { id, expected, head: { ...head, ...changes, version: expected + 1 }, entries: new Map() };
  return { commit, homes: new Map(), arm: undefined };
}
