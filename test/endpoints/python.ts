import { appendFileSync, existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder } from "./cached-folder.ts";
import { run, tail } from "./processes.ts";
import { EndpointUnavailable } from "./unavailable.ts";

type Version = readonly [major: number, minor: number];

/** What a Python must be: neither older nor newer. */
export interface PythonRange {
  readonly oldest: Version;
  readonly newest?: Version;
}

/** What goes into a virtual environment of its own. */
export interface PythonPackages {
  /** Names them with their versions: what lies in the cache under it is never made again. */
  readonly name: string;
  /** The arguments of `pip install`. */
  readonly install: readonly string[];
  readonly python: PythonRange;
}

const ANY_PYTHON: PythonRange = { oldest: [3, 10] };

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

async function findPython(range: PythonRange): Promise<Python> {
  const refusals: string[] = [];
  for (const command of [...candidates, ...(await pythonsOfPyenv())]) {
    const { code, output } = await run(command, ["-c", describePython]);
    if (code === -1) continue;
    const version = tail(output, 1);
    if (code !== 0) refusals.push(`${command}: ${version}`);
    else if (isWithin(range, version)) return { command, version };
    else refusals.push(`${command}: version ${version}`);
  }
  const found = refusals.length > 0 ? refusals.join("; ") : "no python3 on the PATH";
  throw new EndpointUnavailable(
    `Python ${describeRange(range)} with the venv module is missing (${found}); install it, on Debian or Ubuntu with: apt install python3 python3-venv`,
  );
}

/** The Pythons that pyenv has installed, the newest first: most of them are not on the PATH. */
async function pythonsOfPyenv(): Promise<string[]> {
  const [root, versions] = await Promise.all([
    run("pyenv", ["root"]),
    run("pyenv", ["versions", "--bare", "--skip-aliases"]),
  ]);
  if (root.code !== 0 || versions.code !== 0) return [];
  return versions.output
    .split("\n")
    .filter((version) => /^\d+\.\d+\.\d+$/.test(version))
    .sort((one, other) => other.localeCompare(one, undefined, { numeric: true }))
    .map((version) => join(root.output.trim(), "versions", version, "bin", "python3"));
}

function isWithin({ oldest, newest }: PythonRange, version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const place = ([major, minor]: Version) => major * 1000 + minor;
  const here = place([major, minor]);
  return here >= place(oldest) && (newest === undefined || here <= place(newest));
}

function describeRange({ oldest, newest }: PythonRange): string {
  return newest ? `${oldest.join(".")} to ${newest.join(".")}` : `${oldest.join(".")} or newer`;
}

/** One package of one version (`name==version`), for any Python that the tests work with. */
export function onePackage(requirement: string): PythonPackages {
  return { name: requirement.replace("==", "-"), install: [requirement], python: ANY_PYTHON };
}

/**
 * A virtual environment of its own in the cache folder, with the given packages, made at first use. Returns the path of its Python.
 * `log` takes the output of pip.
 *
 * @throws EndpointUnavailable without a fitting Python, or when the packages cannot be installed.
 */
export async function pythonWith(packages: PythonPackages, log: string): Promise<string> {
  const python = await findPython(packages.python);
  const name = `${packages.name}-py${python.version}`;
  const make = () => cachedFolder(name, (folder) => install({ python, packages, folder, log }));
  const folder = await make();
  const executable = join(folder, "bin", "python");
  if (existsSync(executable)) return executable;
  // The Python that it was made from is gone (a system upgrade): its link leads nowhere.
  await rm(folder, { recursive: true, force: true });
  await make();
  return executable;
}

async function install(order: {
  python: Python;
  packages: PythonPackages;
  folder: string;
  log: string;
}): Promise<void> {
  const { python, packages, folder, log } = order;
  const steps: [string, string[]][] = [
    [python.command, ["-m", "venv", folder]],
    [
      join(folder, "bin", "python"),
      ["-m", "pip", "install", "--disable-pip-version-check", ...packages.install],
    ],
  ];
  for (const [command, args] of steps) {
    const { code, output } = await run(command, args, { timeoutMs: 600_000 });
    appendFileSync(log, output);
    if (code === 0) continue;
    throw new EndpointUnavailable(
      `${packages.name} could not be installed with ${python.command} (${tail(output, 1)}); check that pip can reach a package index, the whole output is in ${log}`,
    );
  }
}
