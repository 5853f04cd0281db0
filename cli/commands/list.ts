import { systemClock } from "../../runtime/adapters/system/clock.ts";
import type { Listed } from "../../runtime/ports/directory.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { type ReadablePlace, typeHint } from "../place.ts";
import { inReadablePlace, type PlaceValues, READ_HELP, READ_OPTIONS } from "../places.ts";
import { shownName, shownTime } from "../shown.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 10_000;

const HELP = `Lists instances by name: those that hold a value or have an alarm.

  actors list [Type] [options]

  Type               only instances of this type (default: all types, one after the other)
  --prefix <p>       only names that begin so
  --limit <n>        most instances shown (default: ${DEFAULT_LIMIT}, at most ${MAX_LIMIT})
  --after <cursor>   goes on where a page ended, which says so
${READ_HELP}

Names come in the order of their UTF-8 bytes. An instance appears with its first commit, and is gone when all that it holds is deleted.`;

const OPTIONS = {
  ...READ_OPTIONS,
  prefix: { type: "string" },
  limit: { type: "string" },
  after: { type: "string" },
} as const;

interface Cursor {
  readonly type: string;
  readonly name: string;
}

interface ListOptions {
  readonly place: PlaceValues;
  readonly type: string | undefined;
  readonly prefix: string;
  readonly limit: number;
  readonly after: Cursor | undefined;
  readonly json: boolean;
}

type Found = Listed & { readonly type: string };

/** `actors list`: instances by name, page by page. */
export async function list(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === "help") return console.log(HELP);
  await inReadablePlace(options.place, async (place) => {
    const { found, next } = await findPage(place, options);
    if (options.json) return printJson(found, next);
    print(found, next);
    if (found.length > 0) return;
    const what = options.type === undefined ? "are no instances" : `is no ${options.type}`;
    const beginning = options.prefix === "" ? "" : ` whose name begins with ${shownName(options.prefix)}`;
    const where = options.after === undefined ? "" : " behind that place";
    const hint = options.type === undefined ? "" : await typeHint(place, options.type);
    console.log(`there ${what}${beginning}${where} in ${place.label}${hint}`);
  });
}

async function findPage(
  { directory }: ReadablePlace,
  { type, prefix, limit, after }: ListOptions,
): Promise<{ found: Found[]; next: Cursor | undefined }> {
  const all = type === undefined ? await directory.types() : [type];
  const types = after === undefined ? all : all.filter((each) => each >= after.type);
  const found: Found[] = [];
  for (const each of types) {
    // One more than fits may tell of the next page; a type of its own may begin there.
    const left = limit - found.length;
    const from = each === after?.type ? after.name : undefined;
    const page = await directory.list({ type: each, prefix, after: from, limit: Math.max(left, 1) });
    if (left === 0 && page.instances.length === 0) continue;
    if (left > 0) found.push(...page.instances.map((instance) => ({ type: each, ...instance })));
    const last = found.at(-1);
    if (page.more || left === 0) return { found, next: last && { type: last.type, name: last.name } };
  }
  return { found, next: undefined };
}

function printJson(found: readonly Found[], next: Cursor | undefined): void {
  const instances = found.map(({ alarm, ...instance }) => ({
    ...instance,
    alarm: alarm === undefined ? null : new Date(alarm.at).toISOString(),
  }));
  console.log(JSON.stringify({ instances, next: next === undefined ? null : encodeCursor(next) }, null, 2));
}

function print(found: readonly Found[], next: Cursor | undefined): void {
  const now = systemClock.now();
  const rows = found.map(({ type, name, version, alarm }) => [
    type,
    shownName(name),
    `version ${version}`,
    alarm === undefined ? "" : `alarm ${shownTime(alarm.at, now)}`,
  ]);
  const widths = [0, 1, 2].map((column) =>
    // One long name must not push the others out of sight.
    Math.min(Math.max(...rows.map((row) => row[column]?.length ?? 0)), 40),
  );
  for (const row of rows) {
    console.log(
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
  if (next !== undefined) console.log(`more follow: the same with --after ${encodeCursor(next)}`);
}

/** Names are free text, and a shell is not: a text of letters and digits. */
function encodeCursor({ type, name }: Cursor): string {
  return Buffer.from(JSON.stringify([type, name])).toString("base64url");
}

function decodeCursor(text: string): Cursor {
  try {
    const [type, name] = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (typeof type === "string" && typeof name === "string") return { type, name };
  } catch {}
  throw new CommandError(
    `--after is ${JSON.stringify(text)}: give what the page before has said, or leave it away to begin at the first name`,
  );
}

function parseOptions(args: readonly string[]): ListOptions | "help" {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return "help";
  const [type, ...others] = positionals;
  if (others.length > 0) {
    throw new CommandError(
      `list takes one type at a time, not ${positionals.length} (${positionals.join(", ")}): name one, or none for all`,
    );
  }
  if (type === undefined && values.table !== undefined && values.stack === undefined) {
    throw new CommandError(
      `a table does not say which types lie in it: name one, as in list Account --table ${values.table}, or its stack with --stack <name>`,
    );
  }
  const after = values.after === undefined ? undefined : decodeCursor(values.after);
  if (after !== undefined && type !== undefined && after.type !== type) {
    throw new CommandError(
      `--after belongs to a list of ${after.type}, not of ${type}: leave one of them away`,
    );
  }
  return {
    place: values,
    type,
    prefix: values.prefix ?? "",
    limit: limitOf(values.limit),
    after,
    json: values.json === true,
  };
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new CommandError(`--limit is ${JSON.stringify(text)}: give a whole number from 1 to ${MAX_LIMIT}`);
}
