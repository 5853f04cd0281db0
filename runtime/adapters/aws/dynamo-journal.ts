import {
  type AttributeValue,
  type DynamoDBClient,
  PutItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { utf8Length } from "../../core/actor-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import { endOf, HEAD, itemKey, journalPart, journalPrefix } from "./actor-table.ts";
import { deleteEntries, queryEntries } from "./dynamo-entries.ts";
import { isHeadConditionFailed, patiently } from "./dynamo-refusal.ts";

/*
 *   parts ─▶ flip ─▶ apply ─▶ clear ─▶ remove the parts
 *            (the commit point)
 *
 * Before the flip nothing has happened: parts without a head that names them are garbage. After the flip everything has
 * happened: whoever hydrates next applies the parts before anybody reads. Every step of applying is a transaction that
 * checks that the head still names this journal, so a worker that wakes up late can't write over newer values. It also
 * writes down in the head how far it came: a partition takes about 1,000 units a second, so a large journal may take more
 * than one worker's patience, and the next one goes on instead of starting over.
 */

/** Changes of entries, by sort key: new text, or `undefined` to remove the entry. */
export type EntryChanges = ReadonlyMap<string, string | undefined>;

/** Most bytes of changes in one part: an item holds 400 KB, and the largest value 384 KiB. */
const PART_BYTES = 200_000;
/** Most changes applied in one transaction; the head is the hundredth item. */
const CHUNK_CHANGES = 99;
/** Most bytes applied in one transaction: half a second of what a partition takes, so that a large journal goes at a pace that passes. */
const CHUNK_BYTES = 400_000;

export interface JournalTable {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly ids: Ids;
  readonly clock: Clock;
}

/** Writes the parts. @returns what the head must name: the beginning of their sort keys */
export async function writeParts(
  { client, table, ids, clock }: JournalTable,
  { id, expected, changes }: { id: ActorId; expected: number; changes: EntryChanges },
): Promise<string> {
  const journal = `${journalPrefix(expected)}${ids.next()}/`;
  const parts = chunks(changes, { count: Number.POSITIVE_INFINITY, bytes: PART_BYTES });
  await inTurns(parts, async (part, index) => {
    const Item = {
      ...itemKey(id, journalPart(journal, index)),
      changes: { L: part.map(changeToAttribute) },
      // For the operator, who looks for commits that nobody has finished: no code decides by it.
      since: { N: String(clock.now()) },
    };
    await client.send(new PutItemCommand({ TableName: table, Item }));
  });
  return journal;
}

/** Reads the parts back. */
export async function readParts(
  table: Pick<JournalTable, "client" | "table">,
  id: ActorId,
  journal: string,
): Promise<EntryChanges> {
  const changes = new Map<string, string | undefined>();
  for await (const item of queryEntries(table, id, { from: journal, to: endOf(journal) })) {
    for (const { M } of item.changes?.L ?? [])
      if (M?.entry?.S !== undefined) changes.set(M.entry.S, M.text?.S);
  }
  return changes;
}

/**
 * Applies a journal that the head names, and makes the head forget it. Whoever comes late finds it done.
 *
 * @param applied how many of the changes are applied already, as the head says
 */
export async function applyJournal(
  table: JournalTable,
  { id, journal, changes, applied }: { id: ActorId; journal: string; changes: EntryChanges; applied: number },
): Promise<void> {
  let done = applied;
  try {
    for (const chunk of chunks([...changes].slice(applied), { count: CHUNK_CHANGES, bytes: CHUNK_BYTES })) {
      done += chunk.length;
      const TransactItems = applyChunk(table, { id, journal, chunk, done });
      await patiently(table.clock, () => table.client.send(new TransactWriteItemsCommand({ TransactItems })));
    }
    await patiently(table.clock, () =>
      table.client.send(
        new UpdateItemCommand({
          TableName: table.table,
          Key: itemKey(id, HEAD),
          UpdateExpression: "REMOVE journal, applied",
          ConditionExpression: STILL_NAMED,
          ExpressionAttributeValues: { ":journal": { S: journal } },
        }),
      ),
    );
  } catch (error) {
    if (!isHeadConditionFailed(error)) throw error;
  }
}

/**
 * Removes the parts of commits made from versions below `version`. Once the head is at `version`, no commit from an older one
 * can land any more, so nothing will ever need them.
 */
export async function removeParts(table: JournalTable, id: ActorId, version: number): Promise<void> {
  const garbage: string[] = [];
  const all = { from: journalPrefix(0), to: journalPrefix(version), keysOnly: true };
  for await (const { entry } of queryEntries(table, id, all))
    if (entry?.S !== undefined) garbage.push(entry.S);
  await deleteEntries(table, id, garbage);
}

/* A worker that stalled in the middle of applying: the others have finished it and gone on. */
const STILL_NAMED = "journal = :journal";

function applyChunk(
  { table }: JournalTable,
  { id, journal, chunk, done }: { id: ActorId; journal: string; chunk: readonly Change[]; done: number },
): TransactWriteItem[] {
  return [
    {
      Update: {
        TableName: table,
        Key: itemKey(id, HEAD),
        UpdateExpression: "SET applied = :done",
        ConditionExpression: STILL_NAMED,
        ExpressionAttributeValues: { ":journal": { S: journal }, ":done": { N: String(done) } },
      },
    },
    ...chunk.map((change) => entryWrite(table, id, change)),
  ];
}

/** One entry's write within a transaction. */
export function entryWrite(table: string, id: ActorId, [entry, text]: Change): TransactWriteItem {
  const Key = itemKey(id, entry);
  if (text === undefined) return { Delete: { TableName: table, Key } };
  return { Put: { TableName: table, Item: { ...Key, value: { S: text } } } };
}

type Change = readonly [entry: string, text: string | undefined];

function changeToAttribute([entry, text]: Change): AttributeValue {
  return { M: { entry: { S: entry }, ...(text !== undefined && { text: { S: text } }) } };
}

/** The changes in order, cut where either bound would be passed; a single change may pass it alone. */
function chunks(changes: Iterable<Change>, most: { count: number; bytes: number }): Change[][] {
  const cut: Change[][] = [];
  let chunk: Change[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = changeSize(change);
    if (chunk.length > 0 && (chunk.length === most.count || bytes + size > most.bytes)) {
      cut.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(change);
    bytes += size;
  }
  if (chunk.length > 0) cut.push(chunk);
  return cut;
}

/** What a change weighs, in bytes: its texts, and a little for the form around them. */
export function changeSize([entry, text]: Change): number {
  return utf8Length(entry) + utf8Length(text ?? "") + 100;
}

/**
 * A few at a time: enough to hide the latency, not so many that one instance's partition is throttled at once. After a
 * failure nothing is begun any more, and nothing is under way.
 */
async function inTurns<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    try {
      for (let index = next++; index < items.length; index = next++) await work(items[index] as T, index);
    } finally {
      // Done or failed: the other lanes end too.
      next = items.length;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: 4 }, lane));
  for (const each of ended) if (each.status === "rejected") throw each.reason;
}
