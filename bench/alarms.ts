// How precise alarms are, and how long ten thousand that are due together take: `npm run bench:alarms`. On the embedded server, or
// with --aws on both handlers and real queues of an AWS-compatible endpoint, in this process.

import { parseArgs } from "node:util";
import type { Firing } from "../test/projects/probe/src/sleeper.ts";
import { type AlarmSystem, embeddedSystem, queueSystem } from "./alarm-systems.ts";

const { aws, spread, together } = parseArgs({
  options: {
    aws: { type: "boolean", default: false },
    /** Alarms that are due at different moments of some seconds. */
    spread: { type: "string", default: "1000" },
    /** Alarms that are due at the same moment. */
    together: { type: "string", default: "10000" },
  },
}).values;
/** Callers at once. */
const CALLERS = 32;

const system = aws ? await queueSystem() : await embeddedSystem();
try {
  await measurePrecision(system, Number(spread));
  await measureDrain(system, Number(together));
} finally {
  await system.stop();
}

/** Alarms between 2 and 30 seconds ahead, at random: none waits for another. */
async function measurePrecision({ wakeAt, firings }: AlarmSystem, count: number): Promise<void> {
  const names = namesOf("spread", count);
  await inTurns(names, (name) => wakeAt(name, Date.now() + Math.ceil(2_000 + Math.random() * 28_000)));
  const late = (await collect(names, firings)).map(({ at, due }) => at - due).sort((a, b) => a - b);
  const part = (share: number) => late[Math.min(late.length - 1, Math.floor(share * late.length))];
  const inTime = late.filter((ms) => ms <= 1_000).length;
  console.log(
    `${count} alarms at random moments: ${((100 * inTime) / count).toFixed(1)}% within a second of their time, ` +
      `late by p50 ${part(0.5)} ms, p95 ${part(0.95)} ms, p99 ${part(0.99)} ms, most ${part(1)} ms; early: ${late.filter((ms) => ms < 0).length}`,
  );
}

/** Alarms that are all due at the same moment. */
async function measureDrain({ wakeAt, firings }: AlarmSystem, count: number): Promise<void> {
  const names = namesOf("together", count);
  const begun = Date.now();
  // The setting takes its time, and must be over before they are due.
  const perAlarm = await timed(() =>
    inTurns(names.slice(0, count / 20), (name) => wakeAt(name, begun + 1e9)),
  );
  const due = Date.now() + Math.ceil(Math.max(5_000, perAlarm * 20 * 1.5));
  await inTurns(names, (name) => wakeAt(name, due));
  const spare = due - Date.now();
  const at = (await collect(names, firings)).map((firing) => firing.at);
  const last = at.reduce((most, each) => Math.max(most, each), 0);
  console.log(
    `${count} alarms at the same moment (the last one set ${spare} ms before): the last fired ${last - due} ms after it`,
  );
}

async function collect(names: readonly string[], firings: AlarmSystem["firings"]): Promise<Firing[]> {
  const all: Firing[] = [];
  const deadline = Date.now() + 10 * 60_000;
  await inTurns(names, async (name) => {
    for (;;) {
      const [firing] = await firings(name);
      if (firing) return void all.push(firing);
      if (Date.now() > deadline) throw new Error(`the alarm of ${name} did not fire in ten minutes`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  });
  return all;
}

async function inTurns(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<void> {
  const left = [...names];
  const caller = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) await work(name);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

function namesOf(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${kind} ${n}`);
}
