import { CommandError } from "./command-error.ts";
import { fail } from "./failure.ts";
import { nearest } from "./nearest.ts";
import { ownPackage } from "./own-package.ts";

interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** Loads the command's own file: no command waits for what only another one needs. */
  load(): Promise<(args: readonly string[]) => Promise<void>>;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    "new",
    {
      summary: "makes a project that runs",
      load: async () => (await import("./commands/new.ts")).newProject,
    },
  ],
  [
    "dev",
    {
      summary: "serves a project on this machine, in one process",
      load: async () => (await import("./commands/dev.ts")).dev,
    },
  ],
  [
    "start",
    {
      summary: "does so for good, without what is for a developer",
      load: async () => (await import("./commands/start.ts")).start,
    },
  ],
  [
    "types",
    {
      summary: "writes the types of env from a project's manifest",
      load: async () => (await import("./commands/types.ts")).types,
    },
  ],
  [
    "list",
    {
      summary: "lists instances by name",
      load: async () => (await import("./commands/list.ts")).list,
    },
  ],
  [
    "inspect",
    {
      summary: "shows all that an instance holds",
      load: async () => (await import("./commands/inspect.ts")).inspect,
    },
  ],
  [
    "call",
    {
      summary: "calls a method of an instance",
      load: async () => (await import("./commands/call.ts")).call,
    },
  ],
  [
    "export",
    {
      summary: "prints all that an instance holds as JSON lines",
      load: async () => (await import("./commands/export.ts")).exportInstance,
    },
  ],
  [
    "import",
    {
      summary: "puts exported lines into an instance",
      load: async () => (await import("./commands/import.ts")).importInstance,
    },
  ],
  [
    "delete",
    {
      summary: "deletes all that an instance holds",
      load: async () => (await import("./commands/delete.ts")).deleteInstance,
    },
  ],
  [
    "deploy",
    {
      summary: "deploys a project to AWS, by the CDK CLI",
      load: async () => (await import("./commands/deploy.ts")).deploy,
    },
  ],
  [
    "destroy",
    {
      summary: "takes the stack of a project away",
      load: async () => (await import("./commands/deploy.ts")).destroy,
    },
  ],
  [
    "logs",
    {
      summary: "prints what the functions of a deployed stack have logged",
      load: async () => (await import("./commands/logs.ts")).logs,
    },
  ],
  [
    "doctor",
    {
      summary: "looks for what is wrong with a deployed stack, or with a state folder",
      load: async () => (await import("./commands/doctor.ts")).doctor,
    },
  ],
  [
    "dlq",
    {
      summary: "shows, puts back or drops what no worker could settle",
      load: async () => (await import("./commands/dlq.ts")).dlq,
    },
  ],
]);

const HELP = `Stateful actors: durable single-threaded objects.

  actors <command> [arguments]

${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`).join("\n")}

  actors <command> --help   what a command takes
  actors --version          the version of stateful-actors`;

/** Runs the command that the arguments after the program's name ask for; a failure is told, and ends the process. */
export async function run(args: readonly string[]): Promise<void> {
  const options = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  await begin(args).catch((error: unknown) => fail(error, { json: options.includes("--json") }));
}

async function begin([name, ...args]: readonly string[]): Promise<void> {
  if (name === "--help" || name === "-h") return console.log(HELP);
  if (name === "--version") return console.log(ownPackage().version);
  if (name === undefined) throw new CommandError(`no command is given: ${known()}`);
  const command = COMMANDS.get(name);
  if (command === undefined) throw new CommandError(unknown(name));
  const perform = await command.load();
  await perform(args);
}

function unknown(name: string): string {
  const what = `${JSON.stringify(name)} is no ${name.startsWith("-") ? "option" : "command"} of actors`;
  const meant = nearest(name, name.startsWith("-") ? ["--help", "--version"] : COMMANDS.keys());
  return `${what}: ${meant === undefined ? "" : `did you mean ${meant}? `}${known()}`;
}

function known(): string {
  return `the commands are ${[...COMMANDS.keys()].join(", ")}, and actors --help tells what they do`;
}
