import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { redriven } from "../../runtime/core/redrive.ts";
import type { DeadLetterQueue, DeadMessage } from "../../runtime/ports/dead-letters.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { confirm } from "../confirmation.ts";
import { type DeadLetter, deadLettersIn, isNamed, letterId, letterJson, letterLine } from "../dead-letter.ts";
import { nearest } from "../nearest.ts";
import type { DeadLetterDesk, Place } from "../place.ts";
import { inPlace, PLACE_HELP, PLACE_OPTIONS, type PlaceValues } from "../places.ts";

const HELP = `Shows the envelopes that no worker could settle, and puts them back or removes them.

  actors dlq list [options]
  actors dlq redrive (--id <id> … | --all) [options]
  actors dlq drop (--id <id> … | --all) [--yes] [options]

  --id <id>          one envelope, by its id, or all of a message by its id; may be given more than once
  --all              all of them
  --yes              drop without asking
${PLACE_HELP}

redrive puts an envelope back into its mailbox, to be run however late it is. One that was never answered keeps its id: whoever
asked for it finds the outcome there, and what was answered and is remembered does not run again. One whose caller was told ActorCrashedError runs as a call of its own, which nobody waits for.
Of one instance in a stack only the first ten can be seen; those behind them come when these are gone, which redrive --all and drop --all see to.`;

const ACTIONS = ["list", "redrive", "drop"] as const;
interface DlqOptions {
  readonly action: (typeof ACTIONS)[number];
  readonly place: PlaceValues;
  /** `undefined`: all of them. */
  readonly ids: readonly string[] | undefined;
  readonly yes: boolean;
  readonly json: boolean;
}

/** `actors dlq`: the dead letters of a state folder or of a deployed stack. */
export async function dlq(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === "help") return console.log(HELP);
  await inPlace(options.place, async (place) => {
    const desk = await place.deadLetters();
    if (options.action === "list") return list(desk, options);
    if (options.action === "drop" && !options.yes) await agree(desk, { ...options, label: place.label });
    await settle(desk, options);
  });
}

async function list(desk: DeadLetterDesk, { json }: DlqOptions): Promise<void> {
  const letters: DeadLetter[] = [];
  let messages = 0;
  await visit(desk, async (each) => {
    messages++;
    letters.push(...each);
  });
  const behind = await countBehind(desk, messages);
  if (json) {
    console.log(JSON.stringify({ deadLetters: letters.map(letterJson), behind }, null, 2));
    return;
  }
  const now = systemClock.now();
  for (const letter of letters) console.log(letterLine(letter, now));
  if (letters.length === 0) console.log("there are no dead letters");
  if (behind > 0) console.log(`about ${behind} more lie behind these`);
}

/**
 * Puts back, or removes, what was named; all else stays as it is, also what lies in the same message.
 *
 * @returns what was named and is settled, and what can't be put back
 */
export async function settleLetters(
  desk: DeadLetterDesk,
  { action, ids }: Pick<DlqOptions, "action" | "ids">,
): Promise<{ settled: readonly DeadLetter[]; refused: readonly DeadLetter[] }> {
  const settled: DeadLetter[] = [];
  const refused: DeadLetter[] = [];
  await visit(desk, async (letters, { queue, message }) => {
    const named = letters.filter((letter) => ids === undefined || ids.some((id) => isNamed(letter, id)));
    if (named.length === 0) return;
    if (action === "redrive") {
      if (named.some(({ envelope }) => envelope === undefined)) {
        refused.push(...named);
        return;
      }
      // One after the other, as they were sent.
      for (const { envelope, givenUp } of named) {
        if (envelope) await desk.mailbox.send(redriven(envelope, { givenUp, fresh: randomIds.next() }));
      }
    }
    const rest = letters.filter((letter) => !named.includes(letter));
    await queue.remove(
      message,
      rest.flatMap(({ envelope }) => envelope ?? []),
    );
    settled.push(...named);
  });
  return { settled, refused };
}

