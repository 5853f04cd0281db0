import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { replyWaits } from "../../core/reply-wait.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Replies } from "../../ports/replies.ts";

/** Part of a stashed outcome, in UTF-16 units: at most three bytes each, well below the 400 KB of an item. */
const PART_LENGTH = 120_000;
/** First character of a text that stands for stashed parts; outcome text begins otherwise. */
const STASHED = "@";

export interface DynamoRepliesOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** How long a reply can be read, in ms; DynamoDB removes it some time later. */
  readonly retentionMs: number;
}

/** The reply table: partition key `id`, TTL attribute `expires`. */
export function createDynamoReplies(options: DynamoRepliesOptions): Replies {
  const { client, table, clock, ids, retentionMs } = options;
  const expires = () => Math.ceil((clock.now() + retentionMs) / 1000);

  /** TTL deletes hours late: an expired reply counts as absent. */
  const current = (item: Record<string, AttributeValue> | undefined): string | undefined =>
    item && Number(item.expires?.N) * 1000 > clock.now() ? item.outcome?.S : undefined;

  const look = async (id: string, consistent: boolean): Promise<string | undefined> => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: { id: { S: id } }, ConsistentRead: consistent }),
    );
    return current(Item);
  };

  const unstash = async (outcome: string): Promise<string> => {
    if (!outcome.startsWith(STASHED)) return outcome;
    const [prefix = "", count = ""] = outcome.slice(STASHED.length).split(":");
    const parts = await Promise.all(
      Array.from({ length: Number(count) }, async (_, index) => {
        const part = await look(partId(prefix, index), true);
        if (part === undefined) throw new Error(`part ${index} of reply ${prefix} is missing`);
        return part;
      }),
    );
    return parts.join("");
  };

  return {
    async write(envelopeId, outcome) {
      try {
        await client.send(new PutItemCommand(replyPut(table, { envelopeId, outcome, expires: expires() })));
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    async stash(envelopeId, outcome) {
      // Two attempts may stash different outcomes; each has parts of its own.
      const prefix = `${envelopeId}.${ids.next()}`;
      const parts = split(outcome);
      await Promise.all(
        parts.map((part, index) =>
          client.send(
            new PutItemCommand({
              TableName: table,
              Item: replyItem({ envelopeId: partId(prefix, index), outcome: part, expires: expires() }),
            }),
          ),
        ),
      );
      return `${STASHED}${prefix}:${parts.length}`;
    },

    async read(envelopeIds) {
      const filed = new Map<string, string>();
      let keys = [...new Set(envelopeIds)].map((id) => ({ id: { S: id } }));
      while (keys.length > 0) {
        const { Responses, UnprocessedKeys } = await client.send(
          new BatchGetItemCommand({
            RequestItems: { [table]: { Keys: keys.slice(0, 100), ConsistentRead: true } },
          }),
        );
        for (const item of Responses?.[table] ?? []) {
          const outcome = current(item);
          if (outcome !== undefined && item.id?.S !== undefined) filed.set(item.id.S, await unstash(outcome));
        }
        const again = (UnprocessedKeys?.[table]?.Keys ?? []) as typeof keys;
        keys = [...again, ...keys.slice(100)];
      }
      return filed;
    },

    async wait(envelopeId, deadline) {
      for (const gap of replyWaits()) {
        const left = deadline - clock.now();
        const last = left <= gap;
        await new Promise<void>((resolve) => clock.after(Math.max(0, Math.min(gap, left)), resolve));
        const outcome = await look(envelopeId, last);
        if (outcome !== undefined) return unstash(outcome);
        if (last) return undefined;
      }
      return undefined;
    },
  };
}

interface Reply {
  readonly envelopeId: string;
  readonly outcome: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

/*
 *   zombie  ── turn ── ✗ fenced          … or: turn that only read ── put reply ✗ ignored
 *   worker  ── turn ── commit ── put reply ✓
 *
 * Two workers may answer one envelope; a caller that looks twice must not see two answers.
 */
const NOT_ANSWERED = "attribute_not_exists(id)";

/** The write of a reply: the first one stands. */
function replyPut(table: string, reply: Reply): PutItemCommandInput {
  return { TableName: table, Item: replyItem(reply), ConditionExpression: NOT_ANSWERED };
}

function replyItem({ envelopeId, outcome, expires }: Reply) {
  return { id: { S: envelopeId }, outcome: { S: outcome }, expires: { N: String(expires) } };
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
