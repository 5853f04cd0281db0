import { ConfigurationError } from "./configuration-error.ts";
import { knownNumber } from "./known-number.ts";

/** How many requests the HTTP API hands on; what is over gets 429, is not run and costs no function. */
export interface Throttling {
  /** Requests a second, over a longer time. */
  readonly rate: number;
  /** How many may come at once, after a quiet moment. */
  readonly burst: number;
}

/** A tenth of what AWS gives an account and region for all its APIs together, before it is asked for more. */
export const THROTTLING: Throttling = { rate: 1000, burst: 1000 };

export function checkedThrottling({ rate, burst }: Throttling): Throttling {
  knownNumber("throttling rate", rate);
  knownNumber("throttling burst", burst);
  if (!(rate > 0 && Number.isFinite(rate))) {
    throw new ConfigurationError(
      `throttling rate ${rate}: it is a number of requests a second; choose one above 0`,
    );
  }
  if (!(Number.isInteger(burst) && burst > 0)) {
    throw new ConfigurationError(
      `throttling burst ${burst}: it is a count of requests; choose a whole number from 1 up`,
    );
  }
  return { rate, burst };
}
