import { inject } from "vitest";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createLocalReplies } from "../../runtime/adapters/local/local-replies.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeReplyTable } from "./dynamo-table.ts";
import { describeReplies } from "./replies-conformance.ts";

/** So long that what a test does takes no part of it. */
const RETENTION_MS = 24 * 3_600_000;

describeReplies("in process", { open: createLocalReplies, retentionMs: RETENTION_MS });

for (const [name, key] of [
  ["DynamoDB Local", "dynamoDBLocal"],
  ["the AWS endpoint's DynamoDB", "aws"],
  ["LocalStack's DynamoDB", "localstack"],
] as const) {
  describeWith(inject(key), name, ({ url }) => {
    const client = dynamoAt(url);
    describeReplies(name, {
      // Neither has a TTL at work: what expires stays where it is, as it does on AWS for hours.
      open: async (clock) =>
        createDynamoReplies({
          client,
          table: await makeReplyTable(client),
          clock,
          ids: randomIds,
          retentionMs: RETENTION_MS,
        }),
      retentionMs: RETENTION_MS,
    });
  });
}
