import { seeded } from "../model/distribution.ts";

/** Which call comes how manieth: the same seed gives the same calls. */
export interface Plan {
  /** Accounts that are called. */
  readonly instances: number;
  /** Which part of the calls goes to the first account, from 0 to 1; the rest is spread over the others alike. */
  readonly hot: number;
  readonly seed: number;
}

export interface PlannedCall {
  /** Number of its account, from 0. */
  readonly instance: number;
  /** What is deposited; below zero, what is debited. */
  readonly change: number;
}

/** Whole amounts, so that a balance is exact; together they grow, so that hardly a debit is refused. */
const DEPOSIT = 10;
const DEBIT = -3;

export function* plannedCalls({ instances, hot, seed }: Plan): Generator<PlannedCall, never> {
  const random = seeded(seed);
  for (let call = 0; ; call++) {
    const others = instances - 1;
    const isHot = others === 0 || random() < hot;
    const instance =
      hot === 0 ? Math.floor(random() * instances) : isHot ? 0 : 1 + Math.floor(random() * others);
    yield { instance, change: call % 2 === 0 ? DEPOSIT : DEBIT };
  }
}
