import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, inject } from "vitest";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createSqliteStore } from "../../runtime/adapters/local/sqlite-store.ts";
import { openStateFile } from "../../runtime/adapters/local/state-file.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { batchSystem } from "../acceptance/batch-system.ts";
import { describeStorage, type StorageSystem } from "../acceptance/storage-suite.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable } from "./dynamo-table.ts";

const folder = mkdtempSync(join(tmpdir(), "storage-"));
const file = openStateFile(join(folder, "state.db"));
afterAll(() => {
  file.close();
  rmSync(folder, { recursive: true });
});
const onSqlite = batchSystem(createSqliteStore(file));
describeStorage("SQLite", () => onSqlite, { sessions: 1000, atOnce: 8 });

for (const [name, key, sessions] of [
  ["DynamoDB Local", "dynamoDBLocal", 1000],
  ["the AWS endpoint's DynamoDB", "aws", 1000],
  // A fifth as fast, and the engine is that of the first one.
  ["LocalStack's DynamoDB", "localstack", 150],
] as const) {
  describeWith(inject(key), name, ({ url }) => {
    let system: StorageSystem;
    beforeAll(async () => {
      const client = dynamoAt(url);
      system = batchSystem(
        createDynamoStore({
          client,
          table: await makeActorTable(client),
          ids: randomIds,
          clock: systemClock,
        }),
      );
    });
    describeStorage(name, () => system, { sessions, atOnce: 8 });
  });
}
