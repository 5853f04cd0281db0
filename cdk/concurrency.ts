import { ConfigurationError } from "./configuration-error.ts";
import { knownNumber } from "./known-number.ts";

/** How much is worked on at once. */
export interface ConcurrencyProps {
  /**
   * How many batches of each mailbox queue are worked on at once, from 2 to 1000: with 3 shards, three times as many. What
   * does not get its turn waits in the queue, in order, and is counted by no dead-letter limit. It protects what actors call from too
   * much at once. The order of an instance's calls never depends on it.
   * @default as many as the account's functions leave
   */
  readonly maxConcurrency?: number;
  /**
   * How much of the account's concurrency is the worker's alone, so that no other function takes it away. The queues must not ask for
   * more than that, as a batch that finds no room counts as received: `maxConcurrency` times the number of mailbox queues is the
   * least.
   * @default none is reserved
   */
  readonly reservedConcurrency?: number;
  /**
   * How many requests the router has under way at once, at most, and how much of the account's concurrency is its alone. A request takes a router
   * until it is answered, 28 seconds at worst; so without a limit a burst, or instances that are slow, may take all of the account's
   * concurrency, and the workers that those routers wait for can't start. What is over does not run; API Gateway answers it with an error of its
   * own, a function URL with 429.
   *
   * Enough is: requests a second at the peak × seconds that a request takes at p99, and half as much again. 200 requests a second that take
   * 0.3 s are 60, so 90.
   * @default none is reserved, and there is no limit but that of the account
   */
  readonly routerConcurrency?: number;
  /**
   * How many environments of the worker are kept warm, by Lambda's provisioned concurrency, which is paid for by the hour; not more than
   * `reservedConcurrency`. What needs more starts cold, as always.
   * @default none
   */
  readonly provisionedConcurrency?: number;
}

const LEAST = 2;
const MOST = 1_000;

/** Throws a ConfigurationError for numbers that AWS refuses, or that would turn calls into dead letters. */
export function checkedConcurrency(
  { maxConcurrency, reservedConcurrency, provisionedConcurrency, routerConcurrency }: ConcurrencyProps,
  { queues }: { queues: number },
): ConcurrencyProps {
  const all = { maxConcurrency, reservedConcurrency, provisionedConcurrency, routerConcurrency };
  for (const [property, value] of Object.entries(all)) {
    if (value !== undefined) knownNumber(property, value);
  }
  if (maxConcurrency !== undefined && !isWhole(maxConcurrency, LEAST, MOST)) {
    throw new ConfigurationError(
      `maxConcurrency ${maxConcurrency}: an event source takes ${LEAST} to ${MOST}; choose a whole number in between, or leave it out`,
    );
  }
  if (reservedConcurrency !== undefined) {
    checkReserved("reservedConcurrency", reservedConcurrency);
    const asked = maxConcurrency === undefined ? undefined : maxConcurrency * queues;
    if (asked === undefined || asked > reservedConcurrency) {
      const most = Math.floor(reservedConcurrency / queues);
      const fix =
        most < LEAST
          ? `reserve ${LEAST * queues} at least, with maxConcurrency of ${LEAST}`
          : `choose maxConcurrency of ${most} at most, or reserve more`;
      const ask = asked === undefined ? "as much as they like" : `${asked} (${queues} × maxConcurrency)`;
      throw new ConfigurationError(
        `reservedConcurrency ${reservedConcurrency}: the mailbox queues ask for ${ask}, and what the worker refuses counts towards the dead letters; ${fix}`,
      );
    }
  }
  if (routerConcurrency !== undefined) checkReserved("routerConcurrency", routerConcurrency);
  if (
    provisionedConcurrency !== undefined &&
    !isWhole(provisionedConcurrency, 1, reservedConcurrency ?? Number.MAX_SAFE_INTEGER)
  ) {
    const most = reservedConcurrency === undefined ? "up" : `to ${reservedConcurrency}, which are reserved`;
    throw new ConfigurationError(
      `provisionedConcurrency ${provisionedConcurrency}: it is a count of environments; choose a whole number from 1 ${most}, or leave it out`,
    );
  }
  return {
    ...(maxConcurrency !== undefined && { maxConcurrency }),
    ...(reservedConcurrency !== undefined && { reservedConcurrency }),
    ...(provisionedConcurrency !== undefined && { provisionedConcurrency }),
    ...(routerConcurrency !== undefined && { routerConcurrency }),
  };
}

function checkReserved(property: string, reserved: number): void {
  if (isWhole(reserved, 1, Number.MAX_SAFE_INTEGER)) return;
  throw new ConfigurationError(
    `${property} ${reserved}: it is a count of functions that run at once; choose a whole number from 1 up, or leave it out`,
  );
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
