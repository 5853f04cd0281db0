import type { ActorId, Mark } from "../ports/mailbox.ts";
import type { Commit } from "../ports/store.ts";
import { layOut } from "./layout.ts";
import { isAfter } from "./mark.ts";
import { type FinishedTurn, MAX_TURN_KEYS } from "./run-turn.ts";
import type { Home, State } from "./state.ts";

/** A finished turn with the place of its envelope in the mailbox. */
export interface PlacedTurn extends FinishedTurn {
  readonly mark: Mark | undefined;
}

export interface CommitPlan {
  readonly commit: Commit;
  readonly homes: ReadonlyMap<string, Home>;
}

/** How many of the finished turns, from the first on, fit into one commit: at least one. */
export function groupSize(turns: readonly FinishedTurn[]): number {
  const keys = new Set<string>();
  for (const [index, { writes }] of turns.entries()) {
    for (const key of writes.keys()) keys.add(key);
    if (keys.size > MAX_TURN_KEYS && index > 0) return index;
  }
  return turns.length;
}

/**
 * The commit for a group of finished turns, or `undefined` when all of them only read.
 *
 * A turn that threw commits its mark, so that a late second run can't turn a reported failure into an effect.
 *
 * @param settled outcomes of this batch so far, this group's included: whatever the mark passes must be findable
 */
export function planCommit(
  id: ActorId,
  state: State,
  { turns, settled }: { turns: readonly PlacedTurn[]; settled: ReadonlyMap<string, string> },
): CommitPlan | undefined {
  if (turns.every(({ outcome, writes }) => outcome.ok && writes.size === 0)) return undefined;

  const changes = new Map<string, string | undefined>();
  let { mark } = state.head;
  for (const turn of turns) {
    for (const [key, text] of turn.writes) changes.set(key, text);
    // Another queue's numbers don't compare; the queue that serves the instance now is the one that counts.
    if (turn.mark && isAfter(turn.mark, mark) !== false) mark = turn.mark;
  }
  const { inline, spilled, entries, homes } = layOut(state, changes);
  const expected = state.head.version;
  const head = { version: expected + 1, inline, spilled, mark, settled };
  return { commit: { id, expected, head, entries }, homes };
}
