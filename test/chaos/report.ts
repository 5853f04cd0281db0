import { checkProgress, type Leases, type Recovery } from "./checks/progress.ts";
import { checkSafety } from "./checks/safety.ts";
import { readHistory } from "./history.ts";
import { partsOf, type Run, sortHistory, type Violation } from "./run.ts";

export interface Report {
  readonly violations: readonly Violation[];
  readonly recoveries: readonly Recovery[];
  /** What has happened how often. */
  readonly counts: ReadonlyMap<string, number>;
  readonly lines: readonly string[];
}

/** Checks a history, and tells what happened in it. */
export function reportOn(file: string, leases: Leases & { readonly slackMs: number }): Report {
  const run = sortHistory(readHistory(file));
  const progress = checkProgress(run, leases);
  const violations = [...checkSafety(run), ...progress.violations];
  const counts = countAll(run);
  return {
    violations,
    recoveries: progress.recoveries,
    counts,
    lines: [
      ...[...counts].sort().map(([what, count]) => `${String(count).padStart(9)} ${what}`),
      ...describeRecoveries(progress.recoveries),
      `alarms late by (ms): ${quantiles(latenesses(run))}`,
    ],
  };
}

function countAll({ events, calls, ledgers }: Run): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (what: string, count = 1) => {
    if (count > 0) counts.set(what, (counts.get(what) ?? 0) + count);
  };
  for (const event of events) {
    if (event.is === "kill") {
      add("kills");
      if (event.holds.length > 0) add("kills while it held ledgers");
    } else if (event.is === "stop") add("stalls");
    else if (event.is === "start") add("starts");
    else if (event.is === "begin" && event.attempt > 1) add("calls asked for again");
    else if (event.is === "problem") add(`worker: ${event.what}`);
    else if (event.is === "buried") add("messages given up");
    else if (event.is === "handed") {
      add("batches");
      add("messages delivered", event.messages);
      add("messages redelivered", event.again);
    }
  }
  for (const { told } of calls) add(`calls told ${told}`);
  for (const { lines } of ledgers.values()) {
    for (const { word } of lines.map(partsOf)) add(`lines: ${word}`);
  }
  return counts;
}

function describeRecoveries(recoveries: readonly Recovery[]): string[] {
  const groups = new Map<string, number[]>();
  for (const { fault, leased, ms } of recoveries) {
    const group = `recovery after a ${fault}${leased ? "" : ", before there was a lease"}`;
    groups.set(group, [...(groups.get(group) ?? []), ms]);
  }
  return [...groups].sort().map(([group, times]) => `${group} (ms): ${quantiles(times)}`);
}

function latenesses({ ledgers }: Run): number[] {
  return [...ledgers.values()].flatMap(({ lines }) => {
    const dues = new Map<string, number>();
    return lines.map(partsOf).flatMap(({ word, op, rest }) => {
      if (word === "set") dues.set(op, Number(rest[0]));
      const due = dues.get(op);
      // Attempts that fail on purpose come before a late one.
      return word === "fire" && rest[1] === "0" && due !== undefined ? [Number(rest[0]) - due] : [];
    });
  });
}

function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${sorted.at(-1)}, of ${sorted.length}`;
}
