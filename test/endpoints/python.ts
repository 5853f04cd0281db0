import { appendFileSync, existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder } from "./cached-folder.ts";
import { run, tail } from "./processes.ts";
import { EndpointUnavailable } from "./unavailable.ts";

const oldestPython = [3, 10] as const;
const candidates = [
  "python3",
  "python3.14",
  "python3.13",
  "python3.12",
  "python3.11",
  "python3.10",
  "python",
];
const describePython = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";

interface Python {
  readonly command: string;
  readonly version: string;
}

async function findPython(): Promise<Python> {
  const refusals: string[] = [];
  for (const command of candidates) {
    const { code, output } = await run(command, ["-c", describePython]);
    if (code === -1) continue;
    const version = tail(output, 1);
    if (code !== 0) refusals.push(`${command}: ${version}`);
    else if (isRecent(version)) return { command, version };
    else refusals.push(`${command}: version ${version}`);
  }
  const found = refusals.length > 0 ? refusals.join("; ") : "no python3 on the PATH";
  throw new EndpointUnavailable(
    `Python ${oldestPython.join(".")} or newer with the venv module is missing (${found}); install it, on Debian or Ubuntu with: apt install python3 python3-venv`,
  );
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldestPython[0] || (major === oldestPython[0] && minor >= oldestPython[1]);
}

/**
 * A virtual environment of its own in the cache folder, with one pinned package in it (`name==version`), made at first use.
 * Returns the path of its Python. `log` takes the output of pip.
 *
 * @throws EndpointUnavailable without a fitting Python, or when the package cannot be installed.
 */
export async function pythonWith(requirement: string, log: string): Promise<string> {
  const python = await findPython();
  const name = `${requirement.replace("==", "-")}-py${python.version}`;
  const folder = await cachedFolder(name, (partial) =>
    install({ python, requirement, folder: partial, log }),
  );
  const executable = join(folder, "bin", "python");
  if (existsSync(executable)) return executable;
  // The Python that it was made from is gone (a system upgrade): its link leads nowhere.
  await rm(folder, { recursive: true, force: true });
  await cachedFolder(name, (partial) => install({ python, requirement, folder: partial, log }));
  return executable;
}

async function install(order: {
  python: Python;
  requirement: string;
  folder: string;
  log: string;
}): Promise<void> {
  const { python, requirement, folder, log } = order;
  const steps: [string, string[]][] = [
    [python.command, ["-m", "venv", folder]],
    [join(folder, "bin", "python"), ["-m", "pip", "install", "--disable-pip-version-check", requirement]],
  ];
  for (const [command, args] of steps) {
    const { code, output } = await run(command, args, { timeoutMs: 300_000 });
    appendFileSync(log, output);
    if (code === 0) continue;
    throw new EndpointUnavailable(
      `${requirement} could not be installed with ${python.command} (${tail(output, 1)}); check that pip can reach a package index, the whole output is in ${log}`,
    );
  }
}
