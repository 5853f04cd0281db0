// What a function loads when it starts, how long that takes, and what a warm turn costs the processor: `npm run bench:start`.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleForEmbedded, bundleForLambda } from "../project/bundle.ts";
import { readProject } from "../project/project.ts";
import { startAnswering } from "./start/answering.ts";
import { packedCallCpuMs, turnCpuMs } from "./start/turn-cost.ts";

const RUNS = 21;
const CHECKOUT = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "bench-start-"));
const project = readProject(join(CHECKOUT, "examples/account"));
/** What the stack sets; the functions look for it when they are loaded. */
const ENVIRONMENT = {
  ...Object.fromEntries(
    [
      ...["MAILBOX_URL", "DELAY_URL", "REPLY_TABLE", "ACTOR_TABLE", "DEAD_LETTER_URL", "SCHEDULE_GROUP"],
      ...["SCHEDULE_ROLE_ARN", "DELAY_QUEUE_ARN", "DELAY_DEAD_LETTER_ARN"],
    ].map((name) => [name, "http://127.0.0.1:1/x"]),
  ),
  ...Object.fromEntries(
    ["LEASE_SECONDS", "REPLY_RETENTION_SECONDS", "ALARM_BUDGET_SECONDS"].map((name) => [name, "300"]),
  ),
  AWS_REGION: "us-east-1",
  PATH: process.env.PATH,
};

try {
  const empty = join(folder, "empty.mjs");
  writeFileSync(empty, "export {};\n");
  const files = {
    "an empty module": empty,
    router: bundled("router"),
    worker: bundled("worker"),
    forwarder: bundled("forwarder"),
  };
  const runs = Object.entries(files).map(([name, file]) => ({ name, file, times: [] as Loading[] }));
  // In turn, so that what else the machine does meets them alike.
  for (let run = 0; run < RUNS; run++) for (const { file, times } of runs) times.push(load(file));
  console.log(`Loading a function in a fresh process, median (least) of ${RUNS}, Node ${process.version}`);
  console.table(
    Object.fromEntries(
      runs.map(({ name, file, times }) => [
        name,
        {
          KB: Math.round(statSync(file).size / 1000),
          ms: medianAndLeast(times.map(({ ms }) => ms)),
          "processor, ms": medianAndLeast(times.map(({ cpuMs }) => cpuMs)),
        },
      ]),
    ),
  );
  const { file } = await bundleForEmbedded(project, join(folder, "account.mjs"));
  const { Account } = await import(pathToFileURL(file).href);
  console.log("Processor time of a warm debit outside of input and output, ms: median, least and most of 5");
  console.log(await fiveTimes(() => turnCpuMs(Account)));
  const answering = await startAnswering();
  try {
    console.log("… and of each of 200 in one batch, with the request that files its reply");
    console.log(await fiveTimes(() => packedCallCpuMs(Account, answering.url)));
  } finally {
    await answering.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function fiveTimes(measure: () => Promise<number>): Promise<string> {
  const times: number[] = [];
  for (let run = 0; run < 5; run++) times.push(await measure());
  times.sort((a, b) => a - b);
  return `${times[2]?.toFixed(3)} (${times[0]?.toFixed(3)} to ${times[4]?.toFixed(3)})`;
}

interface Loading {
  readonly ms: number;
  readonly cpuMs: number;
}

function load(file: string): Loading {
  const loading = join(import.meta.dirname, "start/loading.ts");
  return JSON.parse(execFileSync(process.execPath, [loading, file], { env: ENVIRONMENT, encoding: "utf8" }));
}

function bundled(handler: "router" | "worker" | "forwarder"): string {
  return bundleForLambda({ project, handler, outDir: join(folder, handler) }).file;
}

function medianAndLeast(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  return `${sorted[sorted.length >> 1]?.toFixed(0)} (${sorted[0]?.toFixed(0)})`;
}
