import type { EmbeddedServer } from "../handlers/embedded.ts";
import { ProjectError } from "../handlers/project-module.ts";
import { SourceWatch } from "../project/source-watch.ts";
import { failureText } from "./failure.ts";
import type { CurrentCode, LiveCode } from "./live-code.ts";

/** When to look for what was saved while the server started, in ms. */
const LOOK_AGAIN_MS = 500;

/** From how much memory on a reload tells that the old versions of the code are still in it, in bytes. */
const MUCH_MEMORY = 1024 ** 3;

export interface ReloadingOptions {
  readonly code: LiveCode;
  readonly server: Pick<EmbeddedServer, "replace" | "refuse">;
  /** What runs at first. */
  readonly current: CurrentCode;
  /** Told of code that has taken over. */
  readonly replaced: (code: CurrentCode) => void;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/**
 * Puts a project's code to work with each save from now on. Code that can't run stops the old one from answering, until a save
 * that works.
 *
 * @returns ends it
 */
export function reloadOnSave(options: ReloadingOptions): () => Promise<void> {
  const { code, server, replaced, out, err } = options;
  let { current } = options;
  let broken = false;
  let busy = false;
  let again = false;

  const reload = async () => {
    const began = performance.now();
    try {
      const next = await code.load();
      refuseLost(current, next);
      if (!broken && next.module === current.module && sameActors(current, next)) return;
      await server.replace({
        module: next.module,
        actors: next.project.manifest.actors,
        secrets: next.secrets,
      });
      const news = newsOf(current, next);
      current = next;
      broken = false;
      for (const warning of next.warnings) err(`warning: ${warning}`);
      out(`reloaded in ${Math.round(performance.now() - began)} ms${news}`);
      const memory = process.memoryUsage.rss();
      if (memory > MUCH_MEMORY) out(crowded(memory));
      replaced(next);
    } catch (error) {
      broken = true;
      server.refuse(error instanceof Error ? error : new ProjectError(String(error)));
      err(
        `error: ${failureText(error)}\ncalls are answered with this error until a save that works; state is kept`,
      );
    }
  };
  const changed = async () => {
    again = true;
    if (busy) return;
    busy = true;
    while (again) {
      again = false;
      await reload();
      // What has changed in a folder before it was watched was not seen.
      if (watch.watch(code.sources)) again = true;
    }
    busy = false;
  };
  const watch = new SourceWatch(() => void changed());
  watch.watch(code.sources);
  // A save may have come before the watch; looking for it must not hold up the first call.
  const late = setTimeout(() => void changed(), LOOK_AGAIN_MS);
  return async () => {
    clearTimeout(late);
    watch.close();
    await code.close();
  };
}

function crowded(bytes: number): string {
  return `this process has ${(bytes / MUCH_MEMORY).toFixed(1)} GiB by now: Node keeps each version of the code that it has loaded; Ctrl+C and a new start free them, and state in a folder stays`;
}

/** A class that was here, is still bound, and is gone: nobody else has its instances. */
function refuseLost(last: CurrentCode, { project, module }: CurrentCode): void {
  for (const { binding, type } of project.manifest.actors) {
    if (!Object.hasOwn(last.module, type) || Object.hasOwn(module, type)) continue;
    throw new ProjectError(
      `the manifest binds ${binding} to type "${type}", which the entry module does not export any more: export it again, or take its [[actors]] out of ${project.manifestFile}`,
    );
  }
}

function sameActors(last: CurrentCode, next: CurrentCode): boolean {
  const told = ({ project }: CurrentCode) => JSON.stringify(project.manifest);
  return told(last) === told(next);
}

/** Which types have come and gone, to end a line with. */
function newsOf(last: CurrentCode, next: CurrentCode): string {
  const [before, now] = [typesOf(last), typesOf(next)];
  const come = [...now].filter((type) => !before.has(type));
  const gone = [...before].filter((type) => !now.has(type));
  return [
    ...(come.length > 0 ? [`; new: ${come.join(", ")}`] : []),
    ...(gone.length > 0
      ? [`; gone: ${gone.join(", ")} (what its instances hold stays in the state folder)`]
      : []),
  ].join("");
}

/** Types whose instances run here. */
export function typesOf({ project, module }: CurrentCode): ReadonlySet<string> {
  const types = project.manifest.actors.map(({ type }) => type);
  return new Set(types.filter((type) => Object.hasOwn(module, type)));
}
