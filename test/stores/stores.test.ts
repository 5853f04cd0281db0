import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, inject } from "vitest";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createMemoryStore } from "../../runtime/adapters/local/memory-store.ts";
import { openSqliteStore } from "../../runtime/adapters/local/sqlite-store.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable } from "./dynamo-table.ts";
import { describeStore } from "./store-conformance.ts";

const folder = mkdtempSync(join(tmpdir(), "stores-"));
const opened: { close(): void }[] = [];
afterAll(() => {
  for (const each of opened) each.close();
  rmSync(folder, { recursive: true });
});

describeStore("memory", createMemoryStore);

describeStore("SQLite", () => {
  const store = openSqliteStore(join(folder, "state.db"));
  opened.push(store);
  return store;
});

for (const [name, key] of [
  ["DynamoDB Local", "dynamoDBLocal"],
  ["the AWS endpoint's DynamoDB", "aws"],
] as const) {
  describeWith(inject(key), name, ({ url }) => {
    describeStore(name, async () => {
      const client = dynamoAt(url);
      return createDynamoStore({ client, table: await makeActorTable(client), ids: randomIds });
    });
  });
}
