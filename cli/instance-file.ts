import { utf8Length } from "../runtime/core/actor-id.ts";
import { alarmTime } from "../runtime/core/alarm.ts";
import { decode } from "../runtime/core/codec.ts";
import { messageOf } from "../runtime/core/errors.ts";
import { ageOf, type Format } from "../runtime/core/format.ts";
import { checkKey, checkValueSize } from "../runtime/core/key.ts";
import type { Snapshot } from "../runtime/ports/directory.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import { CommandError } from "./command-error.ts";

/*
 * An exported instance, as JSON lines:
 *
 *   {"format":"stateful-actors/instance","formatVersion":1,"type":"Account","name":"alice","version":7,"alarm":null,"keys":2}
 *   {"key":"balance","value":[70]}        the value as codec text, which is JSON
 *   {"key":"deep","text":"~…"}            or as a string, where it is none
 *
 * The header says how many keys follow, so that a file that was cut off is found out.
 */

const FORMAT = "stateful-actors/instance";
export const EXPORT_FORMAT: Format = {
  what: "an export",
  oldest: 1,
  newest: 1,
  written: 1,
  cure: "import it with the version that wrote it, or a later one",
  effect: "refused",
};
/** What comes into an instance in one commit, which an import is, in bytes of keys and values. */
const MAX_BYTES = 64 * 1024 * 1024;

/** What an import puts into an instance. */
export interface InstanceFile {
  readonly type: string;
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
  readonly alarm: number | undefined;
}

/** The lines of an export. */
export function* exportedLines({ type, name }: ActorId, { head, values }: Snapshot): Generator<string> {
  const alarm = head.alarm?.at ?? null;
  const header = { format: FORMAT, formatVersion: EXPORT_FORMAT.written, type, name };
  yield JSON.stringify({ ...header, version: head.version, alarm, keys: values.size });
  for (const [key, text] of values) yield JSON.stringify({ key, ...textOrJson(text) });
}

function textOrJson(text: string): { value: unknown } | { text: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (JSON.stringify(value) === text) return { value };
  } catch {}
  return { text };
}

/**
 * Reads an export back, each value of it checked.
 *
 * @throws CommandError with the number of the line that is wrong
 */
export function parseInstanceFile(content: string): InstanceFile {
  const lines = content.split("\n").map((line, index) => ({ line, number: index + 1 }));
  const [first, ...rest] = lines.filter(({ line }) => line.trim() !== "");
  if (first === undefined)
    throw new CommandError("there is nothing to import: give the lines of an actors export");
  const header = parseLine(first);
  if (header.format !== FORMAT) {
    throw wrong(first.number, `it is no header of an export: it has no "format": "${FORMAT}"`);
  }
  if (ageOf(EXPORT_FORMAT, header.formatVersion) !== "readable") {
    const { newest, cure } = EXPORT_FORMAT;
    throw wrong(
      first.number,
      `it has the format version ${JSON.stringify(header.formatVersion)}, and this version reads up to ${newest}: ${cure}`,
    );
  }
  const { type, name, alarm, keys } = header;
  if (typeof type !== "string" || typeof name !== "string")
    throw wrong(first.number, "it has no type or no name");
  const values = new Map<string, string>();
  let bytes = 0;
  for (const each of rest) {
    const [key, text] = valueIn(each);
    if (values.has(key)) throw wrong(each.number, `it has the key ${JSON.stringify(key)} a second time`);
    values.set(key, text);
    bytes += utf8Length(key) + utf8Length(text);
  }
  if (keys !== values.size) {
    throw new CommandError(
      `the header counts ${JSON.stringify(keys)} keys and ${values.size} follow: the file was cut off, or changed without its header`,
    );
  }
  if (bytes > MAX_BYTES) {
    throw new CommandError(
      `the values have ${bytes} bytes together; an import is one commit, which takes at most ${MAX_BYTES}`,
    );
  }
  return { type, name, values, alarm: alarmIn(alarm, first.number) };
}

function valueIn(each: { line: string; number: number }): [key: string, text: string] {
  const { key, value, text: given } = parseLine(each);
  const text = typeof given === "string" ? given : JSON.stringify(value);
  try {
    checkKey(key);
    if (text === undefined)
      throw new Error(`the key ${JSON.stringify(key)} has neither a "value" nor a "text"`);
    checkValueSize(key, text);
    decode(text, `the value for key ${JSON.stringify(key)}`);
  } catch (error) {
    throw wrong(each.number, messageOf(error));
  }
  return [key, text];
}

function alarmIn(alarm: unknown, number: number): number | undefined {
  if (alarm === null || alarm === undefined) return undefined;
  try {
    return alarmTime(alarm);
  } catch (error) {
    throw wrong(number, messageOf(error));
  }
}

function parseLine({ line, number }: { line: string; number: number }): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw wrong(number, `it is no JSON: ${messageOf(error)}`);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
    return parsed as Record<string, unknown>;
  }
  throw wrong(number, "it is no JSON object");
}

function wrong(number: number, what: string): CommandError {
  return new CommandError(`line ${number} can't be imported: ${what}`);
}
