import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createTurnFeed } from "../handlers/turn-feed.ts";
import { MANIFEST_FILES, readProject } from "../project/project.ts";
import { fail } from "./failure.ts";
import { greeting } from "./greeting.ts";
import { inspectorPage } from "./inspector-page.ts";
import { LiveCode } from "./live-code.ts";
import { reloadOnSave, typesOf } from "./reloading.ts";
import { logTurns } from "./request-log.ts";
import { announceServer, findOwner, STATE_FILE } from "./running-servers.ts";
import { parseServeOptions, type ServeCommand, type ServeOptions } from "./serve-options.ts";

const exampleDir = resolve(fileURLToPath(import.meta.url), "../../examples/account");

// npm passes on the signal that the terminal has sent already: two so close together are one Ctrl+C. A later
// one is meant: the developer does not want to wait for a long turn.
const SAME_SIGNAL_MS = 500;
const EXIT_INTERRUPTED = 130;

/**
 * Serves a project until a signal ends it: `actors dev` with the code of the last save, and with all that shows a developer what goes on;
 * `actors start` without.
 */
export async function serve(command: ServeCommand, args: readonly string[]): Promise<void> {
  const cwd = process.cwd();
  const isProject = MANIFEST_FILES.some((file) => existsSync(join(cwd, file)));
  const options = parseServeOptions(command, args, {
    cwd,
    port: process.env.PORT,
    defaultDir: isProject ? cwd : exampleDir,
  });
  if ("help" in options) return console.log(options.help);

  const project = readProject(options.projectDir);
  const places = placesOf(options.stateDir, project.manifest.name);
  // The bundler is a process of its own: meanwhile this one loads the server.
  const loading = import("../handlers/embedded.ts");
  const code = new LiveCode({
    project,
    ready: loading.then(({ serveLightObjects }) => serveLightObjects()),
    bundleFile: places.bundleFile,
    leaveNothing: places.stateDir === undefined,
  });
  const current = await code.load();
  for (const warning of current.warnings) console.error(`warning: ${warning}`);

  const inspector = command === "dev" ? inspectorOf(options) : undefined;
  const stateFolder = options.stateDir;
  const { IN_MEMORY, startEmbedded } = await loading;
  const server = await startEmbedded({
    module: current.module,
    actors: project.manifest.actors,
    secrets: current.secrets,
    ...(stateFolder !== undefined && { findOwner: (type) => findOwner(stateFolder, type) }),
    stateFile: places.stateFile ?? IN_MEMORY,
    port: options.port,
    host: "127.0.0.1",
    guarded: command === "start",
    exposeStacks: command === "dev",
    ...(inspector && { inspector }),
  });
  const announce = (types: ReadonlySet<string>) =>
    places.stateDir === undefined
      ? () => {}
      : announceServer(places.stateDir, { url: server.address, types: [...types] });
  const takeBack = announce(typesOf(current));
  const reload = () =>
    reloadOnSave({
      code,
      server,
      current,
      replaced: (next) => void announce(typesOf(next)),
      out: (line) => console.log(line),
      err: (line) => console.error(line),
    });
  const stopReloading = command === "dev" ? reload() : undefined;
  stopOnSignal(async () => {
    takeBack();
    await Promise.all([server.close(), stopReloading?.()]);
  });
  const { module } = current;
  const { stateDir } = places;
  const { url } = server;
  const isExample = project.dir === exampleDir;
  console.log(greeting({ project, module, url, stateDir, isExample, inspected: inspector !== undefined }));
  // Else it is written at an orderly end, which a server may never come to.
  flushCompileCache();
  if (command === "start") await code.close();
}

/** What shows a developer each turn. */
function inspectorOf({ quiet }: ServeOptions) {
  const feed = createTurnFeed(() => performance.timeOrigin + performance.now());
  if (!quiet) logTurns(feed, (text) => process.stdout.write(text));
  return { feed, page: inspectorPage };
}

interface Places {
  readonly bundleFile: string;
  /** `undefined`: in memory. */
  readonly stateFile: string | undefined;
  /** The project's own. */
  readonly stateDir: string | undefined;
}

/** Where a project's files go. For state in memory, Node still needs a file to load code from; it goes at once, its folder at the end. */
function placesOf(stateFolder: string | undefined, name: string): Places {
  if (stateFolder === undefined) {
    const dir = mkdtempSync(join(tmpdir(), "stateful-actors-"));
    process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
    return { bundleFile: join(dir, "index.mjs"), stateFile: undefined, stateDir: undefined };
  }
  const stateDir = join(stateFolder, name);
  return {
    bundleFile: join(stateDir, "build", "index.mjs"),
    stateFile: join(stateDir, STATE_FILE),
    stateDir,
  };
}

function stopOnSignal(end: () => Promise<void>): void {
  let firstAt: number | undefined;
  const stop = () => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      end().then(() => process.exit(0), fail);
    } else if (Date.now() - firstAt > SAME_SIGNAL_MS) {
      process.exit(EXIT_INTERRUPTED);
    }
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
