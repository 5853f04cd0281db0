/** What a check says of a deployment. */
export type Verdict = Finding | Untold;

/**
 * How bad something is:
 * - `error`: calls are lost, late, stuck or in danger of it now.
 * - `warning`: it works, and somebody should look: a safeguard is missing, a limit is near, a setting is not what was deployed.
 * - `note`: harmless, and good to know.
 */
export type Severity = "error" | "warning" | "note";

export const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];

export interface Finding {
  readonly severity: Severity;
  /** Which check found it. */
  readonly check: Check;
  /** What it is about: `queue bank-Envelopes-12ab34cd.fifo`. */
  readonly of: string;
  /** The name of the setting, where it is about one: two checks may look at the same. */
  readonly setting?: string;
  readonly found: string;
  /** What should hold, and why. */
  readonly rule: string;
  readonly fix: string;
}

/** What could not be looked at, or was not told: it is no finding, and it is not hidden. */
export interface Untold {
  readonly check: Check;
  readonly of: string;
  readonly untold: string;
}

export const CHECKS = [
  "outputs",
  "stack",
  "front door",
  "mailboxes",
  "delay line",
  "dead letters",
  "tables",
  "event sources",
  "functions",
  "versions",
  "logs",
  "quotas",
  "schedules",
  "unfinished",
  "state",
] as const;

export type Check = (typeof CHECKS)[number];

function isFinding(verdict: Verdict): verdict is Finding {
  return "severity" in verdict;
}

/**
 * All verdicts as they are told: the worst first, in the order of the checks; of two about one setting the worse. That a setting is not as
 * it was deployed is the lesser half of the story where it breaks a rule as well.
 */
export function inOrder(verdicts: readonly Verdict[]): { findings: Finding[]; untold: Untold[] } {
  const unknown = verdicts.filter((each): each is Untold => !isFinding(each));
  const untold = [...new Map(unknown.map((each) => [`${each.of}\n${each.untold}`, each])).values()];
  const bySetting = new Map<string, Finding>();
  const findings: Finding[] = [];
  for (const finding of verdicts.filter(isFinding).sort(compare)) {
    const key = `${finding.of}\n${finding.setting}`;
    if (finding.setting !== undefined && bySetting.has(key)) continue;
    bySetting.set(key, finding);
    findings.push(finding);
  }
  return { findings, untold };
}

function compare(a: Finding, b: Finding): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check)
  );
}
