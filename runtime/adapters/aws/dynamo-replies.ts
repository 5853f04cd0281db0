import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { createReplyPoller } from "../../core/reply-poller.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Replies } from "../../ports/replies.ts";
import { replyPut } from "./dynamo-reply-item.ts";
import { createReplyReads } from "./dynamo-reply-reads.ts";
import { createStash } from "./dynamo-stash.ts";

export interface DynamoRepliesOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** How long a reply can be read, in ms; DynamoDB removes it some time later. */
  readonly retentionMs: number;
}

/** Replies in a DynamoDB table. All who wait share their reads: make one of it per process and table. */
export function createDynamoReplies(options: DynamoRepliesOptions): Replies {
  const { client, table, clock, retentionMs } = options;
  const reads = createReplyReads(options);
  const stash = createStash(options);
  const poll = createReplyPoller({ clock, look: reads.look });

  return {
    async write(id, outcome) {
      const now = clock.now();
      const until = Math.min(now + retentionMs, stash.endOf(outcome));
      // Whoever comes again finds that it does not stand any more.
      if (until <= now) throw new Error(`the outcome of ${id} has expired`);
      const reply = { id, outcome, until };
      try {
        await client.send(new PutItemCommand(replyPut(table, { reply, now })));
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    stash: stash.put,
    // A head may hold a stand-in for much longer.
    stands: (outcome) => stash.endOf(outcome) > clock.now(),
    filed: reads.filed,

    async wait(ids, deadline) {
      const text = await poll(ids, deadline);
      return text === undefined ? undefined : stash.resolve(text);
    },
  };
}
