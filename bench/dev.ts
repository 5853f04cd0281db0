// How long a developer waits: from the start of `actors dev` to its first answer, from a save to the changed answer, and what each
// saved version of the code leaves in memory. `npm run bench:dev`; `-- --program <dist/cli/actors.js>` measures a built package,
// `-- --saves 500 --kilobytes 200` a longer day with more code.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    program: { type: "string", default: join(import.meta.dirname, "../cli/actors.ts") },
    starts: { type: "string", default: "10" },
    saves: { type: "string", default: "10" },
    kilobytes: { type: "string", default: "10" },
  },
});

/** How long anything may take, in ms. */
const PATIENCE_MS = 30_000;
/** How often an answer is looked for, in ms. */
const LOOK_MS = 2;

const dir = mkdtempSync(join(tmpdir(), "actors-bench-"));
mkdirSync(join(dir, "src"));
writeFileSync(
  join(dir, "actors.toml"),
  'name = "bench"\nmain = "src/index.ts"\n[[actors]]\nbinding = "TALLY"\ntype = "Tally"\n',
);
const kilobytes = Number(values.kilobytes);

function save(version: number): void {
  const ballast = Array.from(
    { length: kilobytes * 10 },
    (_, index) =>
      `export const line${index}_${version} = (text: string): string => text.padEnd(${index}) + ${version};`,
  );
  const source = `import { StatefulActor } from "stateful-actors";
export class Tally extends StatefulActor {
  async version() { return ${version}; }
}
${ballast.join("\n")}
`;
  writeFileSync(join(dir, "src/index.ts"), source);
}

interface Served {
  readonly child: ChildProcess;
  readonly url: string;
}

async function serve(): Promise<Served> {
  const args = [values.program, "dev", dir, "--port", "0", "--quiet"];
  const child = spawn(process.execPath, args, { cwd: dir, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      said += part;
      const [, found] = /^serving \S+ on (http:\S+)$/m.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", () => reject(new Error(`the server did not start: ${said}`)));
  });
  return { child, url };
}

async function version(url: string): Promise<unknown> {
  const response = await fetch(`${url}/Tally/a/version`, { method: "POST", body: "[]" });
  return response.json();
}

async function end({ child }: Served): Promise<void> {
  child.kill();
  await new Promise((resolve) => child.once("exit", resolve));
}

/** In MiB. */
function memoryOf({ child }: Served): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

/** CPU time of the process so far, in ms. */
function cpuOf({ child }: Served): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function summary(what: string, all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN);
  return `${what}: median ${at(0.5)} ms, fastest ${at(0)}, slowest ${at(1)}, of ${all.length}`;
}

try {
  save(0);
  const starts: number[] = [];
  const cpu: number[] = [];
  for (let start = 0; start < Number(values.starts); start++) {
    const began = performance.now();
    const served = await serve();
    await version(served.url);
    starts.push(performance.now() - began);
    cpu.push(cpuOf(served));
    await end(served);
  }
  console.log(summary("from the start to the first answer", starts));
  console.log(summary("  of which the server's own CPU time", cpu));

  const served = await serve();
  await version(served.url);
  // What was saved while it started is looked for a moment later; that is none of what is measured.
  await pause(1_000);
  const before = memoryOf(served);
  const saves: number[] = [];
  for (let saved = 1; saved <= Number(values.saves); saved++) {
    save(saved);
    const began = performance.now();
    while ((await version(served.url)) !== saved) {
      if (performance.now() - began > PATIENCE_MS) throw new Error("the saved code does not answer");
      await pause(LOOK_MS);
    }
    saves.push(performance.now() - began);
  }
  console.log(summary("from a save to the changed answer", saves));
  await pause(1_000);
  const grown = memoryOf(served) - before;
  console.log(
    `memory: ${before.toFixed(0)} MiB before, ${grown.toFixed(0)} more after ${saves.length} saves of ${kilobytes} kB each: ${((grown * 1024) / saves.length).toFixed(0)} KiB a save`,
  );
  await end(served);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
