// Loads a deployed stack or an embedded server and says what came of it: `npm run bench:load -- --help`.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { stackOutputs } from "../runtime/adapters/aws/stack-outputs.ts";
import { Ledger } from "./load/ledger.ts";
import { dollarsPerMillion, HELP, LoadMistake, type LoadTest, parseLoadTest } from "./load/options.ts";
import { runAtPace } from "./load/pace.ts";
import { plannedCalls } from "./load/plan.ts";
import { type Summary, summaryOf } from "./load/summary.ts";
import { httpTarget, routerTarget, type Target } from "./load/targets.ts";

/** Balances that are read at once. */
const READERS = 16;

try {
  await main();
} catch (error) {
  if (!(error instanceof LoadMistake)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const test = parseLoadTest(process.argv.slice(2), process.env.AWS_ENDPOINT_URL);
  if (test === "help") return console.log(HELP);
  const target = await open(test);
  // Names that no other run has, so that every balance begins at nothing.
  const run = `load-${randomBytes(6).toString("hex")}`;
  const nameOf = (instance: number) => `${run}-${instance}`;
  const ledger = new Ledger();
  const planned = plannedCalls(test.plan);
  try {
    const { timed, took } = await runAtPace(test.pace, {
      now: () => performance.now(),
      until: async (moment) => {
        const wait = moment - performance.now();
        if (wait > 0) await sleep(wait);
      },
      async call() {
        const { instance, change } = planned.next().value;
        const ending = await target.change(nameOf(instance), change);
        ledger.note(instance, change, ending);
        return ending;
      },
    });
    const summary = summaryOf(timed, took);
    const wrong = await compare(ledger, (instance) => target.balance(nameOf(instance)));
    report(test, { run, summary, accounts: ledger.instances.length, wrong });
    if (wrong === undefined || wrong.length > 0) process.exitCode = 1;
  } finally {
    target.close();
  }
}

async function open({ target, pace }: LoadTest): Promise<Target> {
  if ("url" in target)
    return httpTarget(target.url, { headers: target.headers, connections: pace.concurrency });
  const router = (await stackOutputs(target.stack))?.get("RouterName");
  if (router !== undefined) return routerTarget(router, { connections: pace.concurrency });
  throw new LoadMistake(
    `there is no stack of actors ${JSON.stringify(target.stack)} in this account and region: name a deployed one, or set AWS_REGION`,
  );
}

/** What is wrong with the balances; `undefined`: one can't be read. */
async function compare(
  ledger: Ledger,
  balance: (instance: number) => Promise<number>,
): Promise<string[] | undefined> {
  const wrong: string[] = [];
  const left = ledger.instances;
  const read = async () => {
    for (let each = left.pop(); each !== undefined; each = left.pop()) {
      const found = ledger.wrong(each, await balance(each));
      if (found !== undefined) wrong.push(found);
    }
  };
  try {
    await Promise.all(Array.from({ length: READERS }, read));
    return wrong;
  } catch (error) {
    console.error(`error: no balance could be compared: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

interface Outcome {
  readonly run: string;
  readonly summary: Summary;
  readonly accounts: number;
  readonly wrong: readonly string[] | undefined;
}

function report({ target, pace, dollars, json }: LoadTest, { run, summary, accounts, wrong }: Outcome): void {
  const spent =
    dollars === undefined ? undefined : ((summary.calls + accounts) / 1e6) * dollarsPerMillion(target);
  if (json) {
    console.log(
      JSON.stringify({ run, ...summary, accounts, wrong: wrong ?? null, dollars: spent ?? null }, null, 2),
    );
    return;
  }
  const { calls, seconds, perSecond, latency, latest, errors, unanswered } = summary;
  const ms = (value: number) => `${value >= 100 ? Math.round(value) : value.toPrecision(2)} ms`;
  console.log(
    `${calls} calls in ${seconds.toFixed(1)} s: ${perSecond.toFixed(1)} answered a second, ${pace.rate === undefined ? `${pace.concurrency} callers, one after the other` : `${pace.rate} a second asked for`}`,
  );
  if (perSecond > 0) {
    console.log(
      `latency, from when a call was ${pace.rate === undefined ? "made" : "to be made"}: p50 ${ms(latency.p50)}, p90 ${ms(latency.p90)}, p99 ${ms(latency.p99)}, p99.9 ${ms(latency.p999)}, most ${ms(latency.max)}`,
    );
  }
  if (pace.rate !== undefined) console.log(`latest call: made ${ms(latest)} after its moment`);
  for (const [name, count] of Object.entries(errors)) console.log(`error ${name}: ${count}`);
  if (unanswered > 0) console.log(`${unanswered} calls have no answer that says whether they were applied`);
  for (const each of wrong ?? []) console.log(`WRONG: ${each}`);
  if (wrong !== undefined) {
    const verdict = wrong.length === 0 ? "all exact" : `${wrong.length} wrong`;
    console.log(`${accounts} balances compared (${run}-…): ${verdict}`);
  }
  if (spent !== undefined)
    console.log(`about $${spent.toFixed(4)} at list prices, as the model of bench/model has it`);
}
