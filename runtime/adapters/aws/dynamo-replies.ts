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
      const reply = { id, outcome, until: now + retentionMs };
      try {
        await client.send(new PutItemCommand(replyPut(table, { reply, now })));
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    stash: stash.put,
    filed: reads.filed,

    async wait(ids, deadline) {
      const text = await poll(ids, deadline);
      return text === undefined ? undefined : stash.resolve(text);
    },
  };
}
