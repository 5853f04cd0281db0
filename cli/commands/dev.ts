import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type EmbeddedServer, startEmbedded } from "../../handlers/embedded.ts";
import { isActorClass, ProjectError } from "../../handlers/project-module.ts";
import { bundleForEmbedded } from "../../project/bundle.ts";
import type { Manifest } from "../../project/manifest.ts";
import { nearName } from "../../project/near-name.ts";
import { readProject } from "../../project/project.ts";
import { DEV_HELP, parseDevOptions } from "../dev-options.ts";
import { fail } from "../failure.ts";
import { greeting } from "../greeting.ts";
import { announceServer, findOwner } from "../running-servers.ts";
import { loadUserModule } from "../user-module.ts";

const exampleDir = resolve(fileURLToPath(import.meta.url), "../../../examples/account");

// npm passes on the signal that the terminal has sent already: two so close together are one Ctrl+C. A later
// one is meant: the developer does not want to wait for a long turn.
const SAME_SIGNAL_MS = 500;
const EXIT_INTERRUPTED = 130;

/** `actors dev`: serves a project until a signal ends it. */
export async function dev(args: readonly string[]): Promise<void> {
  const options = parseDevOptions(args, {
    cwd: process.cwd(),
    port: process.env.PORT,
    exampleDir,
  });
  if (options === "help") return console.log(DEV_HELP);

  const project = readProject(options.projectDir);
  const stateDir = join(options.stateDir, project.manifest.name);
  const bundle = await bundleForEmbedded(project, join(stateDir, "build", "index.mjs"));
  for (const warning of [...project.manifest.warnings, ...bundle.warnings])
    console.error(`warning: ${warning}`);

  for (const [name, value] of Object.entries(project.manifest.envVars)) process.env[name] ??= value;
  const module = await loadUserModule(project, bundle.file);
  refuseSlips(project.manifest.actors, module);
  const server = await startEmbedded({
    module,
    actors: project.manifest.actors,
    findOwner: (type) => findOwner(options.stateDir, type),
    stateFile: join(stateDir, "state.sqlite"),
    port: options.port,
    host: "127.0.0.1",
  });
  const types = project.manifest.actors.map(({ type }) => type).filter((type) => Object.hasOwn(module, type));
  const takeBack = announceServer(stateDir, { url: server.url, types });
  stopOnSignal(server, takeBack);
  console.log(
    greeting({ project, module, url: server.url, stateDir, isExample: project.dir === exampleDir }),
  );
}

/** A type that another project owns is not exported; one that is nearly exported is a slip. */
function refuseSlips(actors: Manifest["actors"], module: Readonly<Record<string, unknown>>): void {
  for (const { binding, type } of actors) {
    if (Object.hasOwn(module, type)) continue;
    const bound = new Set(actors.map((each) => each.type));
    const free = Object.keys(module).filter((name) => isActorClass(module[name]) && !bound.has(name));
    const meant = nearName(type, free);
    if (meant === undefined) continue;
    throw new ProjectError(
      `the manifest binds ${binding} to type "${type}", which the entry module does not export: did you mean "${meant}"? (A type that another project owns needs a name of its own.)`,
    );
  }
}

function stopOnSignal(server: EmbeddedServer, takeBack: () => void): void {
  let firstAt: number | undefined;
  const stop = () => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      takeBack();
      server.close().then(() => process.exit(0), fail);
    } else if (Date.now() - firstAt > SAME_SIGNAL_MS) {
      process.exit(EXIT_INTERRUPTED);
    }
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
