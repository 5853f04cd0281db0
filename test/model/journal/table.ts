import type { Part, Request, Setting, State, Values } from "./state.ts";

/** The state after a request, or `undefined` when its condition does not hold. */
export function ask(state: State, request: Request, { rules }: Setting): State | undefined {
  const { head, parts, values } = state;
  switch (request.does) {
    case "puts":
      return {
        ...state,
        parts: sorted([...parts.filter((part) => !isSame(part, request.part)), request.part]),
      };
    case "removes":
      return { ...state, parts: parts.filter((part) => !isSame(part, request.part)) };
    case "flips":
    case "commits": {
      const { expected, value } = request;
      if (rules.fence && (head.version !== expected || head.journal !== undefined)) return undefined;
      const journal = request.does === "flips" ? request.journal : undefined;
      const meant = (was: Values): Values => was.map((old, entry) => (entry === 0 || journal ? value : old));
      return {
        ...state,
        head: { version: expected + 1, journal, applied: 0 },
        values: journal ? values : meant(values),
        history: [...state.history, meant(state.history[head.version] ?? [])],
        wrong: state.wrong ?? (expected === head.version ? undefined : `version ${head.version} is lost`),
      };
    }
    case "counts":
      if (head.journal !== request.journal) return undefined;
      return { ...state, head: { ...head, applied: request.done } };
    case "applies": {
      const { part, done } = request;
      if (rules.checkName && head.journal !== part.journal) return undefined;
      return {
        ...state,
        head: head.journal === part.journal ? { ...head, applied: done ?? head.applied } : head,
        values: values.with(part.entry, part.value),
      };
    }
    case "forgets":
      if (head.journal !== request.journal) return undefined;
      return { ...state, head: { ...head, journal: undefined, applied: 0 } };
  }
}

function isSame(one: Part, other: Part): boolean {
  return one.journal === other.journal && one.entry === other.entry;
}

function sorted(parts: readonly Part[]): Part[] {
  return [...parts].sort((a, b) =>
    a.journal < b.journal ? -1 : a.journal > b.journal ? 1 : a.entry - b.entry,
  );
}
