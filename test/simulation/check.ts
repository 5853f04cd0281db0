// Simulates the whole system through faults: `npm run sim [-- --seeds 10000 --from 1 --programme calls --threads 2]`. With
// SEED=<n> in the environment only that seed, with its log. The exit code is 1 when a promise breaks.

import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { PROGRAMMES } from "./programmes.ts";

/** After so many broken seeds the rest would tell nothing new. */
const MOST_FAILURES = 20;

interface Share {
  readonly from: number;
  readonly seeds: number;
  /** Which of every how many seeds. */
  readonly part: number;
  readonly of: number;
  readonly programme: string;
}

interface Result {
  readonly counts: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

if (isMainThread) await main();
else parentPort?.postMessage(await simulateShare(workerData as Share));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "10000" },
      from: { type: "string", default: "1" },
      threads: { type: "string", default: "2" },
      programme: { type: "string" },
    },
  });
  const { SEED } = process.env;
  for (const programme of values.programme === undefined ? Object.keys(PROGRAMMES) : [values.programme]) {
    if (SEED !== undefined) await replay(programme, Number(SEED));
    else {
      const shares = { from: Number(values.from), seeds: Number(values.seeds), of: Number(values.threads) };
      await simulateAll({ ...shares, programme });
    }
  }
}

async function replay(programme: string, seed: number): Promise<void> {
  const { log, broken } = await simulationOf(programme)(seed);
  for (const line of log) console.log(line);
  console.log(broken ?? "all promises hold");
  if (broken) process.exitCode = 1;
}

async function simulateAll(shares: Omit<Share, "part">): Promise<void> {
  const { programme, seeds, of } = shares;
  const since = performance.now();
  const results = await Promise.all(Array.from({ length: of }, (_, part) => inThread({ ...shares, part })));
  const counts = new Map<string, number>();
  for (const result of results) {
    for (const [kind, count] of result.counts) counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  const failures = results.flatMap((result) => result.failures);
  for (const failure of failures) console.log(failure);
  for (const [kind, count] of [...counts].sort()) console.log(`  ${String(count).padStart(9)} ${kind}`);
  const seconds = (performance.now() - since) / 1000;
  const rate = Math.round((seeds / seconds) * 60);
  console.log(
    `${programme}: ${seeds} seeds in ${seconds.toFixed(1)} s (${rate} a minute): ${failures.length} broken`,
  );
  if (failures.length > 0) process.exitCode = 1;
}

function inThread(share: Share): Promise<Result> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: share });
    thread.once("message", resolve);
    thread.once("error", reject);
  });
}

async function simulateShare({ from, seeds, part, of, programme }: Share): Promise<Result> {
  const counts = new Map<string, number>();
  const failures: string[] = [];
  for (let seed = from + part; seed < from + seeds && failures.length < MOST_FAILURES; seed += of) {
    const report = await simulationOf(programme)(seed);
    for (const [kind, count] of report.counts) counts.set(kind, (counts.get(kind) ?? 0) + count);
    if (report.broken === undefined) continue;
    failures.push(`${report.broken}; replay: SEED=${seed} npm run sim -- --programme ${programme}`);
  }
  return { counts, failures };
}

function simulationOf(programme: string) {
  const simulate = PROGRAMMES[programme];
  if (simulate) return simulate;
  throw new Error(`there is no programme ${programme}; there are: ${Object.keys(PROGRAMMES).join(", ")}`);
}
