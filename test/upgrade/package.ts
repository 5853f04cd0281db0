import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { run, tail } from "../endpoints/processes.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
/**
 * Not part of the package's sources: what git, tools and builds leave in a checkout, and where other tests may be writing at the same
 * time.
 */
const LEFT_OUT = new Set([
  ".git",
  ".cache",
  ".actors",
  "bench",
  "cdk.out",
  "dist",
  "examples",
  "node_modules",
  "test",
]);

/**
 * The package that is upgraded from: as the commit in `baseline/COMMIT` packed it. Kept as a file, since a clone may lack that commit, and
 * nothing is published yet to take its place. `UPGRADE_FROM=<commit>` packs another one of the history.
 */
export async function packBaseline(folder: string): Promise<string> {
  const ref = process.env.UPGRADE_FROM;
  if (!ref) return join(import.meta.dirname, "baseline", "stateful-actors.tgz");
  const sources = join(folder, "baseline");
  await mkdir(sources, { recursive: true });
  const archive = join(folder, "baseline.tar");
  await mustRun("git", ["archive", "--output", archive, ref], CHECKOUT);
  await mustRun("tar", ["-xf", archive, "-C", sources], folder);
  return pack(sources, folder);
}

/** The package as this checkout would publish it, built apart from it: others may build it at the same time. */
export async function packPresent(folder: string): Promise<string> {
  const sources = join(folder, "present");
  await mkdir(sources, { recursive: true });
  for (const entry of await readdir(CHECKOUT)) {
    if (!LEFT_OUT.has(entry)) await cp(join(CHECKOUT, entry), join(sources, entry), { recursive: true });
  }
  return pack(sources, folder);
}

async function pack(sources: string, folder: string): Promise<string> {
  await symlink(join(CHECKOUT, "node_modules"), join(sources, "node_modules"));
  const tarballs = `${sources}-packed`;
  await mkdir(tarballs);
  await mustRun("npm", ["pack", "--pack-destination", tarballs], sources);
  const [tarball] = await readdir(tarballs);
  if (tarball === undefined) throw new Error(`npm pack made nothing in ${folder}`);
  return join(tarballs, tarball);
}

/** Runs a command to its end; rejects with the last lines of one that fails. */
export async function mustRun(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await run(command, args, { cwd, timeoutMs: 600_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${tail(output, 30)}`);
}
