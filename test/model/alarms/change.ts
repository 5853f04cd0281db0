import type { WorkerChange } from "../frame.ts";
import type { Commit, Setting, State, Worker } from "./state.ts";

export type Change = WorkerChange<State, Worker>;

/** The state after a commit, or `undefined` when the head has another version. */
export function land(state: State, commit: Commit, { rules }: Setting): State | undefined {
  if (rules.fence && commit.expected !== state.head.version) return undefined;
  // What is in the air was made from a version that is gone now: it can't land any more.
  const air = rules.fence ? undefined : state.air;
  const applied = [...state.applied, ...commit.calls].sort();
  return { ...state, head: commit.head, air, applied, ...judgeStory(state, commit) };
}

/** Goes by what commits tell of alarms, not by what they write: only the one that is set has a handler to run, and none vanishes. */
function judgeStory(state: State, { story, head }: Commit): Pick<State, "set" | "wrong"> {
  let { set, wrong } = state;
  for (const [setting, event] of story) {
    const runs = event === "fired" || event === "tried" || event === "dropped";
    if (setting !== set && runs) wrong ??= `alarm ${setting} is ${event} although it is set no more`;
    if (setting !== set && set !== undefined && !runs) wrong ??= `alarm ${set} vanishes`;
    if (event === "set") set = setting;
    else if (event !== "tried") set = undefined;
  }
  if (set !== undefined && set !== head.alarm?.setting) wrong ??= `alarm ${set} vanishes`;
  return { set, wrong };
}
