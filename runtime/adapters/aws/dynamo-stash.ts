import { type DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { checkOutcomeFormat } from "../../core/outcome.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import { replyItem, replyKey } from "./dynamo-reply-item.ts";

/** Length of a part, in UTF-16 units: at most three bytes each, well below the 400 KB of an item. */
const PART_LENGTH = 120_000;
/** First character of a text that stands for stashed parts; outcome text begins otherwise. */
const STASHED = "@";
/** Parts are written before their commit and the reply after it: how much longer they are kept than a reply, in ms. */
const LONGER_MS = 3_600_000;

export interface StashOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** How long a reply can be read, in ms. */
  readonly retentionMs: number;
}

/** Outcomes too large for a reply, in parts beside it. */
export interface Stash {
  /** Makes an outcome durable; gives the text that stands for it. */
  put(id: string, outcome: string): Promise<string>;
  /**
   * The outcome behind a stand-in; any other text as it is.
   *
   * @throws ActorFormatError the stand-in is of a newer format
   */
  resolve(text: string): Promise<string>;
  /** When what a stand-in stands for ends, in ms since the epoch; any other text never does. */
  endOf(text: string): number;
}

export function createStash({ client, table, clock, ids, retentionMs }: StashOptions): Stash {
  const underWay = new Map<string, Promise<string>>();

  // One by one: the parts of an outcome may be more than the 1 MB that a batch may read from one partition.
  const readPart = async (prefix: string, index: number): Promise<string> => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: replyKey(partId(prefix, index)), ConsistentRead: true }),
    );
    // Whether it has expired is the reply's matter.
    const part = Item?.outcome?.S;
    if (part === undefined) throw new Error(`part ${index} of reply ${prefix} is missing`);
    return part;
  };

  const readParts = async (standIn: string): Promise<string> => {
    const [prefix = "", count = ""] = standIn.slice(STASHED.length).split(":");
    const parts = Array.from({ length: Number(count) }, (_, index) => readPart(prefix, index));
    return (await Promise.all(parts)).join("");
  };

  return {
    async put(id, outcome) {
      // Two attempts may stash different outcomes; each has parts of its own.
      const prefix = `${id}.${ids.next()}`;
      const until = clock.now() + retentionMs + LONGER_MS;
      const parts = split(outcome);
      await Promise.all(
        parts.map((part, index) => {
          const Item = replyItem({ id: partId(prefix, index), outcome: part, until });
          return client.send(new PutItemCommand({ TableName: table, Item }));
        }),
      );
      return `${STASHED}${prefix}:${parts.length}:${Math.floor(until / 1000)}`;
    },

    endOf(text) {
      const seconds = text.startsWith(STASHED) ? Number(text.split(":")[2]) : Number.NaN;
      return Number.isNaN(seconds) ? Number.POSITIVE_INFINITY : seconds * 1000;
    },

    async resolve(text) {
      if (!text.startsWith(STASHED)) return text;
      checkOutcomeFormat(text);
      // All callers of one idempotency key are answered at once: they share one reading of a large outcome.
      const shared = underWay.get(text);
      if (shared) return shared;
      const reading = readParts(text).finally(() => underWay.delete(text));
      underWay.set(text, reading);
      return reading;
    },
  };
}

function partId(prefix: string, index: number): string {
  return `${prefix}.${index}`;
}

/** Cuts between code points, never inside one: half a surrogate pair does not survive UTF-8. */
function split(text: string): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + PART_LENGTH, text.length);
    if (end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end--;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}
