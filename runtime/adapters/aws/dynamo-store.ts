import {
  type AttributeValue,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { compareKeys } from "../../core/key-order.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import type { Commit, CommitResult, EntryPage, EntryRange, Head, Store } from "../../ports/store.ts";
import { endOf, generationPrefix, HEAD, indexKey, itemKey, valueEntry } from "./actor-table.ts";
import { deleteEntries, queryEntries } from "./dynamo-entries.ts";
import { headFromItem, headToItem } from "./dynamo-head.ts";
import {
  applyJournal,
  changeSize,
  type EntryChanges,
  entryWrite,
  type JournalTable,
  readParts,
  removeParts,
  writeParts,
} from "./dynamo-journal.ts";
import { isHeadConditionFailed, patiently } from "./dynamo-refusal.ts";

/** What one transaction holds beside the head: 100 items, 4 MB. */
const TRANSACTION_CHANGES = 99;
const TRANSACTION_BYTES = 3_500_000;

/** The Store on the actor table. */
export function createDynamoStore(table: JournalTable): Store {
  const get = async (id: ActorId, entry: string): Promise<Record<string, AttributeValue> | undefined> => {
    const { Item } = await table.client.send(
      new GetItemCommand({ TableName: table.table, Key: itemKey(id, entry), ConsistentRead: true }),
    );
    return Item;
  };

  const hydrate = async (id: ActorId): Promise<Head | undefined> => {
    const item = await get(id, HEAD);
    // First of all: what a newer version wrote is not applied either.
    const head = item && headFromItem(item);
    const journal = item?.journal?.S;
    if (head === undefined || journal === undefined) return head;
    const applied = Number(item?.applied?.N ?? 0);
    await applyJournal(table, { id, journal, applied, changes: await readParts(table, id, journal) });
    await tidy(table, id, head.version);
    // Somebody else may have applied it and gone on to the next version.
    return hydrate(id);
  };

  return {
    hydrate,

    async readEntry(id, generation, key) {
      return (await get(id, valueEntry(generation, key)))?.value?.S;
    },

    async listEntries(id, { generation, from, to, reverse, limit }: EntryRange): Promise<EntryPage> {
      const prefix = generationPrefix(generation);
      const range = { from: prefix + from, to: to === undefined ? endOf(prefix) : prefix + to, reverse };
      const entries: [string, string][] = [];
      if (compareKeys(range.from, range.to) >= 0) return { entries, more: false };
      for await (const item of queryEntries(table, id, { ...range, limit: limit + 1 })) {
        if (entries.length === limit) return { entries, more: true };
        entries.push([(item.entry?.S ?? "").slice(prefix.length), item.value?.S ?? ""]);
      }
      return { entries, more: false };
    },

    async commit(commit) {
      if (commit.expected === 0) await enter(table, commit.id);
      const changes: EntryChanges = new Map(
        [...commit.entries].map(([key, text]) => [valueEntry(commit.head.generation, key), text]),
      );
      return isSmall(changes)
        ? commitAtOnce(table, commit, changes)
        : commitByJournal(table, commit, changes);
    },

    async sweep(id, { generation, version }, limit) {
      const garbage: string[] = [];
      const range = { from: generationPrefix(0), to: generationPrefix(generation), limit, keysOnly: true };
      for await (const { entry } of queryEntries(table, id, range)) garbage.push(entry?.S ?? "");
      await deleteEntries(table, id, garbage);
      if (garbage.length === limit) return false;
      // What a commit that died left behind holds values of the older generations, too.
      await removeParts(table, id, version);
      return true;
    },
  };
}

function isSmall(changes: EntryChanges): boolean {
  let bytes = 0;
  for (const change of changes) bytes += changeSize(change);
  return changes.size <= TRANSACTION_CHANGES && bytes <= TRANSACTION_BYTES;
}

/*
 *   worker  enter the name ── put v1
 *
 * In this order, and not in one transaction, which costs twice as much: a crash between leaves a name without a head, which
 * whoever lists skips. Any other order could leave an instance that no list shows, for good.
 */
async function enter({ client, table, clock }: JournalTable, id: ActorId): Promise<void> {
  const Item = indexKey(id);
  await patiently(clock, () => client.send(new PutItemCommand({ TableName: table, Item })));
}

/** One conditional write: a put of the head alone, or a transaction when entries change with it. */
async function commitAtOnce(
  { client, table, clock }: JournalTable,
  commit: Commit,
  changes: EntryChanges,
): Promise<CommitResult> {
  const Put = headPut(table, commit);
  const TransactItems = [{ Put }, ...[...changes].map((change) => entryWrite(table, commit.id, change))];
  return unlessFenced(clock, () =>
    changes.size === 0
      ? client.send(new PutItemCommand(Put))
      : client.send(new TransactWriteItemsCommand({ TransactItems })),
  );
}

/** For what one transaction can't hold: the parts first, then the head that names them, then their application. */
async function commitByJournal(
  table: JournalTable,
  commit: Commit,
  changes: EntryChanges,
): Promise<CommitResult> {
  const { id, expected, head } = commit;
  const journal = await writeParts(table, { id, expected, changes });
  const flipped = await unlessFenced(table.clock, () =>
    table.client.send(new PutItemCommand(headPut(table.table, commit, journal))),
  );
  if (flipped.status === "fenced") return flipped;
  await applyJournal(table, { id, journal, changes, applied: 0 });
  await tidy(table, id, head.version);
  return flipped;
}

/** The commit has landed, whatever becomes of this: what stays behind goes with the next one. */
async function tidy(table: JournalTable, id: ActorId, version: number): Promise<void> {
  await removeParts(table, id, version).catch(() => {});
}

/*
 *   worker A  hydrate v7 ── turn ─────────────── put v8 if v7 ✗ fenced
 *   worker B        └ hydrate v7 ── turn ── put v8 if v7 ✓
 *
 * Both hold the mailbox for a moment when a lease runs out. The version lets exactly one of them through.
 */
const SAME_VERSION = "version = :expected";
/* Two workers meet an instance that was never committed: only the first one may create it. */
const NEVER_COMMITTED = "attribute_not_exists(version)";
/*
 *   worker A  put v8 with a journal ── apply …
 *   worker B         └ read v8 ✗ must apply the journal first
 *
 * A head that names a journal may be replaced only after the journal is applied and the name removed.
 */
const NO_JOURNAL = "attribute_not_exists(journal)";

function headPut(table: string, { id, expected, head }: Commit, journal?: string) {
  return {
    TableName: table,
    Item: {
      ...itemKey(id, HEAD),
      ...headToItem(head),
      ...(journal !== undefined && { journal: { S: journal } }),
    },
    ...(expected === 0
      ? { ConditionExpression: NEVER_COMMITTED }
      : {
          ConditionExpression: `${SAME_VERSION} AND ${NO_JOURNAL}`,
          ExpressionAttributeValues: { ":expected": { N: String(expected) } },
        }),
  } satisfies PutItemCommandInput;
}

/** A failed condition on the head is an answer; every other error leaves the outcome unknown. */
async function unlessFenced(clock: Clock, write: () => Promise<unknown>): Promise<CommitResult> {
  try {
    await patiently(clock, write);
    return { status: "committed" };
  } catch (error) {
    if (isHeadConditionFailed(error)) return { status: "fenced" };
    throw error;
  }
}
