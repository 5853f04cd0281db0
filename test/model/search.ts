import { hash } from "node:crypto";

/** A system as the search sees it: where it starts, what may happen next, and what must never be. */
export interface Model<State> {
  readonly start: State;
  /** Everything that may happen in `state`, each with the state it leads to. */
  steps(state: State): Iterable<readonly [what: string, next: State]>;
  /** The promise that `state` breaks, or `undefined`. `stuck`: nothing can happen any more. */
  broken(state: State, stuck: boolean): string | undefined;
  /** Equal for states that need not be told apart. */
  key(state: State): string;
}

export interface Finding {
  readonly states: number;
  /** The first word of every step taken: what never happened was not checked. */
  readonly seen: ReadonlySet<string>;
  /** The promise that was broken, and the shortest way there; `undefined` when all promises hold. */
  readonly broken: { readonly promise: string; readonly trace: readonly string[] } | undefined;
}

/** Visits every reachable state, nearest first, up to the first one that breaks a promise. */
export function search<State>({ start, steps, broken, key }: Model<State>): Finding {
  const digest = (state: State) => hash("sha1", key(state), "binary");
  const indexes = new Map<string, number>([[digest(start), 0]]);
  const parents: number[] = [-1];
  const seen = new Set<string>();
  // Only states still to be visited are held; a trace is walked again from the start.
  let layer: State[] = [start];
  let index = 0;
  while (layer.length > 0) {
    const nextLayer: State[] = [];
    for (const state of layer) {
      let stuck = true;
      for (const [what, next] of steps(state)) {
        stuck = false;
        seen.add(what.split(" ", 2)[1] ?? what);
        const id = digest(next);
        if (indexes.has(id)) continue;
        indexes.set(id, parents.length);
        parents.push(index);
        nextLayer.push(next);
      }
      const promise = broken(state, stuck);
      if (promise !== undefined) return { states: index + 1, seen, broken: { promise, trace: walk(index) } };
      index++;
    }
    layer = nextLayer;
  }
  return { states: index, seen, broken: undefined };

  function walk(last: number): string[] {
    const way: number[] = [];
    for (let at = last; at > 0; at = parents[at] ?? 0) way.unshift(at);
    const trace: string[] = [];
    let state = start;
    for (const wanted of way) {
      for (const [what, next] of steps(state)) {
        if (indexes.get(digest(next)) !== wanted) continue;
        trace.push(what);
        state = next;
        break;
      }
    }
    return trace;
  }
}
