import type { Counts } from "../requests/counts.ts";
import { MEASURED } from "../requests/measured.ts";
import { FUNCTIONS, LATENCY, PRICES, type PriceName } from "./figures.ts";
import { callTimes, type Door, furtherCallMs } from "./latency.ts";

const SECONDS_A_MONTH = (365.25 * 24 * 3600) / 12;
const KB_IN_GB = 1024 ** 2;

/** What one call uses, in the units of the prices. */
export type Usage = Partial<Record<PriceName, number>>;

/** Dollars for a million calls, by price, where calls come at a rate all month long. */
export function perMillion(
  usage: Usage,
  callsPerSecond: number,
): { total: number; parts: Record<string, number> } {
  const calls = callsPerSecond * SECONDS_A_MONTH;
  const parts: Record<string, number> = {};
  for (const [name, each] of Object.entries(usage) as [PriceName, number][]) {
    parts[name] = (monthlyDollars(name, each * calls) / calls) * 1e6;
  }
  return { total: Object.values(parts).reduce((sum, part) => sum + part, 0), parts };
}

/** Dollars for the calls of a month, where they come at a rate all month long. */
export function perMonth(usage: Usage, callsPerSecond: number): number {
  return (perMillion(usage, callsPerSecond).total * callsPerSecond * SECONDS_A_MONTH) / 1e6;
}

/** What a volume of a month costs, tier by tier. */
export function monthlyDollars(name: PriceName, volume: number): number {
  let [dollars, from] = [0, 0];
  for (const [upTo, price] of PRICES[name].tiers as readonly (readonly [number, number])[]) {
    dollars += Math.max(0, Math.min(volume, upTo) - from) * price;
    from = upTo;
  }
  return dollars;
}

export interface Setup {
  readonly door: Door;
  /** Calls that share one batch of the worker, of one instance. */
  readonly batch: 1 | 10 | 200;
  /** Calls that share a request of their sender. */
  readonly sentTogether: number;
  /** Memory of the router, in GB. */
  readonly routerGb: number;
  /** Whether each batch's lease is shortened, so that a worker that dies holds its instances for 30 s only. */
  readonly shortLease: boolean;
  /**
   * Whether an HTTP API writes a line for each request; other doors have no such log.
   * @default true, as in the construct
   */
  readonly accessLog?: boolean;
}

/** A call of `debit` on this project's stack: counted requests, and the functions' time of the latency model. */
export function debitUsage(setup: Setup): Usage {
  const { door, batch, sentTogether, routerGb, shortLease, accessLog = true } = setup;
  const counts = perCall(MEASURED[batch === 1 ? "debit" : batch === 10 ? "ten debits" : "200 debits"], batch);
  const { routerMs, workerMs, looks } = callTimes(door);
  const batchMs = workerMs + (batch - 1) * furtherCallMs(FUNCTIONS.workerGb * 1024);
  const routed = door === "none" ? 0 : 1;
  const eventSource = 2 / batch;
  return {
    ...(door === "HTTP API" && {
      httpApiRequest: 1,
      ...(accessLog && { loggedGb: FUNCTIONS.accessLogKb / KB_IN_GB }),
    }),
    functionRequest: routed + 1 / batch,
    functionGbSecond: (routed * routerMs * routerGb + (batchMs * FUNCTIONS.workerGb) / batch) / 1000,
    fifoRequest: 1 / sentTogether + eventSource + (shortLease ? 1 / batch : 0),
    readUnit: counts.headReads + looks * 0.5,
    writeUnit: counts.stateWriteUnits + counts.replyWriteUnits,
  };
}

function perCall(counts: Counts, calls: number): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, count / calls]),
  ) as unknown as Counts;
}

/** The same done by hand: one function that reads, computes and writes under a version check. No contention, no retries. */
export function optimisticLockUsage(): Usage {
  const ms = LATENCY.dynamoRead.p50 + LATENCY.dynamoWrite.p50 + 2;
  return {
    httpApiRequest: 1,
    functionRequest: 1,
    functionGbSecond: (ms * FUNCTIONS.workerGb) / 1000,
    readUnit: 1,
    writeUnit: 1,
    loggedGb: FUNCTIONS.platformLogKb / KB_IN_GB,
  };
}

/** A durable function a call: its start and one step are operations, and the balance is still an item under a version check. */
export function durableFunctionUsage(): Usage {
  const lock = optimisticLockUsage();
  return {
    ...lock,
    functionGbSecond:
      (lock.functionGbSecond ?? 0) + (LATENCY.durableCheckpoint.p50 * FUNCTIONS.workerGb) / 1000,
    durableOperation: 2,
    durableWrittenGb: 1 / KB_IN_GB,
  };
}

/** A Worker that calls a Durable Object, which writes one row; it hibernates between calls. */
export function durableObjectUsage(): Usage {
  return {
    cloudflareWorkerRequest: 1,
    cloudflareCpuMs: 2,
    durableObjectRequest: 1,
    durableObjectGbSecond: (0.128 * LATENCY.durableObject.p50) / 1000,
    durableObjectRowWritten: 1,
  };
}

/** What so many instances cost that nobody calls, in dollars for each million calls that come anyway. */
export function storagePerMillion(instances: number, callsPerSecond: number): number {
  const gb = (instances * FUNCTIONS.headKb) / KB_IN_GB;
  return (monthlyDollars("storedGbMonth", gb) / (callsPerSecond * SECONDS_A_MONTH)) * 1e6;
}
