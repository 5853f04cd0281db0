import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Head } from "../../ports/store.ts";

/** Version of the stored form; 2 brought the outbox. Code refuses data that is newer than itself. */
const FORMAT = 2;

/** A head written by a newer version of this package. Worker: leave the batch to redelivery. */
export class HeadFormatError extends Error {
  override readonly name = "HeadFormatError";
}

type Item = Record<string, AttributeValue>;

/** The attributes of a head, without its key. */
export function headToItem(head: Head): Item {
  return {
    format: { N: String(FORMAT) },
    version: { N: String(head.version) },
    inline: { M: textsToMap(head.inline) },
    settled: { M: textsToMap(head.settled) },
    ...(head.generation > 0 && { generation: { N: String(head.generation) } }),
    ...(head.swept > 0 && { swept: { N: String(head.swept) } }),
    ...(head.spilled && { spilled: { BOOL: true } }),
    ...(head.mark && { mark: { M: { queue: { S: head.mark.queue }, sequence: { S: head.mark.sequence } } } }),
    ...(head.outbox.length > 0 && { outbox: { L: head.outbox.map((text) => ({ S: text })) } }),
  };
}

/**
 * @throws HeadFormatError
 */
export function headFromItem(item: Item): Head {
  const format = Number(item.format?.N);
  if (!(format <= FORMAT)) {
    throw new HeadFormatError(
      `the stored format is ${item.format?.N}, this version reads up to ${FORMAT}; deploy the newer version again`,
    );
  }
  const queue = item.mark?.M?.queue?.S;
  const sequence = item.mark?.M?.sequence?.S;
  return {
    version: Number(item.version?.N),
    inline: mapToTexts(item.inline?.M),
    settled: mapToTexts(item.settled?.M),
    spilled: item.spilled?.BOOL ?? false,
    generation: Number(item.generation?.N ?? 0),
    swept: Number(item.swept?.N ?? 0),
    mark: queue !== undefined && sequence !== undefined ? { queue, sequence } : undefined,
    outbox: (item.outbox?.L ?? []).flatMap(({ S }) => (S === undefined ? [] : [S])),
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
