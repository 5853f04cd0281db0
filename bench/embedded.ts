// The embedded server beside the floor, a bare HTTP server on SQLite: `npm run bench`. Both are loaded in turn by the same process, in
// short slices, so that whatever else the machine does hits both. Prints a table of medians and ratios, and whether every balance
// was exact, also after `kill -9` under load; that, and no time, makes it fail.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Load, type LoadOptions, startLoad } from "./load-process.ts";
import { type MeasuredServer, type ServerArguments, startServer } from "./measured-server.ts";
import { drawShares } from "./plot.ts";
import { type Measured, median, table } from "./table.ts";

const { runs, seconds, quick, plot } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    /** How long one slice of a load lasts. */
    seconds: { type: "string", default: "2" },
    /** Only the loads of 64 connections: what a change of the code is judged by. */
    quick: { type: "boolean", default: false },
    /** Where to draw the result, as SVG. */
    plot: { type: "string" },
  },
}).values;

const CHECKOUT = join(import.meta.dirname, "..");
const CONNECTIONS = 64;
const ACCOUNTS = 1_000;
const MANY_ACCOUNTS = 10_000;
/** Calls of each kind before anything is measured: as many as the compiler needs, on a busy machine too. */
const WARM_CALLS = 30_000;
/** Slices of each load, for each server. */
const SLICES = 3;

const SERVERS: Readonly<Record<string, ServerArguments>> = {
  floor: ({ port, folder }) => [join(CHECKOUT, "bench/floor.ts"), String(port), join(folder, "floor.sqlite")],
  // As `npm start` does.
  embedded: ({ port, folder }) => [
    "--max-semi-space-size=8",
    join(CHECKOUT, "cli/actors.ts"),
    "start",
    "--port",
    String(port),
    "--state",
    folder,
  ],
};

/** One server of a run, with a load of its own. */
interface Subject {
  readonly name: string;
  readonly args: ServerArguments;
  readonly folder: string;
  readonly load: Load;
  server: MeasuredServer;
}

const measured: Measured = {};
const wrong: string[] = [];
for (let run = 1; run <= Number(runs); run++) {
  const subjects = await Promise.all(Object.entries(SERVERS).map(([name, args]) => subjectOf(name, args)));
  try {
    await measure(subjects);
    if (!quick) await killUnderLoad(subjects);
  } finally {
    for (const { server, load, folder } of subjects) {
      await server.kill();
      await load.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  if (!quick) await measureStarts();
  console.error(`run ${run} of ${runs} is done`);
}
console.log(table(measured));
if (plot !== undefined) writeFileSync(plot, drawShares(measured));
for (const sentence of wrong.slice(0, 10)) console.error(sentence);
console.log(wrong.length === 0 ? "All balances were exact." : `${wrong.length} balances were wrong.`);
process.exitCode = wrong.length === 0 ? 0 : 1;

async function subjectOf(name: string, args: ServerArguments): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  const server = await startServer(args, { folder, metered: true });
  return { name, args, folder, load: startLoad(), server };
}

async function measure(subjects: readonly Subject[]): Promise<void> {
  const hot = { prefix: "hot", count: 1 };
  const many = { prefix: "one", count: ACCOUNTS };
  for (const subject of subjects) {
    for (const count of [1, ACCOUNTS])
      await run(subject, {
        calls: WARM_CALLS,
        connections: CONNECTIONS,
        names: { prefix: "warm", count },
        seed: 1,
      });
    await run(subject, { calls: 1, connections: 1, names: hot, seed: 1_000_000 });
    await run(subject, { calls: ACCOUNTS, connections: CONNECTIONS, names: many, seed: 1_000_000 });
  }
  await slices("one account", subjects, { connections: CONNECTIONS, names: hot });
  await slices(`${ACCOUNTS} accounts`, subjects, { connections: CONNECTIONS, names: many });
  if (quick) return;
  await slices("one caller", subjects, { connections: 1, names: hot });
  for (const subject of subjects) {
    await run(subject, {
      calls: MANY_ACCOUNTS,
      connections: CONNECTIONS,
      names: { prefix: "touched", count: MANY_ACCOUNTS },
      seed: 1,
    });
    note("memory, MB", subject.name, (await subject.server.usage()).rss / 1024 / 1024);
    wrong.push(...(await subject.load.check(subject.server.port)).wrong);
  }
}

/** Loads the servers in turn, and notes how each one did. */
async function slices(
  what: string,
  subjects: readonly Subject[],
  options: Pick<LoadOptions, "connections" | "names">,
): Promise<void> {
  const all = new Map(subjects.map(({ name }) => [name, [] as Awaited<ReturnType<typeof run>>[]]));
  for (let slice = 0; slice < SLICES; slice++)
    for (const subject of subjects) all.get(subject.name)?.push(await run(subject, options));
  for (const [name, done] of all) {
    note(`${what}, calls/s`, name, median(done.map(({ perSecond }) => perSecond)));
    note(`${what}, p50 in ms`, name, median(done.map(({ p50 }) => p50)));
    note(`${what}, processor ms a call`, name, median(done.map(({ cpuMs }) => cpuMs)));
  }
}

async function run(
  { server, load }: Subject,
  options: Pick<LoadOptions, "connections" | "names"> & Partial<LoadOptions>,
) {
  const before = await server.usage();
  const done = await load.run({
    port: server.port,
    seconds: options.calls === undefined ? Number(seconds) : 60,
    calls: Number.POSITIVE_INFINITY,
    ...options,
  });
  const after = await server.usage();
  return { ...done, cpuMs: (after.cpuMs - before.cpuMs) / done.calls };
}

/** What was acknowledged before a `kill -9` must be there afterwards. */
async function killUnderLoad(subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) {
    const { server, load, args, folder } = subject;
    const loaded = load.run({
      port: server.port,
      connections: CONNECTIONS,
      calls: Number.POSITIVE_INFINITY,
      seconds: 60,
      names: { prefix: "killed", count: 100 },
      seed: 1,
    });
    await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 500));
    await server.kill();
    await loaded;
    subject.server = await startServer(args, { folder, metered: true });
    const { checked, wrong: lost } = await load.check(subject.server.port);
    wrong.push(...lost.map((sentence) => `${subject.name}, after kill -9: ${sentence}`));
    note("accounts exact after kill -9", subject.name, checked - lost.length);
  }
}

/** Without a meter, in a fresh folder, and once more in the same one. */
async function measureStarts(): Promise<void> {
  for (const [name, args] of Object.entries(SERVERS)) {
    const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
    for (const what of ["first start, ms", "later start, ms"]) {
      const { startMs, kill } = await startServer(args, { folder, metered: false });
      await kill();
      note(what, name, startMs);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

function note(what: string, name: string, value: number): void {
  measured[what] ??= {};
  measured[what][name] ??= [];
  measured[what][name].push(value);
}
