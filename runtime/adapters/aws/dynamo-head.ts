import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { ageOf, type Format, newerFormat } from "../../core/format.ts";
import type { Mark } from "../../ports/mailbox.ts";
import type { Head } from "../../ports/store.ts";

/**
 * The head's attributes, and with them all that a head rules over: value entries and the parts of a journal. 2 brought the outbox, 3 the
 * alarm, 4 the trial.
 */
export const HEAD_FORMAT: Format = {
  what: "a stored head",
  oldest: 1,
  newest: 4,
  written: 4,
  cure: "deploy the newer version again",
  effect: "refused",
};

/** What lies in a head's place is none: it has no format. Worker: leave the batch to redelivery. */
export class HeadFormatError extends Error {
  override readonly name = "HeadFormatError";
}

type Item = Record<string, AttributeValue>;

/** The attributes of a head, without its key. */
export function headToItem(head: Head): Item {
  return {
    format: { N: String(HEAD_FORMAT.written) },
    version: { N: String(head.version) },
    inline: { M: textsToMap(head.inline) },
    settled: { M: textsToMap(head.settled) },
    ...(head.generation > 0 && { generation: { N: String(head.generation) } }),
    ...(head.swept > 0 && { swept: { N: String(head.swept) } }),
    ...(head.spilled && { spilled: { BOOL: true } }),
    ...(head.mark && { mark: { M: markToMap(head.mark) } }),
    ...(head.outbox.length > 0 && { outbox: { L: head.outbox.map((text) => ({ S: text })) } }),
    ...(head.alarm && { alarm: numbers({ at: head.alarm.at, retries: head.alarm.retries }) }),
    ...(head.wake && { wake: numbers({ at: head.wake.at, version: head.wake.version }) }),
    ...(head.trial && {
      trial: { M: { id: { S: head.trial.id }, starts: { N: String(head.trial.starts) } } },
    }),
  };
}

/**
 * @throws ActorFormatError a newer version of this package has written it
 * @throws HeadFormatError
 */
export function headFromItem(item: Item): Head {
  const age = ageOf(HEAD_FORMAT, Number(item.format?.N));
  if (age === "newer") throw newerFormat(HEAD_FORMAT, item.format?.N);
  if (age === "none") {
    throw new HeadFormatError(
      `a stored head has the format ${item.format?.N}, and formats ${HEAD_FORMAT.oldest} to ${HEAD_FORMAT.newest} are known: something other than stateful-actors has written it; restore it from a backup`,
    );
  }
  const trialId = item.trial?.M?.id?.S;
  return {
    version: Number(item.version?.N),
    inline: mapToTexts(item.inline?.M),
    settled: mapToTexts(item.settled?.M),
    spilled: item.spilled?.BOOL ?? false,
    generation: Number(item.generation?.N ?? 0),
    swept: Number(item.swept?.N ?? 0),
    mark: markFromMap(item.mark?.M),
    outbox: (item.outbox?.L ?? []).flatMap(({ S }) => (S === undefined ? [] : [S])),
    alarm: item.alarm?.M && { at: Number(item.alarm.M.at?.N), retries: Number(item.alarm.M.retries?.N) },
    wake: item.wake?.M && { at: Number(item.wake.M.at?.N), version: Number(item.wake.M.version?.N) },
    trial: trialId === undefined ? undefined : { id: trialId, starts: Number(item.trial?.M?.starts?.N) },
  };
}

/** Without an index where it is 0. Who does not know the index goes by what is settled within a message: the mark is no new format. */
function markToMap({ queue, sequence, index = 0 }: Mark): Item {
  return { queue: { S: queue }, sequence: { S: sequence }, ...(index > 0 && numbers({ index }).M) };
}

function markFromMap(map: Item | undefined): Mark | undefined {
  const [queue, sequence] = [map?.queue?.S, map?.sequence?.S];
  if (queue === undefined || sequence === undefined) return undefined;
  const index = Number(map?.index?.N ?? 0);
  return { queue, sequence, ...(index > 0 && { index }) };
}

function numbers(values: Readonly<Record<string, number>>): AttributeValue {
  return {
    M: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { N: String(value) }])),
  };
}

function textsToMap(texts: ReadonlyMap<string, string>): Item {
  const map: [string, AttributeValue][] = [...texts].map(([key, text]) => [key, { S: text }]);
  return Object.fromEntries(map);
}

function mapToTexts(map: Item | undefined): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(map ?? {})) if (value.S !== undefined) texts.set(key, value.S);
  return texts;
}
