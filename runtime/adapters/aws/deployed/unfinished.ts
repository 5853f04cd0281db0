import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import { actorIdOf } from "../../../core/actor-id.ts";
import type { Alarm, Wake } from "../../../ports/alarm-clock.ts";
import type { ActorId } from "../../../ports/mailbox.ts";
import { HEAD, itemKey, journalPart } from "../actor-table.ts";

type Item = Record<string, AttributeValue>;

/** Most items that one request looks at. */
const PAGE = 1_000;

/** What was found in a part of the actor table that somebody still has to finish. */
export interface Unfinished {
  /** Items that were looked at, of any kind. */
  readonly items: number;
  /** Whether these were all. */
  readonly all: boolean;
  /** Heads that name a journal: a large commit that holds, and is not applied. */
  readonly journals: readonly {
    readonly id: ActorId;
    /** When its parts were written, in ms since the epoch; `undefined`: they do not say so. */
    readonly since: number | undefined;
  }[];
  /** Parts that no head names any more, or not yet. */
  readonly strayParts: readonly { readonly id: ActorId; readonly since: number | undefined }[];
  /** Heads whose alarm was due some time ago. */
  readonly overdue: readonly {
    readonly id: ActorId;
    readonly alarm: Alarm;
    readonly wake: Wake | undefined;
  }[];
  /** Heads in which a call is under suspicion to end its workers. */
  readonly trials: readonly { readonly id: ActorId; readonly starts: number }[];
}

export interface ScanOptions {
  readonly table: string;
  /** Most items to look at. */
  readonly limit: number;
  /** How many items the table has, about. */
  readonly of: number;
  /** Alarms due before this, in ms since the epoch, count as overdue. */
  readonly overdueBefore: number;
  /** From 0 to 1: which part of the table is looked at, where that is not all of it. */
  readonly place: number;
}

/** Looks through items of the actor table: all of them where the limit allows it, else a part. It costs a read unit for each 8 KB. */
export async function findUnfinished(client: DynamoDBClient, options: ScanOptions): Promise<Unfinished> {
  const { items, found, all } = await scan(client, options);
  const heads = found.filter(({ entry }) => entry?.S === HEAD);
  const named = new Map(heads.flatMap((head) => (head.journal?.S ? [[idOf(head), head.journal.S]] : [])));
  const journals = await Promise.all(
    [...named].map(async ([id, journal]) => ({
      id,
      since: await since(client, options.table, { id, journal }),
    })),
  );
  const names = [...named.values()];
  const parts = found.filter(({ entry }) => entry?.S?.startsWith("j/"));
  const stray = parts.filter(({ entry }) => !names.some((journal) => entry?.S?.startsWith(journal)));
  return {
    items,
    all,
    journals,
    strayParts: await unnamed(client, options.table, stray),
    overdue: heads.flatMap((head) => {
      const alarm = head.alarm?.M;
      if (alarm === undefined || !(Number(alarm.at?.N) < options.overdueBefore)) return [];
      const wake = head.wake?.M;
      return {
        id: idOf(head),
        alarm: { at: Number(alarm.at?.N), retries: Number(alarm.retries?.N) },
        wake: wake && { at: Number(wake.at?.N), version: Number(wake.version?.N) },
      };
    }),
    trials: heads.flatMap((head) => {
      const starts = Number(head.trial?.M?.starts?.N ?? 0);
      return starts === 0 ? [] : { id: idOf(head), starts };
    }),
  };
}

async function scan(client: DynamoDBClient, { table, limit, of, overdueBefore, place }: ScanOptions) {
  // A segment is a range of hashes; the first one would always be the same part of the table. Some hold less than others.
  const segments = Math.min(Math.max(Math.floor(of / limit), 1), 1_000_000);
  const first = Math.floor(place * segments);
  let items = 0;
  const found: Item[] = [];
  for (let next = 0; next < segments; next++) {
    let ExclusiveStartKey: Item | undefined;
    do {
      if (items >= limit) return { items, found, all: false };
      const page = await client.send(
        new ScanCommand({
          TableName: table,
          Limit: Math.min(limit - items, PAGE),
          ...(segments > 1 && { TotalSegments: segments, Segment: (first + next) % segments }),
          // The index of names has names as sort keys, and no slash in its partition keys.
          FilterExpression:
            "contains(actor, :slash) AND (begins_with(entry, :part) OR (entry = :head AND (attribute_exists(journal) OR attribute_exists(trial) OR alarm.#at < :overdue)))",
          ProjectionExpression: "actor, entry, journal, trial, alarm, wake, #since",
          ExpressionAttributeNames: { "#at": "at", "#since": "since" },
          ExpressionAttributeValues: {
            ":slash": { S: "/" },
            ":part": { S: "j/" },
            ":head": { S: HEAD },
            ":overdue": { N: String(overdueBefore) },
          },
          ...(ExclusiveStartKey && { ExclusiveStartKey }),
        }),
      );
      items += page.ScannedCount ?? 0;
      found.push(...(page.Items ?? []));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }
  return { items, found, all: true };
}

function idOf({ actor }: Item): ActorId {
  return actorIdOf(actor?.S ?? "");
}

async function since(
  client: DynamoDBClient,
  table: string,
  { id, journal }: { id: ActorId; journal: string },
): Promise<number | undefined> {
  const { Item } = await client.send(
    new GetItemCommand({
      TableName: table,
      Key: itemKey(id, journalPart(journal, 0)),
      ProjectionExpression: "#since",
      ExpressionAttributeNames: { "#since": "since" },
    }),
  );
  return timeOf(Item);
}

/** Those whose head, which the scan may not have come to, does not name them. */
async function unnamed(client: DynamoDBClient, table: string, parts: readonly Item[]) {
  const heads = new Map<string, string | undefined>();
  const stray: { id: ActorId; since: number | undefined }[] = [];
  for (const part of parts) {
    const key = part.actor?.S ?? "";
    if (!heads.has(key)) {
      const { Item } = await client.send(
        new GetItemCommand({
          TableName: table,
          Key: itemKey(idOf(part), HEAD),
          ConsistentRead: true,
          ProjectionExpression: "journal",
        }),
      );
      heads.set(key, Item?.journal?.S);
    }
    const named = heads.get(key);
    if (named !== undefined && part.entry?.S?.startsWith(named)) continue;
    stray.push({ id: idOf(part), since: timeOf(part) });
  }
  return stray;
}

function timeOf(item: Item | undefined): number | undefined {
  return item?.since?.N === undefined ? undefined : Number(item.since.N);
}

/** What a head says of its alarm: enough to judge a wake. */
export async function headsWake(
  client: DynamoDBClient,
  table: string,
  id: ActorId,
): Promise<{ readonly version: number; readonly wake: Wake | undefined } | undefined> {
  const { Item } = await client.send(
    new GetItemCommand({
      TableName: table,
      Key: itemKey(id, HEAD),
      ConsistentRead: true,
      ProjectionExpression: "#version, wake",
      ExpressionAttributeNames: { "#version": "version" },
    }),
  );
  if (Item === undefined) return undefined;
  const wake = Item.wake?.M;
  return {
    version: Number(Item.version?.N),
    wake: wake && { at: Number(wake.at?.N), version: Number(wake.version?.N) },
  };
}
