import { setTimeout as sleep } from "node:timers/promises";
import { type Duration, durationMs } from "../../handlers/duration.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { entryJson, entryText, FUNCTIONS, type FunctionKind, logEntry } from "../log-entry.ts";
import { nearest } from "../nearest.ts";
import { shownName } from "../shown.ts";

const DEFAULT_SINCE = "10m";

/** How often `--follow` looks. */
const LOOK_EVERY_MS = 1_000;

const HELP = `Prints what the functions of a deployed stack have logged, in the order of time.

  actors logs --stack <name> [options]

  --stack <name>     the stack, in the account and region of the environment
  --function <f>     only that of the ${FUNCTIONS.join(", the ")}; may be given more than once
  --type <Type>      only lines that are about actors of this type
  --since <time>     how far back: a whole number and a unit, s, m, h or d (default: ${DEFAULT_SINCE})
  --follow           goes on, with what is logged from now on, until it is ended
  --json             print one JSON object a line, errors as well
  -h, --help         show this

The router takes requests, the worker runs actors, the forwarder moves what was delayed. They log what went wrong; what your own code
writes to the console is there too, and says nothing of a type. It takes the rights cloudformation:DescribeStacks and logs:FilterLogEvents.`;

const OPTIONS = {
  stack: { type: "string" },
  function: { type: "string", multiple: true },
  type: { type: "string" },
  since: { type: "string" },
  follow: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

interface LogsOptions {
  readonly stack: string;
  readonly functions: readonly FunctionKind[];
  readonly type: string | undefined;
  readonly since: string;
  readonly sinceMs: number;
  readonly follow: boolean;
  readonly json: boolean;
}

/** `actors logs`: what the functions of a deployed stack have logged. */
export async function logs(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === "help") return console.log(HELP);
  const { stack, functions, type, sinceMs, follow, json } = options;
  // A reader that has seen enough, as head has, ends the program, and that is no fault.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  const { openStackLogs } = await import("../stack-logs.ts");
  const log = await openStackLogs(stack, { functions, since: systemClock.now() - sinceMs, type });
  try {
    let printed = 0;
    for (;;) {
      for await (const event of log.read()) {
        const entry = logEntry(event.function, event);
        if (type !== undefined && entry.fields.type !== type) continue;
        console.log(json ? entryJson(entry) : entryText(entry));
        printed++;
      }
      if (!follow) break;
      await sleep(LOOK_EVERY_MS);
    }
    if (printed === 0 && !json) console.log(nothing(options));
  } finally {
    log.close();
  }
}

function nothing({ stack, functions, type, since }: LogsOptions): string {
  const who = functions.length === FUNCTIONS.length ? "functions" : functions.join(" and the ");
  const what = type === undefined ? "" : ` about ${shownName(type)}`;
  return `the ${who} of stack ${shownName(stack)} logged nothing${what} in the last ${since}: they log what goes wrong; --since looks further back`;
}

function parseOptions(args: readonly string[]): LogsOptions | "help" {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return "help";
  const [extra] = positionals;
  if (extra !== undefined) {
    throw new CommandError(`logs takes no ${JSON.stringify(extra)}: name the stack with --stack <name>`);
  }
  const { stack, type, since = DEFAULT_SINCE } = values;
  if (stack === undefined || stack === "") {
    throw new CommandError(
      "logs needs to know of which stack: give --stack <name>; what actors dev and actors start log is in their own terminal",
    );
  }
  const given = new Set((values.function ?? FUNCTIONS).map(functionKind));
  return {
    stack,
    functions: [...given],
    type,
    since,
    sinceMs: sinceMs(since),
    follow: values.follow === true,
    json: values.json === true,
  };
}

function functionKind(name: string): FunctionKind {
  const kind = FUNCTIONS.find((each) => each === name);
  if (kind !== undefined) return kind;
  const meant = nearest(name, FUNCTIONS);
  throw new CommandError(
    `--function is ${JSON.stringify(name)}: ${meant === undefined ? "" : `did you mean ${meant}? `}the functions are ${FUNCTIONS.join(", ")}`,
  );
}

function sinceMs(text: string): number {
  try {
    return durationMs(text as Duration);
  } catch {
    throw new CommandError(
      `--since is ${JSON.stringify(text)}: give a whole number and one of the units s, m, h and d, as in --since ${DEFAULT_SINCE}`,
    );
  }
}
