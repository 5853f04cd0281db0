import type { Commit, Mishap, Setting, State, Worker } from "./state.ts";

/** What a worker did, the state after it but for the worker itself, and the worker. */
export type Change = readonly [what: string, state: State, worker: Worker];

/** The state after a commit, or `undefined` when the head has another version. */
export function land(state: State, { expected, head, turns }: Commit, { rules }: Setting): State | undefined {
  if (rules.fence && expected !== state.head.version) return undefined;
  const written = turns.filter(([, ending]) => ending === "wrote" || ending === "sent");
  // What is in the air was made from a version that is gone now: it can't land any more.
  const air = rules.fence ? undefined : state.air;
  return { ...state, head, applied: [...state.applied, ...written], air };
}

/** A commit times out: it may land later. */
export function fly(state: State, air: Commit): State {
  return { ...mishap(state, "unknownCommits"), air };
}

export function mishapsLeft({ mishaps }: State, kind: Mishap, { scenario }: Setting): boolean {
  return mishaps[kind] < scenario[kind];
}

export function mishap(state: State, kind: Mishap): State {
  return { ...state, mishaps: { ...state.mishaps, [kind]: state.mishaps[kind] + 1 } };
}
