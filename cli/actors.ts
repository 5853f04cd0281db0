#!/usr/bin/env node
import { createRequire } from "node:module";
import { CommandError } from "./command-error.ts";
import { fail } from "./failure.ts";
import { nearest } from "./nearest.ts";

interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** Loads the command's own file: no command waits for what only another one needs. */
  load(): Promise<(args: readonly string[]) => Promise<void>>;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    "dev",
    {
      summary: "serves a project on this machine, in one process",
      load: async () => (await import("./commands/dev.ts")).dev,
    },
  ],
  [
    "types",
    {
      summary: "writes the types of env from a project's manifest",
      load: async () => (await import("./commands/types.ts")).types,
    },
  ],
]);

const HELP = `Stateful actors: durable single-threaded objects.

  actors <command> [arguments]

${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`).join("\n")}

  actors <command> --help   what a command takes
  actors --version          the version of stateful-actors`;

async function run([name, ...args]: readonly string[]): Promise<void> {
  if (name === "--help" || name === "-h") return console.log(HELP);
  if (name === "--version") return console.log(version());
  if (name === undefined) throw new CommandError(`no command is given: ${known()}`);
  const command = COMMANDS.get(name);
  if (command === undefined) throw new CommandError(unknown(name));
  const start = await command.load();
  await start(args);
}

function unknown(name: string): string {
  const what = `${JSON.stringify(name)} is no ${name.startsWith("-") ? "option" : "command"} of actors`;
  const meant = nearest(name, name.startsWith("-") ? ["--help", "--version"] : COMMANDS.keys());
  return `${what}: ${meant === undefined ? "" : `did you mean ${meant}? `}${known()}`;
}

function known(): string {
  return `the commands are ${[...COMMANDS.keys()].join(", ")}, and actors --help tells what they do`;
}

/** By the package's own name, which leads to the same file from the sources and from the built package. */
function version(): string {
  const { version } = createRequire(import.meta.url)("stateful-actors/package.json") as { version: string };
  return version;
}

run(process.argv.slice(2)).catch(fail);