async function settle(desk: DeadLetterDesk, { action, ids, json }: DlqOptions): Promise<void> {
  const { settled, refused } = await settleLetters(desk, { action, ids });
  const done = action === "redrive" ? "put back" : "dropped";
  if (json) {
    console.log(
      JSON.stringify({ [action]: settled.map(letterJson), refused: refused.map(letterJson) }, null, 2),
    );
  } else {
    for (const letter of settled) console.log(`${done}: ${letterLine(letter, systemClock.now())}`);
    if (settled.length === 0) console.log(`nothing was ${done}`);
  }
  const [first] = refused;
  if (first?.to) {
    throw new CommandError(
      `${letterId(first)} can't be put back by this version of the command: ${first.reason}, and take the command of that version`,
    );
  }
  if (first) {
    throw new CommandError(
      `${letterId(first)} can't be put back, ${first.reason}: no worker would run it; look at it in the queue, and remove it with actors dlq drop --id ${letterId(first)}`,
    );
  }
  const missing = ids?.find((id) => !settled.some((letter) => isNamed(letter, id)));
  if (missing !== undefined) {
    throw new CommandError(
      `no dead letter ${JSON.stringify(missing)} is to be seen: actors dlq list shows the first ten of each instance`,
    );
  }
}

/** Looks at all messages that are to be seen, in the order of each instance; those that are still there afterwards are visible again. */
async function visit(
  { queues }: DeadLetterDesk,
  look: (
    letters: readonly DeadLetter[],
    where: { readonly queue: DeadLetterQueue; readonly message: DeadMessage },
  ) => Promise<void>,
): Promise<void> {
  for (const queue of queues) {
    const seen: DeadMessage[] = [];
    try {
      for (;;) {
        const messages = await queue.receive();
        if (messages.length === 0) break;
        seen.push(...messages);
        for (const message of messages) await look(deadLettersIn(message), { queue, message });
      }
    } finally {
      // What was removed is refused, each for itself.
      await queue.release(seen);
    }
  }
}

async function countBehind({ queues }: DeadLetterDesk, seen: number): Promise<number> {
  const counts = await Promise.all(queues.map((queue) => queue.count()));
  return Math.max(counts.reduce((sum, count) => sum + count, 0) - seen, 0);
}

async function agree(
  desk: DeadLetterDesk,
  { ids, label }: Pick<DlqOptions, "ids"> & { label: Place["label"] },
): Promise<void> {
  const count = async () => ids?.length ?? (await countBehind(desk, 0));
  const all = ids === undefined ? "all " : "";
  const question = process.stdin.isTTY
    ? `drop ${all}${await count()} dead letters of ${label} for good?`
    : "";
  await confirm(question, { what: "what is dropped", instead: "nothing was dropped" });
}

const OPTIONS = {
  ...PLACE_OPTIONS,
  id: { type: "string", multiple: true },
  all: { type: "boolean" },
  yes: { type: "boolean" },
} as const;

function parseOptions(args: readonly string[]): DlqOptions | "help" {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return "help";
  const [name, ...others] = positionals;
  const action = ACTIONS.find((each) => each === name);
  if (action === undefined) {
    const meant = name === undefined ? undefined : nearest(name, ACTIONS);
    const what =
      name === undefined ? "dlq is told nothing to do" : `${JSON.stringify(name)} is nothing that dlq does`;
    throw new CommandError(
      `${what}: ${meant === undefined ? "" : `did you mean ${meant}? `}it takes ${ACTIONS.join(", ")}`,
    );
  }
  if (others.length > 0) {
    throw new CommandError(
      `dlq ${action} takes no ${JSON.stringify(others[0])}: name envelopes with --id <id>`,
    );
  }
  const { id: ids, all } = values;
  if (action === "list" && (ids !== undefined || all === true)) {
    throw new CommandError("dlq list shows all there is: leave --id and --all away");
  }
  if (action !== "list" && (ids !== undefined) === (all === true)) {
    throw new CommandError(
      `dlq ${action} needs to know which: give either --id <id>, once or more, or --all`,
    );
  }
  return { action, place: values, ids, yes: values.yes === true, json: values.json === true };
}
