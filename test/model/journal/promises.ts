import type { Setting, State, Values } from "./state.ts";

/** The promise that `state` breaks, or `undefined`. */
export function brokenPromise(state: State, stuck: boolean, setting: Setting): string | undefined {
  return state.wrong ?? brokenCommit(state, setting) ?? (stuck ? brokenEnd(state) : undefined);
}

/** Whoever comes now finds all of the last commit, and nothing else. */
function brokenCommit(state: State, { rules }: Setting): string | undefined {
  const { head, history } = state;
  const right = history[head.version] ?? [];
  const found = rules.rollForward ? rolledForward(state) : state.values;
  if (right.every((value, entry) => value === found[entry])) return undefined;
  return `version ${head.version} should hold ${right}, and who comes now finds ${found}`;
}

/** The entries as they will be when the journal that the head names is applied. */
function rolledForward({ head, values, parts }: State): Values {
  const changes = parts.filter(({ journal }) => journal === head.journal).slice(head.applied);
  return changes.reduce<Values>((now, { entry, value }) => now.with(entry, value), values);
}

/** In the end nobody is stuck; and nothing is left that somebody has come by who could see that nobody needs it, unless something was lost. */
function brokenEnd({ workers, parts, mishaps }: State): string | undefined {
  if (workers.some(({ at }) => at !== "gone")) return "work is left that nobody can do";
  const left = parts.find(({ doomed }) => doomed);
  if (left === undefined || Object.values(mishaps).some((times) => times > 0)) return undefined;
  return `a part of ${left.journal} stays for ever`;
}
