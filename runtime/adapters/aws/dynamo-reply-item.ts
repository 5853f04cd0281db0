import type { AttributeValue, PutItemCommandInput } from "@aws-sdk/client-dynamodb";

/*
 * The reply table: partition key `id`, TTL attribute `expires`.
 *
 *   <envelope id>                          a reply
 *   <envelope id>.<attempt>.<part>         a part of an outcome too large for one (dynamo-stash.ts)
 */

export type Item = Record<string, AttributeValue>;

export interface Reply {
  readonly id: string;
  /** Outcome text, a stand-in for it, or a part of it. */
  readonly outcome: string;
  /** Until when it can be read, in ms since the epoch. */
  readonly until: number;
}

export function replyKey(id: string): Item {
  return { id: { S: id } };
}

export function replyItem({ id, outcome, until }: Reply): Item {
  return { ...replyKey(id), outcome: { S: outcome }, expires: { N: String(Math.ceil(until / 1000)) } };
}

/** TTL deletes hours late: an expired reply counts as absent. */
export function isCurrent(item: Item, now: number): boolean {
  return Number(item.expires?.N) > wholeSeconds(now);
}

/*
 *   zombie  ── turn ── ✗ fenced          … or: turn that only read ── put reply ✗ ignored
 *   worker  ── turn ── commit ── put reply ✓
 *
 * Two workers may answer one envelope; a caller that looks twice must not see two answers.
 */
const NOT_ANSWERED = "attribute_not_exists(id)";

/*
 *   call with key k ── reply ✓ ── retention ends ── call with key k ── put reply ✓ ── TTL deletes, hours late
 *
 * Both calls have one id. Were the old item in the way, the second call would run and never be answered.
 */
const ANSWER_EXPIRED = "expires <= :now";

/** The write of a reply: the first one stands until it expires. */
export function replyPut(table: string, { reply, now }: { reply: Reply; now: number }): PutItemCommandInput {
  return {
    TableName: table,
    Item: replyItem(reply),
    ConditionExpression: `${NOT_ANSWERED} OR ${ANSWER_EXPIRED}`,
    ExpressionAttributeValues: { ":now": { N: String(wholeSeconds(now)) } },
  };
}

/** What `expires` is compared with: by the writer and the reader alike, so that no reply is neither absent nor there. */
function wholeSeconds(now: number): number {
  return Math.floor(now / 1000);
}
