import { once } from "node:events";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { instanceOf, refuseMore } from "../instance-arguments.ts";
import { exportedLines } from "../instance-file.ts";
import { inReadablePlace, READ_HELP, READ_OPTIONS } from "../places.ts";
import { snapshotOf } from "../snapshot.ts";

const HELP = `Prints all that an instance holds as JSON lines, as of one commit: a header, then a line for each key.

  actors export <Type> <name> [options] > alice.jsonl

${READ_HELP}

Values keep their kind (dates, maps, bytes). The alarm is part of it; calls that wait, kept outcomes and messages on their way are not.
actors import puts it into an instance again.`;

/** `actors export`: an instance as JSON lines. */
export async function exportInstance(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArguments(args, READ_OPTIONS, CommandError);
  if (values.help === true) return console.log(HELP);
  const { id, others } = instanceOf("export", positionals);
  refuseMore(
    "export",
    others,
    "it prints to the standard output, as in actors export Account alice > alice.jsonl",
  );
  await inReadablePlace(values, async (place) => {
    for (const line of exportedLines(id, await snapshotOf(place, id))) {
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
    }
  });
}
