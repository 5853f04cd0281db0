import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { actorKey } from "../../core/actor-id.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import type { Commit, CommitResult, Head, Store } from "../../ports/store.ts";
import { headFromItem, headToItem } from "./dynamo-head.ts";

/**
 * The Store on one DynamoDB table: partition key `actor`, sort key `entry`; the head under `head`, a value of its
 * own under `v/` + key.
 */
export function createDynamoStore(client: DynamoDBClient, table: string): Store {
  return {
    async hydrate(id) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: table, Key: itemKey(id, HEAD), ConsistentRead: true }),
      );
      return Item && headFromItem(Item);
    },

    async readEntry(id, key) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: table, Key: itemKey(id, entryOf(key)), ConsistentRead: true }),
      );
      return Item?.value?.S;
    },

    async commit(commit): Promise<CommitResult> {
      try {
        if (commit.entries.size === 0) {
          await client.send(new PutItemCommand(headPut(table, commit)));
        } else {
          await client.send(
            new TransactWriteItemsCommand({ TransactItems: commitTransaction(table, commit) }),
          );
        }
        return { status: "committed" };
      } catch (error) {
        const fenced = fencedBy(error);
        if (fenced) return { status: "fenced", head: fenced.head };
        throw error;
      }
    },
  };
}

const HEAD = "head";

function entryOf(key: string): string {
  return `v/${key}`;
}

function itemKey(id: ActorId, entry: string) {
  return { actor: { S: actorKey(id) }, entry: { S: entry } };
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

/** The one conditional write of a commit that changes nothing but the head. */
function headPut(table: string, { id, expected, head }: Commit) {
  return {
    TableName: table,
    Item: { ...itemKey(id, HEAD), ...headToItem(head) },
    ...(expected === 0
      ? { ConditionExpression: NEVER_COMMITTED }
      : {
          ConditionExpression: SAME_VERSION,
          ExpressionAttributeValues: { ":expected": { N: String(expected) } },
        }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  } satisfies PutItemCommandInput;
}

/** The transaction of a commit that also changes entries; the head comes first. */
function commitTransaction(table: string, commit: Commit): TransactWriteItem[] {
  const entries = [...commit.entries].map(([key, text]): TransactWriteItem => {
    const Key = itemKey(commit.id, entryOf(key));
    if (text === undefined) return { Delete: { TableName: table, Key } };
    return { Put: { TableName: table, Item: { ...Key, value: { S: text } } } };
  });
  return [{ Put: headPut(table, commit) }, ...entries];
}

/** Whether the error says that the head had another version, and what the head is now. */
function fencedBy(error: unknown): { head: Head | undefined } | undefined {
  if (error instanceof ConditionalCheckFailedException) {
    return { head: error.Item && headFromItem(error.Item) };
  }
  if (error instanceof TransactionCanceledException) {
    const reason = error.CancellationReasons?.[0];
    if (reason?.Code === "ConditionalCheckFailed") return { head: reason.Item && headFromItem(reason.Item) };
  }
  return undefined;
}
