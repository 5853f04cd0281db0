import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { confirm } from "../confirmation.ts";
import { instanceOf, refuseMore } from "../instance-arguments.ts";
import { replace } from "../overwriting.ts";
import { typeHint } from "../place.ts";
import { inPlace, PLACE_HELP, PLACE_OPTIONS } from "../places.ts";
import { shownName } from "../shown.ts";

const HELP = `Deletes all that an instance holds: its values and its alarm.

  actors delete <Type> <name> [--yes] [options]

  --yes              delete without asking
${PLACE_HELP}

It is made only if the instance has not changed since it was looked at; one that runs goes on without what it held. A small
record stays, which no list shows: by it, a message that comes again later is known, and not applied to a new beginning. Calls
that wait in the mailbox are not deleted. They, and any later call, find a new instance.`;

const OPTIONS = { ...PLACE_OPTIONS, yes: { type: "boolean" } } as const;

/** `actors delete`: an instance, with all that it holds. */
export async function deleteInstance(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return console.log(HELP);
  const { id, others } = instanceOf("delete", positionals);
  refuseMore("delete", others, "one instance is deleted at a time");
  const shown = `${id.type} ${shownName(id.name)}`;
  await inPlace(values, async (place) => {
    const { version, held } = await replace(
      { place, id, yes: values.yes === true },
      {
        with: undefined,
        ask: (holds) =>
          confirm(`delete ${shown} in ${place.label}, with its ${holds}, for good?`, {
            what: "what is deleted",
            instead: "nothing was deleted",
          }),
        nothing: async () =>
          new CommandError(
            `there is no ${shown} in ${place.label}${await typeHint(place, id.type)}; actors list shows what there is`,
          ),
      },
    );
    if (values.json === true) return console.log(JSON.stringify({ deleted: { ...id, version } }, null, 2));
    console.log(`deleted ${shown}, with its ${held}`);
  });
}
