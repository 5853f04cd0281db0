import type { ActorId, Mark } from "../ports/mailbox.ts";
import type { Commit } from "../ports/store.ts";
import { utf8Length } from "./actor-id.ts";
import { Draft, isEmpty, writtenBytes } from "./draft.ts";
import { layOut } from "./layout.ts";
import { isAfter } from "./mark.ts";
import type { FinishedTurn } from "./run-turn.ts";
import type { Home, State } from "./state.ts";

/** A finished turn with the place of its envelope in the mailbox. */
export interface PlacedTurn extends FinishedTurn {
  readonly mark: Mark | undefined;
  /** Whether the call may be asked for again, as an envelope of its own. */
  readonly askable: boolean;
}

export interface CommitPlan {
  readonly commit: Commit;
  readonly homes: ReadonlyMap<string, Home>;
}

/** Keys and bytes up to which turns share a commit: what one DynamoDB transaction holds, the head included, with room to spare. */
const GROUP_KEYS = 99;
const GROUP_BYTES = 3 * 1024 * 1024;
/** Bytes of one-way messages up to which turns share a commit: they lie in the head, and an item holds 400 KB. */
const GROUP_POSTED_BYTES = 128 * 1024;

function isReadOnly({ outcome, changes, askable }: PlacedTurn): boolean {
  return outcome.ok && isEmpty(changes) && !askable;
}

/** How many of the finished turns, from the first on, share the next commit: at least one, however large. */
export function groupSize(turns: readonly FinishedTurn[]): number {
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
 * A turn that threw commits its mark, so that a late second run can't turn a reported failure into an effect. So does a call
 * that may be asked for again, also when it only read: its first outcome must be one, whoever runs it.
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
  }: { turns: readonly PlacedTurn[]; settled: ReadonlyMap<string, string>; unsent: readonly string[] },
): CommitPlan | undefined {
  if (turns.every(isReadOnly)) return undefined;

  const changes = new Draft();
  let { mark, generation } = state.head;
  for (const turn of turns) {
    changes.absorb(turn.changes);
    if (turn.changes.cleared) generation++;
    // Another queue's numbers don't compare; the queue that serves the instance now is the one that counts.
    if (turn.mark && isAfter(turn.mark, mark) !== false) mark = turn.mark;
  }
  const { inline, spilled, entries, homes } = layOut(state, changes);
  const expected = state.head.version;
  const { swept } = state.head;
  const outbox = [...unsent, ...changes.posts];
  const head = { version: expected + 1, inline, spilled, generation, swept, mark, settled, outbox };
  return { commit: { id, expected, head, entries }, homes };
}

/**
 * The commit that empties the outbox, when all of it has left, and changes nothing else: there may be messages below the
 * mark whose outcomes only this head holds.
 */
export function planEmptyOutbox(id: ActorId, { head }: State): Commit {
  const expected = head.version;
  return { id, expected, head: { ...head, version: expected + 1, outbox: [] }, entries: new Map() };
}
