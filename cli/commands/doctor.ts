import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { countOf, type Report, reportJson, reportText } from "../doctor/report.ts";
import { PLACE_HELP, PLACE_OPTIONS } from "../places.ts";

const DEFAULT_SCHEDULES = 100;
const DEFAULT_ITEMS = 1_000;
const MAX = 1_000_000;

const HELP = `Looks for what is wrong with a deployed stack, or with the state of actors dev or start, and says how to mend it.

  actors doctor --stack <name> [options]
  actors doctor [options]

  --schedules <n>    how many schedules of alarms are looked at, 0 to ${MAX} (default: ${DEFAULT_SCHEDULES}; two requests each)
  --items <n>        how many items of the actor table are looked at for what was begun and not ended, 1 to ${MAX}
                     (default: ${DEFAULT_ITEMS}; a read unit for each 8 KB), at a place that is another one each time
  --strict           warnings, and what could not be looked at, count as errors
${PLACE_HELP}

It ends with 1 when there is an error, else with 0. It changes nothing; dead letters that it looks at are hidden from others for a moment.
What it may not look at it names with the right that is missing, and goes on.`;

const OPTIONS = {
  ...PLACE_OPTIONS,
  schedules: { type: "string" },
  items: { type: "string" },
  strict: { type: "boolean" },
} as const;

/** `actors doctor`: what is wrong with a stack or a state folder. */
export async function doctor(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return console.log(HELP);
  const [extra] = positionals;
  if (extra !== undefined) {
    throw new CommandError(
      `doctor takes no ${JSON.stringify(extra)}: name a stack with --stack <name>, or a folder with --state <dir>`,
    );
  }
  const report = await examined(values);
  console.log(values.json === true ? reportJson(report) : reportText(report));
  if (isBad(report, values.strict === true)) process.exitCode = 1;
}

async function examined(values: {
  readonly stack?: string | undefined;
  readonly state?: string | undefined;
  readonly project?: string | undefined;
  readonly schedules?: string | undefined;
  readonly items?: string | undefined;
}): Promise<Report> {
  const { stack, state, project } = values;
  const schedules = countIn("schedules", values.schedules, { least: 0, otherwise: DEFAULT_SCHEDULES });
  const items = countIn("items", values.items, { least: 1, otherwise: DEFAULT_ITEMS });
  if (stack === undefined) {
    if (values.schedules !== undefined || values.items !== undefined) {
      throw new CommandError(
        "--schedules and --items are about a deployed stack: give its name with --stack <name>",
      );
    }
    const { stateReport } = await import("../doctor/state-report.ts");
    return stateReport({ state, project, cwd: process.cwd() });
  }
  if (state !== undefined || project !== undefined) {
    throw new CommandError(
      `--stack names a deployed stack, --${state === undefined ? "project" : "state"} the state of an embedded server: give one of them`,
    );
  }
  if (stack === "") throw new CommandError("--stack needs the name of a deployed stack");
  const { stackReport } = await import("../doctor/stack-report.ts");
  return stackReport(stack, { schedules, items });
}

function isBad({ findings, untold }: Report, strict: boolean): boolean {
  if (countOf(findings, "error") > 0) return true;
  return strict && (countOf(findings, "warning") > 0 || untold.length > 0);
}

function countIn(
  option: string,
  text: string | undefined,
  { least, otherwise }: { least: number; otherwise: number },
): number {
  if (text === undefined) return otherwise;
  const count = /^\d{1,7}$/.test(text) ? Number(text) : -1;
  if (count >= least && count <= MAX) return count;
  throw new CommandError(
    `--${option} is ${JSON.stringify(text)}: give a whole number from ${least} to ${MAX}`,
  );
}
