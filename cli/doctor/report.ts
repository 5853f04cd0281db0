import { printable } from "../shown.ts";
import { type Finding, SEVERITIES, type Severity, type Untold } from "./finding.ts";

/** What a doctor has to say, in the order in which it is told. */
export interface Report {
  /** What was looked at: `stack bank`. */
  readonly of: string;
  readonly findings: readonly Finding[];
  readonly untold: readonly Untold[];
  /** How much was looked at where that was not everything. */
  readonly looked: readonly string[];
}

/** For people. Names in it are free text, and must not reach a terminal as they are. */
export function reportText({ of, findings, untold, looked }: Report): string {
  const lines = findings.flatMap(({ severity, of, found, rule, fix }) => [
    `${severity.toUpperCase().padEnd(8)} ${of}: ${found}`,
    `         rule  ${rule}`,
    `         fix   ${fix}`,
  ]);
  const counts = SEVERITIES.map((severity) => plural(countOf(findings, severity), severity)).join(", ");
  const unknown = untold.map(({ of, untold }) => `not told ${of}: ${untold}`);
  const summary = `${of}: ${findings.length === 0 ? "nothing is wrong that can be seen" : counts}${untold.length > 0 ? `; ${untold.length} not told` : ""}`;
  return [...lines, ...unknown, ...looked.map((each) => `looked at ${each}`), summary]
    .map(printable)
    .join("\n");
}

/** For programs. */
export function reportJson({ of, findings, untold, looked }: Report): string {
  const counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, countOf(findings, severity)]));
  return JSON.stringify({ of, counts, findings, untold, looked }, null, 2);
}

export function countOf(findings: readonly Finding[], severity: Severity): number {
  return findings.filter((each) => each.severity === severity).length;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
