import { randomUUID } from "node:crypto";
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import { sdkOptions } from "../endpoints/aws.ts";

export function dynamoAt(url: string): DynamoDBClient {
  return new DynamoDBClient(sdkOptions(url));
}

/** A fresh actor table. */
export function makeActorTable(client: DynamoDBClient): Promise<string> {
  return makeTable(client, ["actor", "entry"]);
}

/** A fresh reply table. */
export function makeReplyTable(client: DynamoDBClient): Promise<string> {
  return makeTable(client, ["id"]);
}

async function makeTable(client: DynamoDBClient, [hash, range]: [string, string?]): Promise<string> {
  const TableName = `t-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [hash, ...(range ? [range] : [])].map((AttributeName) => ({
        AttributeName,
        AttributeType: "S",
      })),
      KeySchema: [
        { AttributeName: hash, KeyType: "HASH" },
        ...(range ? [{ AttributeName: range, KeyType: "RANGE" as const }] : []),
      ],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 300 }, { TableName });
  return TableName;
}
