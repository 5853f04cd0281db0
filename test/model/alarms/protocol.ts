import { keyOf } from "../frame.ts";
import { type Finding, search } from "../search.ts";
import { brokenInvariant, brokenPromise } from "./promises.ts";
import { PROTOCOL, type Rules } from "./rules.ts";
import type { Scenario } from "./scenario.ts";
import { start } from "./state.ts";
import { steps } from "./world.ts";

/**
 * Searches everything that can happen to alarms in `scenario` under the protocol, but for the rules in `broken`. The invariant is
 * checked of the whole protocol only: a broken variant has to break a promise that somebody relies on.
 */
export function check(scenario: Scenario, broken?: Partial<Rules>): Finding {
  const setting = { scenario, rules: { ...PROTOCOL, ...broken } };
  return search({
    start: start(setting),
    steps: (state) => steps(state, setting),
    broken: (state, stuck) =>
      brokenPromise(state, stuck, setting) ?? (broken ? undefined : brokenInvariant(state)),
    key: keyOf,
  });
}
