import { CommandError } from "./command-error.ts";
import type { Place, ReadablePlace } from "./place.ts";

/** The options of every command that looks at instances. */
export const PLACE_OPTIONS = {
  state: { type: "string" },
  project: { type: "string" },
  stack: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export const PLACE_HELP = `  --state <dir>      the state folder of actors dev or start (default: .actors)
  --project <name>   which project in it, by name or by folder (default: the only one)
  --stack <name>     a deployed stack instead, in the account and region of the environment
  --json             print JSON, also errors
  -h, --help         show this`;

/** The options of those that only read. */
export const READ_OPTIONS = { ...PLACE_OPTIONS, table: { type: "string" } } as const;

export const READ_HELP = PLACE_HELP.replace(
  "  --json",
  `  --table <name>     an actor table instead, such as one that was restored from a backup; with --stack, in the place of its own
  --json`,
);

export interface PlaceValues {
  readonly state?: string | undefined;
  readonly project?: string | undefined;
  readonly stack?: string | undefined;
}

/**
 * Opens the place that a command's options name.
 *
 * @throws CommandError
 */
async function openPlace({ state, project, stack }: PlaceValues): Promise<Place> {
  if (stack === undefined) {
    const { openStateFolder } = await import("./state-folder.ts");
    return openStateFolder({ state, project, cwd: process.cwd() });
  }
  if (state !== undefined || project !== undefined) {
    throw new CommandError(
      `--stack names a deployed stack, --${state === undefined ? "project" : "state"} the state of an embedded server: give one of them`,
    );
  }
  if (stack === "") throw new CommandError("--stack needs the name of a deployed stack");
  const { openStack } = await import("./stack.ts");
  return openStack(stack);
}

/** Opens a place or a table to read in it, and closes it whatever happens. */
export async function inReadablePlace<T>(
  { table, ...values }: PlaceValues & { readonly table?: string | undefined },
  use: (place: ReadablePlace) => Promise<T>,
): Promise<T> {
  if (table === undefined) return inPlace(values, use);
  if (values.state !== undefined || values.project !== undefined) {
    throw new CommandError(
      `--table names a table of a deployed stack, --${values.state === undefined ? "project" : "state"} the state of an embedded server: give one of them`,
    );
  }
  const { openTable } = await import("./table.ts");
  const place = await openTable(table, { stack: values.stack });
  try {
    return await use(place);
  } finally {
    place.close();
  }
}

/** Opens a place, uses it, and closes it whatever happens. */
export async function inPlace<T>(values: PlaceValues, use: (place: Place) => Promise<T>): Promise<T> {
  const place = await openPlace(values);
  try {
    return await use(place);
  } finally {
    place.close();
  }
}
