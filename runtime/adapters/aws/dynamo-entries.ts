import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { actorKey } from "../../core/actor-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import { itemKey } from "./actor-table.ts";
import { pause } from "./pause.ts";

interface ActorTable {
  readonly client: DynamoDBClient;
  readonly table: string;
}

export interface EntryQuery {
  /** First sort key, inclusive. */
  readonly from: string;
  /** Last sort key, exclusive. */
  readonly to: string;
  readonly reverse?: boolean;
  /** Most items wanted. */
  readonly limit?: number;
  readonly keysOnly?: boolean;
}

type Item = Record<string, AttributeValue>;

/** The items of an instance in a range of sort keys, strongly consistent, page by page. */
export async function* queryEntries(
  { client, table }: ActorTable,
  id: ActorId,
  { from, to, reverse = false, limit = Number.POSITIVE_INFINITY, keysOnly = false }: EntryQuery,
): AsyncGenerator<Item> {
  let left = limit;
  let ExclusiveStartKey: Item | undefined;
  do {
    const page = await client.send(
      new QueryCommand({
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "actor = :actor AND entry BETWEEN :from AND :to",
        ExpressionAttributeValues: { ":actor": { S: actorKey(id) }, ":from": { S: from }, ":to": { S: to } },
        ScanIndexForward: !reverse,
        ...(keysOnly && { ProjectionExpression: "entry" }),
        // BETWEEN includes its end, which is not wanted: one more.
        ...(Number.isFinite(left) && { Limit: left + 1 }),
        ...(ExclusiveStartKey && { ExclusiveStartKey }),
      }),
    );
    for (const item of page.Items ?? []) {
      if (item.entry?.S === to) continue;
      if (left-- <= 0) return;
      yield item;
    }
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey && left > 0);
}

/** Deletes entries by sort key, 25 a request; what DynamoDB leaves undone is sent again. */
export async function deleteEntries(
  { client, table, clock }: ActorTable & { readonly clock: Clock },
  id: ActorId,
  entries: readonly string[],
): Promise<void> {
  let requests = entries.map((entry) => ({ DeleteRequest: { Key: itemKey(id, entry) } }));
  for (let throttled = 0; requests.length > 0; ) {
    const { UnprocessedItems } = await client.send(
      new BatchWriteItemCommand({ RequestItems: { [table]: requests.slice(0, 25) } }),
    );
    const again = (UnprocessedItems?.[table] ?? []) as typeof requests;
    requests = [...again, ...requests.slice(25)];
    throttled = again.length > 0 ? throttled + 1 : 0;
    if (throttled > 0) await pause(clock, Math.min(50 * 2 ** throttled, 2_000));
  }
}
