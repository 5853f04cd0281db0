import { mishap, mishapsLeft } from "../frame.ts";
import type { Rules } from "./rules.ts";
import type { Message, Setting, State, Wake } from "./state.ts";

/** The state with a wake on its way. One of the same name is swallowed, also when it has long come: it may come again as a copy. */
export function arm(state: State, wake: Wake, { rules }: Setting): State {
  if (state.armed.some((other) => isSame(other, wake, rules.wakeName))) return state;
  return {
    ...state,
    armed: [...state.armed, wake].sort(byName),
    onTheWay: [...state.onTheWay, wake].sort(byName),
  };
}

/** Wakes come at their time or later, some early, some once more. */
export function* clockSteps(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  for (const wake of state.onTheWay) {
    const come = enqueue({ ...state, onTheWay: state.onTheWay.filter((other) => other !== wake) }, wake);
    if (wake.at <= state.time) yield [`the wake: ${nameOf(wake)} comes`, come];
    else if (mishapsLeft(state, "early", setting)) {
      yield [`the early-wake: ${nameOf(wake)} comes`, mishap(come, "early")];
    }
  }
  if (mishapsLeft(state, "copies", setting)) {
    for (const wake of state.armed) {
      if (wake.at > state.time || state.onTheWay.includes(wake)) continue;
      yield [`the copied-wake: ${nameOf(wake)} comes once more`, mishap(enqueue(state, wake), "copies")];
    }
  }
  if (state.onTheWay.some(({ at }) => at > state.time)) {
    yield [`the time: is ${state.time + 1}`, { ...state, time: state.time + 1 }];
  }
}

/** The state with a message at the end of the mailbox. */
export function enqueue(state: State, asks: Message["asks"]): State {
  const place = state.places + 1;
  return { ...state, places: place, mailbox: [...state.mailbox, { message: { place, asks }, held: false }] };
}

export function isSame(one: Wake, other: Wake, name: Rules["wakeName"]): boolean {
  return (name === "version" || one.at === other.at) && (name === "time" || one.version === other.version);
}

export function nameOf({ at, version }: Wake): string {
  return `${at}/v${version}`;
}

function byName(one: Wake, other: Wake): number {
  return one.version - other.version || one.at - other.at;
}
