import { setTimeout } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { runtimeUrl } from "../project/bundle.ts";
import type { Project } from "../project/project.ts";

/** The user's module threw while it was loaded; the message ends with the user's own stack frames. */
export class UserModuleError extends Error {
  override readonly name = "UserModuleError";
}

/** How long a module may take to load while a server runs, in ms: without one, Node itself finds that it never will. */
const RELOAD_MS = 10_000;

/**
 * Loads a bundled project, and so runs the top level of the user's code.
 *
 * Node never lets go of a module: each one that is loaded from the same file stays in memory until the process ends.
 *
 * @param count how many have been loaded from that file; Node runs it again only under another address
 * @throws UserModuleError
 */
export async function loadUserModule(
  project: Project,
  bundleFile: string,
  count = 0,
): Promise<Readonly<Record<string, unknown>>> {
  process.setSourceMapsEnabled(true);
  // An await that never settles leaves Node nothing to do: it would end without a word.
  const stuck = () => {
    process.stderr.write(
      `error: ${project.main} never finishes loading: an await at its top level does not settle\n`,
    );
    process.exitCode = 1;
  };
  if (count === 0) process.once("beforeExit", stuck);
  try {
    const { href } = pathToFileURL(bundleFile);
    if (count === 0) return await import(href);
    return await Promise.race([import(`${href}?${count}`), tooLong(project)]);
  } catch (error) {
    if (error instanceof UserModuleError) throw error;
    throw new UserModuleError(describe(error, project), { cause: error });
  } finally {
    process.off("beforeExit", stuck);
  }
}

async function tooLong({ main }: Project): Promise<never> {
  await setTimeout(RELOAD_MS, undefined, { ref: false });
  throw new UserModuleError(
    `${main} is still loading after ${RELOAD_MS / 1000} s: an await at its top level does not settle`,
  );
}

function describe(error: unknown, project: Project): string {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : `it threw ${inspect(error)}`;
  const frames = error instanceof Error ? userFrames(error.stack ?? "") : [];
  // The bundle imports this package by the address of its file, which means nothing to the user.
  const message = what.replaceAll(runtimeUrl.href, "stateful-actors");
  return [`${project.main} failed while it was loaded: ${message}`, ...frames].join("\n");
}

function userFrames(stack: string): string[] {
  const ours = ["../cli/", "../handlers/", "../project/", "../runtime/"].flatMap((folder) => {
    const url = new URL(folder, import.meta.url);
    return [url.href, fileURLToPath(url)];
  });
  const isUsers = (frame: string) =>
    !/[ (]node:/.test(frame) && !ours.some((folder) => frame.includes(folder));
  return stack.split("\n").filter((line) => line.startsWith("    at ") && isUsers(line));
}
