// What `npm run audit` does: fails when a dependency that users get has a known vulnerability of level high or critical. Not every
// machine reaches a registry that answers audits: then it says so, and fails nothing.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** The part of npm's JSON report that is read here. */
interface Report {
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
  readonly metadata?: unknown;
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

const ENOUGH = new Set(["high", "critical"]);

/** What the output of `npm audit --json` says: the lines to print, and whether it is a failure. */
export function judge(output: string): { readonly failed: boolean; readonly lines: readonly string[] } {
  let report: Report;
  try {
    report = JSON.parse(output) as Report;
  } catch {
    report = {};
  }
  if (!report.vulnerabilities || !report.metadata) {
    const reason = report.error?.summary || report.message || "npm gave no report";
    return { failed: false, lines: [`Not audited: the registry answers no audit here (${reason}).`] };
  }
  const found = Object.entries(report.vulnerabilities).filter(([, { severity }]) => ENOUGH.has(severity));
  if (found.length === 0)
    return { failed: false, lines: ["Audited: no known vulnerability of level high or critical."] };
  return {
    failed: true,
    lines: [
      "Known vulnerabilities; `npm audit --omit=dev` tells more:",
      ...found.map(([name, { severity, range }]) => `  ${severity}: ${name} ${range}`),
    ],
  };
}

if (import.meta.main) {
  const { stdout } = spawnSync(
    "npm",
    ["audit", "--omit=dev", "--json", "--fetch-retries=0", "--fetch-timeout=20000"],
    { cwd: join(import.meta.dirname, ".."), encoding: "utf8", timeout: 60_000 },
  );
  const { failed, lines } = judge(stdout ?? "");
  for (const line of lines) console.log(line);
  process.exitCode = failed ? 1 : 0;
}
