// Real processes under load that are killed and stopped at random: `npm run chaos -- --minutes 10 --workers 4 --embedded 200`. The exit
// code is 1 when a promise breaks. The history stays for whoever wants to look into it.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startDynamoDBLocal } from "../endpoints/dynamodb-local.ts";
import { startMiniStack } from "../endpoints/ministack.ts";
import { runEmbedded } from "./embedded.ts";
import { type Report, reportOn } from "./report.ts";
import { VARIANTS } from "./variants.ts";
import { runWorkers } from "./workers.ts";

/** How much longer than a lease anything may take, in ms: a redelivery waits up to 20 s when it fails again and again. */
const SLACK_MS = 30_000;
/** How long messages and alarms that are on their way in the end may take, in ms. */
const PATIENCE_MS = 600_000;
/** So many violations are shown. */
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    workers: { type: "string", default: "4" },
    callers: { type: "string", default: "24" },
    ledgers: { type: "string", default: "60" },
    /** Seconds: of a worker's lease, of the queue's visibility timeout, between faults. */
    lease: { type: "string", default: "30" },
    queue: { type: "string", default: "60" },
    every: { type: "string", default: "6" },
    /** How many of the faults are kills; else a worker is stopped. */
    kills: { type: "string", default: "0.65" },
    /** Kills of the embedded server. */
    embedded: { type: "string", default: "0" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    /** A rule that the workers break: the run must find it. */
    broken: { type: "string" },
  },
});
const seconds = (text: string) => Number(text) * 1000;
const folder = mkdtempSync(join(tmpdir(), "chaos-"));
const seed = Number(values.seed);
if (values.broken !== undefined && !Object.hasOwn(VARIANTS, values.broken)) {
  throw new Error(`no variant "${values.broken}"; there are: ${Object.keys(VARIANTS).join(", ")}`);
}
console.log(`seed ${seed}, histories under ${folder}`);

if (Number(values.minutes) > 0) {
  const leases = { leaseMs: seconds(values.lease), queueMs: seconds(values.queue) };
  const dynamo = await startDynamoDBLocal({ log: join(folder, "dynamodb-local.log") });
  const sqs = await startMiniStack({ log: join(folder, "ministack.log") });
  try {
    const file = await runWorkers({
      ...leases,
      dynamoUrl: dynamo.url,
      sqsUrl: sqs.url,
      folder: join(folder, "workers"),
      seed,
      forMs: seconds(values.minutes) * 60,
      workers: Number(values.workers),
      callers: Number(values.callers),
      ledgers: Number(values.ledgers),
      faultEveryMs: seconds(values.every),
      kills: Number(values.kills),
      patienceMs: PATIENCE_MS,
      variant: values.broken,
    });
    tell(
      `${values.workers} workers for ${values.minutes} minutes`,
      file,
      reportOn(file, { ...leases, slackMs: SLACK_MS }),
    );
  } finally {
    await Promise.all([dynamo.stop(), sqs.stop()]);
  }
}
if (Number(values.embedded) > 0) {
  const file = await runEmbedded({ folder: join(folder, "embedded"), seed, kills: Number(values.embedded) });
  const report = reportOn(file, { leaseMs: 0, queueMs: 0, slackMs: SLACK_MS });
  tell(`embedded server, killed ${values.embedded} times`, file, report);
}

function tell(title: string, file: string, { lines, violations }: Report): void {
  console.log(`\n${title}; history: ${file}`);
  for (const line of lines) console.log(line);
  for (const { rule, what } of violations.slice(0, SHOWN)) console.log(`VIOLATION of "${rule}": ${what}`);
  console.log(`${violations.length} violations, seed ${seed}`);
  if (violations.length > 0) process.exitCode = 1;
}
