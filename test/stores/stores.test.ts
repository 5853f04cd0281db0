import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, inject, test } from "vitest";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createMemoryStore } from "../../runtime/adapters/local/memory-store.ts";
import { createSqliteStore } from "../../runtime/adapters/local/sqlite-store.ts";
import { openStateFile, StateFileError } from "../../runtime/adapters/local/state-file.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import type { Commit } from "../../runtime/ports/store.ts";
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
  const file = openStateFile(join(folder, "state.db"));
  opened.push(file);
  return createSqliteStore(file);
});

describe("a SQLite state file", () => {
  const id = { type: "T", name: "one" };
  const commit = (expected: number, text: string, entries = new Map<string, string>()): Commit => ({
    id,
    expected,
    head: {
      version: expected + 1,
      inline: new Map([["k", text]]),
      spilled: entries.size > 0,
      generation: 0,
      swept: 0,
      mark: { queue: "q", sequence: "5" },
      settled: new Map([["e1", "+[1]"]]),
      outbox: [],
      alarm: undefined,
      wake: undefined,
      trial: undefined,
    },
    entries,
  });

  test("is read again after the server has closed, with the commits that still waited then", async () => {
    const file = join(folder, "reopened.db");
    const before = openStateFile(file);
    const store = createSqliteStore(before);
    const first = commit(0, "[1]", new Map([["big", "[2]"]]));
    await store.commit(first);
    const waiting = store.commit(commit(1, "[3]"));
    before.close();
    expect(await waiting).toEqual({ status: "committed" });
    const after = openStateFile(file);
    const reopened = createSqliteStore(after);
    expect(await reopened.hydrate(id)).toEqual(commit(1, "[3]").head);
    expect(await reopened.readEntry(id, 0, "big")).toBe("[2]");
    after.close();
  });

  test("that another server holds is refused", () => {
    const file = join(folder, "held.db");
    const holder = openStateFile(file);
    expect(() => openStateFile(file)).toThrow(StateFileError);
    expect(() => openStateFile(file)).toThrow(`the state file ${file} is in use by another server`);
    holder.close();
    openStateFile(file).close();
  });

  test("that is no state file is refused", () => {
    const file = join(folder, "letter.db");
    writeFileSync(file, "Dear Sir or Madam, ".repeat(100));
    expect(() => openStateFile(file)).toThrow(StateFileError);
    expect(() => openStateFile(file)).toThrow(
      `the state file ${file} can't be opened: file is not a database`,
    );
  });

  test("I5: a commit that fails halfway fails with its disk flush, writes nothing, and the next one works", async () => {
    const file = openStateFile(join(folder, "halfway.db"));
    const store = createSqliteStore(file);
    const broken = commit(0, "[1]", new Map([["big", null as unknown as string]]));
    const settled = await Promise.allSettled([
      store.commit({ ...commit(0, "[1]"), id: { type: "T", name: "two" } }),
      store.commit(broken),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await store.hydrate(id)).toBeUndefined();
    expect(await store.hydrate({ type: "T", name: "two" })).toBeUndefined();
    expect(await store.commit(commit(0, "[2]"))).toEqual({ status: "committed" });
    file.close();
  });
});

for (const [name, key] of [
  ["DynamoDB Local", "dynamoDBLocal"],
  ["the AWS endpoint's DynamoDB", "aws"],
  ["LocalStack's DynamoDB", "localstack"],
] as const) {
  describeWith(inject(key), name, ({ url }) => {
    describeStore(name, async () => {
      const client = dynamoAt(url);
      return createDynamoStore({
        client,
        table: await makeActorTable(client),
        ids: randomIds,
        clock: systemClock,
      });
    });
  });
}
