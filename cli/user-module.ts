import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { runtimeUrl } from "../project/bundle.ts";
import type { Project } from "../project/project.ts";

/** The user's module threw while it was loaded; the message ends with the user's own stack frames. */
export class UserModuleError extends Error {
  override readonly name = "UserModuleError";
}

/**
 * Loads a bundled project, and so runs the top level of the user's code.
 * @throws UserModuleError
 */
export async function loadUserModule(
  project: Project,
  bundleFile: string,
): Promise<Readonly<Record<string, unknown>>> {
  process.setSourceMapsEnabled(true);
  // An await that never settles leaves Node nothing to do: it would end without a word.
  const stuck = () => {
    process.stderr.write(
      `error: ${project.main} never finishes loading: an await at its top level does not settle\n`,
    );
    process.exitCode = 1;
  };
  process.once("beforeExit", stuck);
  try {
    return await import(pathToFileURL(bundleFile).href);
  } catch (error) {
    throw new UserModuleError(describe(error, project), { cause: error });
  } finally {
    process.off("beforeExit", stuck);
  }
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
