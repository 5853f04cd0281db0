import { readFileSync } from "node:fs";
import { text as textOf } from "node:stream/consumers";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { messageOf } from "../../runtime/core/errors.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { confirm } from "../confirmation.ts";
import { instanceOf, refuseMore } from "../instance-arguments.ts";
import { type InstanceFile, parseInstanceFile } from "../instance-file.ts";
import { replace } from "../overwriting.ts";
import { inPlace, PLACE_HELP, PLACE_OPTIONS } from "../places.ts";
import { shownName, shownTime } from "../shown.ts";

const HELP = `Puts what actors export has printed into an instance, in the place of all that it holds.

  actors import <Type> <name> [--file <file>] [options]

  --file <file>      the lines to import (default: the standard input, which needs --yes where the instance holds something)
  --yes              replace what is there without asking
${PLACE_HELP}

It is one commit, of all or nothing, and made only if the instance has not changed since it was looked at: one that runs goes on with
what was imported. The name may be another one than that of the export, the type may not.`;

const OPTIONS = { ...PLACE_OPTIONS, file: { type: "string" }, yes: { type: "boolean" } } as const;

/** `actors import`: JSON lines into an instance. */
export async function importInstance(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return console.log(HELP);
  const { id, others } = instanceOf("import", positionals);
  refuseMore("import", others, "name the file with --file <file>");
  const file = parseInstanceFile(await contentOf(values.file));
  if (file.type !== id.type) {
    throw new CommandError(
      `the lines are those of ${file.type} ${shownName(file.name)}, and ${id.type} is another type: import them into an instance of ${file.type}`,
    );
  }
  await inPlace(values, async (place) => {
    const { version } = await replace(
      { place, id, yes: values.yes === true },
      {
        with: file,
        ask: (held) =>
          confirm(
            `replace the ${held} of ${id.type} ${shownName(id.name)} in ${place.label} by ${what(file)}?`,
            {
              what: `${id.type} ${shownName(id.name)} holds something, and what is replaced`,
              instead: "nothing was imported",
            },
          ),
      },
    );
    if (values.json === true) {
      console.log(JSON.stringify({ imported: { ...id, version, keys: file.values.size } }, null, 2));
      return;
    }
    console.log(`imported ${what(file)} into ${id.type} ${shownName(id.name)}, version ${version}`);
  });
}

function what({ values, alarm }: InstanceFile): string {
  const keys = `${values.size} ${values.size === 1 ? "key" : "keys"}`;
  return alarm === undefined ? keys : `${keys} and an alarm at ${shownTime(alarm, systemClock.now())}`;
}

async function contentOf(file: string | undefined): Promise<string> {
  try {
    return file === undefined ? await textOf(process.stdin) : readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError(`${file ?? "the standard input"} can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
