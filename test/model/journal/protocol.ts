import { keyOf } from "../frame.ts";
import { type Finding, search } from "../search.ts";
import { brokenPromise } from "./promises.ts";
import { PROTOCOL, type Rules } from "./rules.ts";
import { type Scenario, start } from "./state.ts";
import { steps } from "./world.ts";

/** Searches everything that can happen to commits of any size in `scenario` under the protocol, but for the rules in `broken`. */
export function check(scenario: Scenario, broken: Partial<Rules> = {}): Finding {
  const setting = { scenario, rules: { ...PROTOCOL, ...broken } };
  return search({
    start: start(setting),
    steps: (state) => steps(state, setting),
    broken: (state, stuck) => brokenPromise(state, stuck, setting),
    key: keyOf,
  });
}
