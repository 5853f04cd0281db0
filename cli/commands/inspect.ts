import { inspect as inspectValue } from "node:util";
import { toJsonView } from "../../handlers/json-view.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { utf8Length } from "../../runtime/core/actor-id.ts";
import { decode } from "../../runtime/core/codec.ts";
import { holdsAnything } from "../../runtime/core/directory.ts";
import { decodeEnvelope } from "../../runtime/core/envelope.ts";
import { messageOf } from "../../runtime/core/errors.ts";
import { decodeOutcome } from "../../runtime/core/outcome.ts";
import type { Snapshot } from "../../runtime/ports/directory.ts";
import type { ActorId } from "../../runtime/ports/mailbox.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { instanceOf, refuseMore } from "../instance-arguments.ts";
import { inReadablePlace, READ_HELP, READ_OPTIONS } from "../places.ts";
import { printable, shownName, shownTime, size } from "../shown.ts";
import { snapshotOf } from "../snapshot.ts";

/** What is shown without --full: keys, and characters of each value. */
const SHOWN_KEYS = 100;
const SHOWN_VALUE = 100;

const HELP = `Shows all that an instance holds, as of one commit.

  actors inspect <Type> <name> [options]

  --full             all keys and whole values (default: the first ${SHOWN_KEYS} keys, ${SHOWN_VALUE} characters of each value)
${READ_HELP}

Nothing is written, and an instance that runs does not notice. In JSON all keys are there, and values as plain JSON: dates as text,
maps as arrays; actors export keeps them exactly.`;

const OPTIONS = { ...READ_OPTIONS, full: { type: "boolean" } } as const;

/** `actors inspect`: what an instance holds. */
export async function inspect(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return console.log(HELP);
  const { id, others } = instanceOf("inspect", positionals);
  refuseMore("inspect", others, "see --help");
  await inReadablePlace(values, async (place) => {
    const snapshot = await snapshotOf(place, id);
    if (values.json === true) return console.log(json(id, snapshot));
    for (const line of lines(id, snapshot, values.full === true)) console.log(line);
  });
}

function lines(id: ActorId, { head, values }: Snapshot, full: boolean): string[] {
  const now = systemClock.now();
  const { version, generation, alarm, wake, mark, settled, outbox, trial } = head;
  const bytes = sum([...values].map(([key, text]) => weight(key, text)));
  const shown = [...values].slice(0, full ? values.size : SHOWN_KEYS);
  const width = Math.min(Math.max(0, ...shown.map(([key]) => shownName(key).length)), 40);
  const retries = alarm !== undefined && alarm.retries > 0 ? `, ${alarm.retries} attempts have failed` : "";
  const fields: [string, string | undefined][] = [
    ["version", `${version}${holdsAnything(head) ? "" : ": it holds nothing, and is not listed"}`],
    ["generation", generation > 0 ? `${generation}: all was deleted so often` : undefined],
    ["alarm", alarm && `${shownTime(alarm.at, now)}${retries}`],
    ["wake", wake && `${shownTime(wake.at, now)}, for version ${wake.version}`],
    [
      "mark",
      mark &&
        `${mark.sequence}${mark.index ? `, ${mark.index} in it,` : ""} of mailbox ${printable(mark.queue)}`,
    ],
    ["trial", trial && `${printable(trial.id)} was begun ${trial.starts} times and never ended`],
    ["keys", `${values.size}, ${size(bytes)}`],
  ];
  return [
    `${id.type} ${shownName(id.name)}`,
    ...fields.flatMap(([name, text]) => (text === undefined ? [] : [`  ${name.padEnd(10)}  ${text}`])),
    ...shown.map(
      ([key, text]) =>
        `    ${shownName(key).padEnd(width)}  ${size(weight(key, text)).padStart(9)}  ${shownValue(key, text, full)}`,
    ),
    ...(shown.length < values.size
      ? [`    … and ${values.size - shown.length} more keys: --full shows all`]
      : []),
    ...section(
      "settled",
      [...settled].map(([envelope, text]) => `${printable(envelope)}  ${outcome(text)}`),
    ),
    ...section(
      "outbox",
      outbox.map(message).map(({ to, method }) => `${to}.${method}`),
    ),
  ];
}

function section(name: string, rows: readonly string[]): string[] {
  return rows.length === 0
    ? []
    : [`  ${name.padEnd(10)}  ${rows.length}`, ...rows.map((row) => `    ${row}`)];
}

function shownValue(key: string, text: string, full: boolean): string {
  const shown = printable(
    full || text.length < 1_000_000
      ? inspectValue(value(key, text), {
          depth: full ? Number.POSITIVE_INFINITY : 4,
          breakLength: Number.POSITIVE_INFINITY,
          compact: true,
          maxArrayLength: full ? null : 30,
          maxStringLength: full ? null : SHOWN_VALUE,
        })
      : text.slice(0, 2 * SHOWN_VALUE),
  );
  return full || shown.length <= SHOWN_VALUE ? shown : `${shown.slice(0, SHOWN_VALUE)}…`;
}

function value(key: string, text: string): unknown {
  try {
    return decode(text, `the value for key ${key}`);
  } catch (error) {
    // Whatever is wrong with it, its text is what there is to see.
    return { unreadable: messageOf(error), text };
  }
}

function json(id: ActorId, { head, values }: Snapshot): string {
  const { version, generation, alarm, wake, mark, settled, outbox, trial } = head;
  const fields = {
    ...id,
    version,
    generation,
    alarm: alarm === undefined ? null : { at: time(alarm.at), retries: alarm.retries },
    wake: wake === undefined ? null : { at: time(wake.at), version: wake.version },
    mark: mark ?? null,
    trial: trial ?? null,
    bytes: sum([...values].map(([key, text]) => weight(key, text))),
    values: [...values].map(([key, text]) => ({
      key,
      bytes: weight(key, text),
      value: JSON.parse(toJsonView(value(key, text))),
    })),
    settled: [...settled].map(([envelope, text]) => ({ envelope, outcome: outcome(text) })),
    outbox: outbox.map(message),
  };
  return JSON.stringify(fields, null, 2);
}

function time(at: number): string {
  return new Date(at).toISOString();
}

/** What became of a call, in a few words. */
function outcome(text: string): string {
  try {
    const { outcome } = decodeOutcome(text);
    return outcome.ok ? "returned" : printable(`threw ${outcome.error.name}: ${outcome.error.message}`);
  } catch {
    return "returned something long, which lies with the replies";
  }
}

function message(text: string): { to: string; method: string } {
  try {
    const { to, call } = decodeEnvelope(text);
    return { to: `${to.type} ${shownName(to.name)}`, method: printable(call.method) };
  } catch {
    return { to: "somebody", method: "unreadable" };
  }
}

function weight(key: string, text: string): number {
  return utf8Length(key) + utf8Length(text);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
