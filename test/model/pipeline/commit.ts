import { mishap } from "../frame.ts";
import type { Commit, Outcomes, Setting, State, Worker } from "./state.ts";

/** The commit of the first `count` turns that have run, or `undefined` when all of them only read. */
export function commitOf(worker: Worker, count: number, { scenario }: Setting): Commit | undefined {
  const group = worker.finished.slice(0, count);
  if (group.every((message) => scenario.messages[message] === "reads")) return undefined;
  // Another one is in flight only where the rule against it is broken.
  const before = worker.flights.at(-1)?.commit.head ?? worker.head;
  const outcomes = outcomesOf(worker, group);
  const writes = group.filter(
    (message) => scenario.messages[message] !== "reads" && scenario.messages[message] !== "fails",
  );
  return {
    expected: before.version,
    head: {
      version: before.version + 1,
      mark: Math.max(before.mark, ...group),
      settled: { ...worker.certain, ...outcomes },
      log: [...before.log, ...writes],
    },
    outcomes,
  };
}

export function outcomesOf({ outcomes }: Worker, messages: readonly number[]): Outcomes {
  return Object.fromEntries(messages.map((message) => [message, outcomes[message] ?? []]));
}

/** The state after a commit, or `undefined` when the head has another version. */
export function land(state: State, { expected, head }: Commit, { rules }: Setting): State | undefined {
  if (rules.fence && expected !== state.head.version) return undefined;
  const kept = state.head.log.every((message, index) => head.log[index] === message);
  return {
    ...state,
    head,
    // What was made from a version that is gone can't land any more.
    air: rules.fence ? state.air.filter((other) => other.expected === head.version) : state.air,
    wrong: state.wrong ?? (kept ? undefined : `of the writes ${state.head.log} some are lost: ${head.log}`),
  };
}

/** Nobody waits for these commits any more: what has not landed may do so later. */
export function letFly(state: State, { flights }: Worker, { rules }: Setting): State {
  const open = flights.flatMap(({ commit, answer }) => (answer === "none" ? [commit] : []));
  const able = open.filter(({ expected }) => !rules.fence || expected >= state.head.version);
  return able.length === 0 ? state : { ...state, air: [...state.air, ...able] };
}

export function crash(state: State, worker: Worker, setting: Setting): State {
  return letFly(mishap(state, "crashes"), worker, setting);
}
