import { mishap, type WorkerChange } from "../frame.ts";
import type { Commit, Setting, State, Worker } from "./state.ts";

export type Change = WorkerChange<State, Worker>;

/** The state after a commit, or `undefined` when the head has another version. */
export function land(state: State, { expected, head, turns }: Commit, { rules }: Setting): State | undefined {
  if (rules.fence && expected !== state.head.version) return undefined;
  const written = turns.filter(([, ending]) => ending === "wrote" || ending === "sent");
  // What was made from a version that is gone now can't land any more.
  const air = state.air.filter((commit) => !rules.fence || commit.expected >= head.version);
  return { ...state, head, applied: [...state.applied, ...written], air };
}

/** A commit times out: it may land later. */
export function fly(state: State, commit: Commit): State {
  return { ...mishap(state, "unknownCommits"), air: [...state.air, commit] };
}
