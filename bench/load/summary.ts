import type { TimedCall } from "./pace.ts";

export interface Summary {
  readonly calls: number;
  /** Seconds from the first call to the last answer. */
  readonly seconds: number;
  /** Answered calls a second. */
  readonly perSecond: number;
  /** Of answered calls, in ms. */
  readonly latency: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
  /** The worst delay between a call's moment and its making, in ms. */
  readonly latest: number;
  /** How often each error came, by name; `unanswered` of them leave open whether the call was applied. */
  readonly errors: Readonly<Record<string, number>>;
  readonly unanswered: number;
}

export function summaryOf(timed: readonly TimedCall[], took: number): Summary {
  const answered = timed.filter(({ ending }) => ending.kind === "answered");
  const sorted = answered.map(({ latency }) => latency).sort((a, b) => a - b);
  // The smallest of the latencies that so many of all calls do not exceed.
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
  const errors: Record<string, number> = {};
  for (const { ending } of timed) {
    if (ending.kind !== "answered") errors[ending.error] = (errors[ending.error] ?? 0) + 1;
  }
  const seconds = took / 1000;
  return {
    calls: timed.length,
    seconds,
    perSecond: answered.length / seconds,
    latency: { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) },
    latest: timed.reduce((most, { late }) => Math.max(most, late), 0),
    errors,
    unanswered: timed.filter(({ ending }) => ending.kind === "unknown").length,
  };
}
