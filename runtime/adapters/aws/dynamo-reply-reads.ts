import { BatchGetItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { IDS_PER_LOOK, type Look } from "../../core/reply-poller.ts";
import type { Clock } from "../../ports/clock.ts";
import { type Item, isCurrent, replyKey } from "./dynamo-reply-item.ts";
import { pause } from "./pause.ts";

/** How often keys are asked for that DynamoDB leaves out while it is throttled. The SDK does not try these again by itself. */
const TRIES = 5;
/** Pause before the second try, in ms; it doubles from try to try, to 0.75 s in all. */
const FIRST_PAUSE_MS = 50;

/** DynamoDB did not read a reply, however often it was asked for it. */
class ReplyUnreadError extends Error {
  override readonly name = "ReplyUnreadError";

  constructor(id: string) {
    super(
      `DynamoDB left the reply ${id} out of ${TRIES} reads: the reply table is throttled; try again later, or raise its limit`,
    );
  }
}

export interface ReplyReads {
  /** Reads at most 100 replies for the poller. */
  readonly look: Look;
  /** Which of any number of ids have a reply; strongly consistent. */
  filed(ids: readonly string[]): Promise<ReadonlySet<string>>;
}

export function createReplyReads(options: {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly clock: Clock;
}): ReplyReads {
  const { client, table, clock } = options;

  /** Items of current replies by id, and the ids that were left out. */
  const read = async (ids: readonly string[], request: { consistent: boolean; attributes?: string }) => {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({
        RequestItems: {
          [table]: {
            Keys: ids.map(replyKey),
            ConsistentRead: request.consistent,
            ...(request.attributes !== undefined && { ProjectionExpression: request.attributes }),
          },
        },
      }),
    );
    const items = new Map<string, Item>();
    for (const item of Responses?.[table] ?? []) {
      if (item.id?.S !== undefined && isCurrent(item, clock.now())) items.set(item.id.S, item);
    }
    const left = (UnprocessedKeys?.[table]?.Keys ?? []).flatMap(({ id }) => id?.S ?? []);
    return { items, left };
  };

  /** The same, strongly and patiently. */
  const readAll = async (ids: readonly string[], attributes?: string) => {
    const request = { consistent: true, ...(attributes !== undefined && { attributes }) };
    const items = new Map<string, Item>();
    let left = ids;
    for (let tries = 0; tries < TRIES && left.length > 0; tries++) {
      if (tries > 0) await pause(clock, FIRST_PAUSE_MS * 2 ** (tries - 1));
      const answer = await read(left, request);
      for (const [id, item] of answer.items) items.set(id, item);
      left = answer.left;
    }
    return { items, left };
  };

  return {
    async look(ids, consistent) {
      // What a passing look leaves out is asked for by the next one: the poller's gaps grow by themselves.
      const { items, left } = await (consistent ? readAll(ids) : read(ids, { consistent }));
      const found = new Map<string, string | Error>();
      for (const id of left) found.set(id, new ReplyUnreadError(id));
      for (const [id, item] of items) if (item.outcome?.S !== undefined) found.set(id, item.outcome.S);
      return found;
    },

    async filed(ids) {
      const all = [...new Set(ids)];
      const chunks: string[][] = [];
      for (let at = 0; at < all.length; at += IDS_PER_LOOK) chunks.push(all.slice(at, at + IDS_PER_LOOK));
      const found = await Promise.all(
        chunks.map(async (chunk) => {
          const { items, left } = await readAll(chunk, "id, expires");
          for (const id of left) throw new ReplyUnreadError(id);
          return [...items.keys()];
        }),
      );
      return new Set(found.flat());
    },
  };
}
