import { resolve } from "node:path";
import { parseArguments } from "./arguments.ts";

export interface ServeOptions {
  /** Absolute. */
  readonly projectDir: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Absolute; each project gets a folder of its name in it. `undefined`: state is kept in memory. */
  readonly stateDir: string | undefined;
  /** Whether to say nothing of each turn; only `actors dev` says anything. */
  readonly quiet: boolean;
}

/** The command line can't be understood; the message names the value, the rule and the fix. */
export class ServeOptionsError extends Error {
  override readonly name = "ServeOptionsError";
}

/** A folder of this name is `./memory`. */
const IN_MEMORY = "memory";
const DEFAULT_PORT = 8787;
const MAX_PORT = 65_535;

const COMMON_HELP = `  project folder   holds actors.toml or telnyx.toml (default: this folder if it
                   does, else the account example)
  --port <n>       port to listen on, 0 for any free one (default: $PORT, else ${DEFAULT_PORT})
  --state <dir>    where state is kept, a folder for each project (default: .actors),
                   or memory: nothing is written, and all is gone at the end`;

const HELP = {
  dev: `Serves a project of stateful actors on this machine, in one process.

  actors dev [project folder] [options]

${COMMON_HELP}
  -q, --quiet      no line for each turn
  -h, --help       show this

A save of any source, or of the manifest, puts the new code to work at once; state
is kept. What the actors do and hold shows at /__actors.`,
  start: `Serves a project of stateful actors on this machine, in one process, for good: as
actors dev does, with nothing that is for its developer. It takes no save, shows no
page at /__actors and says nothing of each turn.

  actors start [project folder] [options]

${COMMON_HELP}
  -h, --help       show this

It listens on 127.0.0.1 alone, and asks nobody who he is: whatever lets others in
from outside, such as a reverse proxy, has to. Only one process at a time serves a
project from one state folder.`,
};

/** The commands that serve a project. */
export type ServeCommand = keyof typeof HELP;

const COMMON = {
  port: { type: "string" },
  state: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;
const OPTIONS = { dev: { ...COMMON, quiet: { type: "boolean", short: "q" } }, start: COMMON } as const;

/**
 * Reads the arguments after the command.
 *
 * @returns what is asked for, or the help
 * @param given.port the text of $PORT, used when there is no --port
 * @throws ServeOptionsError
 */
export function parseServeOptions(
  command: ServeCommand,
  args: readonly string[],
  given: { cwd: string; port: string | undefined; defaultDir: string },
): ServeOptions | { readonly help: string } {
  const { values, positionals } = parseArguments(args, OPTIONS[command], ServeOptionsError);
  if (values.help === true) return { help: HELP[command] };
  if (positionals.length > 1) {
    throw new ServeOptionsError(
      `one project folder can be served at a time, not ${positionals.length} (${positionals.join(", ")}): name one`,
    );
  }
  const [projectDir] = positionals;
  return {
    projectDir: projectDir === undefined ? given.defaultDir : resolve(given.cwd, projectDir),
    port: values.port === undefined ? envPort(given.port) : port(values.port, "--port"),
    stateDir: values.state === IN_MEMORY ? undefined : resolve(given.cwd, stateFolder(values.state)),
    quiet: "quiet" in values && values.quiet === true,
  };
}

function envPort(text: string | undefined): number {
  return text === undefined || text === "" ? DEFAULT_PORT : port(text, "$PORT");
}

function port(text: string, from: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > MAX_PORT) {
    throw new ServeOptionsError(
      `${from} is ${JSON.stringify(text)}: a port is a whole number from 0 to ${MAX_PORT}, such as ${DEFAULT_PORT}`,
    );
  }
  return Number(text);
}

function stateFolder(text: string | undefined): string {
  if (text === "") throw new ServeOptionsError(`--state is "": name a folder, such as .actors`);
  return text ?? ".actors";
}
