// What `npm test` runs: all tests, or those that the arguments select (they go to vitest as they are). The last line of the
// output is `N passed, N failed`, with `, N skipped` when there are any. The tests of the deployed stack run one file after the other, on one
// processor or so; all others run beside them on the rest.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly ancestorTitles: readonly string[];
      readonly title: string;
    }[];
  }[];
}

const checkout = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "stateful-actors-test-"));
const selected = process.argv.slice(2);
const beside = Math.max(1, availableParallelism() - 1);
const parts =
  selected.length > 0 ? [selected] : [["--project=!stack", `--maxWorkers=${beside}`], ["--project=stack"]];
const runs = parts.map((selection, part) => {
  const reportFile = join(folder, `report-${part}.json`);
  const vitest = spawn(
    process.execPath,
    [
      join(checkout, "node_modules", "vitest", "vitest.mjs"),
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${reportFile}`,
      ...selection,
    ],
    {
      cwd: checkout,
      // Two can't both redraw the lines of one terminal.
      stdio: parts.length === 1 ? "inherit" : ["ignore", "pipe", "pipe"],
      env: { ...process.env, STATEFUL_ACTORS_TEST_PART: String(part) },
    },
  );
  vitest.stdout?.pipe(process.stdout, { end: false });
  vitest.stderr?.pipe(process.stderr, { end: false });
  return { vitest, reportFile, ended: once(vitest, "close") };
});
// Ctrl-C reaches vitest by itself; a signal sent to this process alone does not.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => runs.forEach(({ vitest }) => void vitest.kill()));
const codes = await Promise.all(runs.map(async ({ ended }) => (await ended)[0] as number | null));
const reports = runs.map(({ reportFile }): Report => {
  return existsSync(reportFile)
    ? (JSON.parse(readFileSync(reportFile, "utf8")) as Report)
    : { testResults: [] };
});
rmSync(folder, { recursive: true, force: true });

const files = reports.flatMap(({ testResults }) => testResults);
const tests = files.flatMap((file) => file.assertionResults);
const passed = tests.filter(({ status }) => status === "passed");
const failedTests = tests.filter(({ status }) => status === "failed");
const skipped = tests.filter(({ status }) => status !== "passed" && status !== "failed");
const filesThatFailed = files.filter(
  ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed"),
);
let failed = failedTests.length + filesThatFailed.length;

if (tests.length === skipped.length && failed === 0) {
  console.log("\nNo test ran: that counts as a failure.");
  failed = 1;
} else if (failed === 0 && codes.some((code) => code !== 0)) {
  console.log("\nVitest failed outside of any test; its messages are above.");
  failed = 1;
}
list("Failed", [...failedTests.map(titleOf), ...filesThatFailed.map(({ name }) => name)]);
list("Skipped", skipped.map(titleOf));
const counts = [`${passed.length} passed`, `${failed} failed`];
if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
console.log(`\n${counts.join(", ")}`);
process.exitCode = failed > 0 ? 1 : 0;

function titleOf({
  ancestorTitles,
  title,
}: Report["testResults"][number]["assertionResults"][number]): string {
  return [...ancestorTitles, title].join(" > ");
}

/** Once more at the end, where it is found: of two runs side by side the output is long and mixed. */
function list(heading: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log(`\n${heading}:`);
  for (const line of lines) console.log(`  ${line}`);
}
