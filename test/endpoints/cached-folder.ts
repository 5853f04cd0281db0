import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isAlive } from "./processes.ts";

const checkout = join(import.meta.dirname, "..", "..");

// Vitest loads the setup of each project with modules of its own, so what they share hangs on `globalThis`.
const key: unique symbol = Symbol.for("stateful-actors.test.folders");
const holder = globalThis as typeof globalThis & { [key]?: Map<string, Promise<string>> };

/** Where downloads and virtual environments are kept between runs: `$STATEFUL_ACTORS_CACHE`, else `.cache` in the checkout. */
export function cacheFolder(): string {
  return process.env.STATEFUL_ACTORS_CACHE || join(checkout, ".cache");
}

/**
 * Returns the cache folder `name`, made by `make` when it is not there yet.
 *
 * `make` is called once, however many ask for the folder at the same time. It fills a folder beside it, which gets its name only when `make` has succeeded: what lies under `name` is complete, also
 * after a crash and when two test runs make it at once. So what `make` writes must bear being moved.
 */
export function cachedFolder(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const complete = join(cacheFolder(), name);
  holder[key] ??= new Map();
  const making = holder[key];
  const folder = making.get(complete) ?? makeOnce(complete, make).finally(() => making.delete(complete));
  making.set(complete, folder);
  return folder;
}

async function makeOnce(complete: string, make: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(complete)) return complete;

  await mkdir(dirname(complete), { recursive: true });
  await removeAbandoned(complete);
  const partial = `${complete}.partial-${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial);
    await make(partial);
    await rename(partial, complete).catch((error: NodeJS.ErrnoException) => {
      const madeByAnotherRun = error.code === "ENOTEMPTY" || error.code === "EEXIST";
      if (!madeByAnotherRun) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return complete;
}

async function removeAbandoned(complete: string): Promise<void> {
  const prefix = `${basename(complete)}.partial-`;
  for (const entry of await readdir(dirname(complete))) {
    if (!entry.startsWith(prefix) || isAlive(Number(entry.slice(prefix.length)))) continue;
    await rm(join(dirname(complete), entry), { recursive: true, force: true });
  }
}
