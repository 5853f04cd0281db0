import {
  type AttributeValue,
  BatchGetItemCommand,
  GetItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { actorKey } from "../../core/actor-id.ts";
import { inKeyOrder, SnapshotError } from "../../core/directory.ts";
import { compareKeys } from "../../core/key-order.ts";
import type { Directory, DirectoryQuery, Listed, Snapshot } from "../../ports/directory.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import { endOf, generationPrefix, HEAD, indexPartitions, itemKey } from "./actor-table.ts";
import { queryEntries } from "./dynamo-entries.ts";
import { headFromItem } from "./dynamo-head.ts";
import { type JournalTable, readParts } from "./dynamo-journal.ts";
import { pause } from "./pause.ts";

/** Most heads in one request. */
const HEADS = 100;
/** Most names in one request to a bucket. */
const NAMES = 1_000;
/** How often an instance is read that commits meanwhile. */
const TRIES = 10;

type Item = Record<string, AttributeValue>;

export interface DynamoDirectoryOptions extends Omit<JournalTable, "ids"> {
  /** What the deployment says of itself: the index knows names by type, and no types. */
  readonly types: readonly string[];
}

/** The Directory of an actor table. Nothing is scanned: the index has the names, and their heads tell which of them are there. */
export function createDynamoDirectory(table: DynamoDirectoryOptions): Directory {
  const head = async (id: ActorId): Promise<Item | undefined> => {
    const Key = itemKey(id, HEAD);
    const command = new GetItemCommand({ TableName: table.table, Key, ConsistentRead: true });
    return (await table.client.send(command)).Item;
  };

  return {
    async types() {
      return table.types;
    },

    async list(query) {
      const instances: Listed[] = [];
      for await (const names of packed(indexedNames(table, query), Math.min(query.limit + 1, HEADS))) {
        for (const found of await listed(table, { type: query.type, names })) {
          if (instances.length === query.limit) return { instances, more: true };
          instances.push(found);
        }
      }
      return { instances, more: false };
    },

    async snapshot(id) {
      for (let tries = 0; tries < TRIES; tries++) {
        const before = await head(id);
        if (before === undefined) return undefined;
        const found = await readAll(table, id, before);
        // The values of a head alone are one item.
        if (!found.apart || sameCommit(before, await head(id))) return found.snapshot;
        await pause(table.clock, 50 * 2 ** tries);
      }
      throw new SnapshotError(
        `${actorKey(id)} commits faster than its values can be read; try again when it is less busy`,
      );
    },
  };
}

/**
 * What a head stands for. One that names a journal counts as applied: its parts lie over the entries, and stay there
 * until the head does not name them any more.
 */
async function readAll(
  table: DynamoDirectoryOptions,
  id: ActorId,
  item: Item,
): Promise<{ snapshot: Snapshot; apart: boolean }> {
  const head = headFromItem(item);
  const journal = item.journal?.S;
  const entries = new Map<string, string>();
  const prefix = generationPrefix(head.generation);
  const apart = head.spilled || journal !== undefined;
  if (apart) {
    for await (const { entry, value } of queryEntries(table, id, { from: prefix, to: endOf(prefix) }))
      entries.set(entry?.S ?? "", value?.S ?? "");
  }
  for (const [entry, text] of journal === undefined ? [] : await readParts(table, id, journal)) {
    if (text === undefined) entries.delete(entry);
    else entries.set(entry, text);
  }
  const apartValues = [...entries].map(([entry, text]) => [entry.slice(prefix.length), text] as const);
  return { snapshot: { head, values: inKeyOrder([...head.inline, ...apartValues]) }, apart };
}

/** A journal that was applied meanwhile may have taken its parts along. */
function sameCommit(before: Item, after: Item | undefined): boolean {
  return before.version?.N === after?.version?.N && before.journal?.S === after?.journal?.S;
}

/** The names of the index that are asked for, in order: every bucket is in order, and the smallest of their next ones comes first. */
async function* indexedNames(table: DynamoDirectoryOptions, query: DirectoryQuery): AsyncGenerator<string> {
  const buckets = indexPartitions(query.type).map((partition) => namesIn(table, partition, query));
  const next = await Promise.all(buckets.map((bucket) => bucket.next()));
  for (;;) {
    let least: { name: string; bucket: number } | undefined;
    for (const [bucket, { done, value: name }] of next.entries()) {
      if (done !== true && (least === undefined || compareKeys(name, least.name) < 0))
        least = { name, bucket };
    }
    if (least === undefined) return;
    yield least.name;
    next[least.bucket] = (await buckets[least.bucket]?.next()) ?? { done: true, value: undefined };
  }
}

async function* namesIn(
  { client, table }: DynamoDirectoryOptions,
  partition: string,
  { prefix, after, limit }: DirectoryQuery,
): AsyncGenerator<string, undefined> {
  const isBehind = after !== undefined && compareKeys(after, prefix) > 0;
  if (isBehind && !after.startsWith(prefix)) return undefined;
  // The place may be of any name, also of one that is in another bucket.
  let ExclusiveStartKey: Item | undefined = isBehind
    ? { actor: { S: partition }, entry: { S: after } }
    : undefined;
  do {
    const page = await client.send(
      new QueryCommand({
        TableName: table,
        ConsistentRead: true,
        // No key is empty, nor a bound of one.
        KeyConditionExpression: `actor = :index${prefix === "" ? "" : " AND begins_with(entry, :prefix)"}`,
        ExpressionAttributeValues: {
          ":index": { S: partition },
          ...(prefix !== "" && { ":prefix": { S: prefix } }),
        },
        ProjectionExpression: "entry",
        Limit: Math.min(limit + 1, NAMES),
        ...(ExclusiveStartKey && { ExclusiveStartKey }),
      }),
    );
    for (const { entry } of page.Items ?? []) if (entry?.S !== undefined) yield entry.S;
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return undefined;
}

/** Those of the names whose instance holds anything, in their order. */
async function listed(
  { client, table, clock }: DynamoDirectoryOptions,
  { type, names }: { type: string; names: readonly string[] },
): Promise<Listed[]> {
  const heads = new Map<string, Item>();
  let Keys: Item[] = names.map((name) => itemKey({ type, name }, HEAD));
  for (let tries = 0; Keys.length > 0; tries++) {
    if (tries > 0) await pause(clock, Math.min(50 * 2 ** tries, 2_000));
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({
        RequestItems: {
          [table]: {
            Keys,
            ConsistentRead: true,
            ProjectionExpression: "actor, #version, #inline, #spilled, #alarm",
            ExpressionAttributeNames: {
              "#version": "version",
              "#inline": "inline",
              "#spilled": "spilled",
              "#alarm": "alarm",
            },
          },
        },
      }),
    );
    for (const item of Responses?.[table] ?? []) heads.set(item.actor?.S ?? "", item);
    Keys = UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return names.flatMap((name) => {
    const item = heads.get(actorKey({ type, name }));
    const isEmpty = Object.keys(item?.inline?.M ?? {}).length === 0 && item?.spilled?.BOOL !== true;
    const alarm = item?.alarm?.M;
    if (item === undefined || (isEmpty && alarm === undefined)) return [];
    return {
      name,
      version: Number(item.version?.N),
      alarm: alarm && { at: Number(alarm.at?.N), retries: Number(alarm.retries?.N) },
    };
  });
}

/** What comes one by one, in packs. */
async function* packed<T>(each: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let pack: T[] = [];
  for await (const item of each) {
    pack.push(item);
    if (pack.length < size) continue;
    yield pack;
    pack = [];
  }
  if (pack.length > 0) yield pack;
}
