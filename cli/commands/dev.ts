import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type EmbeddedServer, startEmbedded } from "../../handlers/embedded.ts";
import { bundleForEmbedded } from "../../project/bundle.ts";
import { readProject } from "../../project/project.ts";
import { DEV_HELP, parseDevOptions } from "../dev-options.ts";
import { fail } from "../failure.ts";
import { greeting } from "../greeting.ts";
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
  const server = await startEmbedded({
    module,
    actors: project.manifest.actors,
    stateFile: join(stateDir, "state.sqlite"),
    port: options.port,
    host: "127.0.0.1",
  });
  stopOnSignal(server);
  console.log(
    greeting({ project, module, url: server.url, stateDir, isExample: project.dir === exampleDir }),
  );
}

function stopOnSignal(server: EmbeddedServer): void {
  let firstAt: number | undefined;
  const stop = () => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      server.close().then(() => process.exit(0), fail);
    } else if (Date.now() - firstAt > SAME_SIGNAL_MS) {
      process.exit(EXIT_INTERRUPTED);
    }
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
