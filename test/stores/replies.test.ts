import { expect, inject, test } from "vitest";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createLocalReplies } from "../../runtime/adapters/local/local-replies.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeReplyTable } from "./dynamo-table.ts";
import { describeReplies } from "./replies-conformance.ts";

describeReplies("in process", () => createLocalReplies(systemClock));

for (const [name, key] of [
  ["DynamoDB Local", "dynamoDBLocal"],
  ["the AWS endpoint's DynamoDB", "aws"],
] as const) {
  describeWith(inject(key), name, ({ url }) => {
    const client = dynamoAt(url);
    const options = { client, clock: systemClock, ids: randomIds, retentionMs: 60_000 };
    describeReplies(name, async () =>
      createDynamoReplies({ ...options, table: await makeReplyTable(client) }),
    );

    test("an expired reply that DynamoDB has not removed yet counts as absent", async () => {
      const table = await makeReplyTable(client);
      const past = { ...systemClock, now: () => Date.now() - 120_000 };
      await createDynamoReplies({ ...options, table, clock: past }).write("e1", "+[1]");
      const now = createDynamoReplies({ ...options, table });
      expect((await now.read(["e1"])).size).toBe(0);
      expect(await now.wait("e1", Date.now())).toBeUndefined();
    });
  });
}
