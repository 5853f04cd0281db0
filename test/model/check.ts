// Searches the models of the protocol: `node test/model/check.ts [--all]`. With --all also the large scenarios, which take
// minutes, and every broken variant with its trace. The exit code is 1 when a promise breaks, or a broken variant goes unnoticed.

import { parseArgs } from "node:util";
import * as alarms from "./alarms/model.ts";
import * as calls from "./calls/model.ts";
import type { CheckedModel } from "./frame.ts";
import * as journal from "./journal/model.ts";
import * as pipeline from "./pipeline/model.ts";
import type { Finding } from "./search.ts";

const { all } = parseArgs({ options: { all: { type: "boolean", default: false } } }).values;

checkModel("calls", calls);
checkModel("pipeline", pipeline);
checkModel("journal", journal);
checkModel("alarms", alarms);

function checkModel<Scenario, Rules>(
  model: string,
  { SCENARIOS, BROKEN_VARIANTS, check }: CheckedModel<Scenario, Rules>,
): void {
  for (const { name, scenario } of SCENARIOS.filter(({ large }) => all || !large)) {
    const { states, broken } = timed(`${model}: ${name}`, () => check(scenario));
    console.log(`  ${states} states: ${broken ? broken.promise : "all promises hold"}`);
    if (broken) {
      printTrace(broken.trace);
      process.exitCode = 1;
    }
  }
  if (!all) return;
  for (const { name, rules, scenario } of BROKEN_VARIANTS) {
    const { states, broken } = timed(`${model}, broken: ${name}`, () => check(scenario, rules));
    console.log(`  ${states} states: ${broken ? `caught, ${broken.promise}` : "NOT CAUGHT"}`);
    if (broken) printTrace(broken.trace);
    else process.exitCode = 1;
  }
}

function timed(name: string, run: () => Finding): Finding {
  const since = performance.now();
  const finding = run();
  console.log(`${name} (${((performance.now() - since) / 1000).toFixed(1)} s)`);
  return finding;
}

function printTrace(trace: readonly string[]): void {
  for (const step of trace) console.log(`    ${step}`);
}
