import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, inject, test } from "vitest";
import { createDynamoDirectory } from "../../runtime/adapters/aws/dynamo-directory.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createMemoryStore } from "../../runtime/adapters/local/memory-store.ts";
import { createSqliteDirectory } from "../../runtime/adapters/local/sqlite-directory.ts";
import { createSqliteStore } from "../../runtime/adapters/local/sqlite-store.ts";
import { openStateFile, readStateFile } from "../../runtime/adapters/local/state-file.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { NEW_HEAD } from "../../runtime/core/state.ts";
import type { Commit } from "../../runtime/ports/store.ts";
import { describeWith } from "../endpoints/gate.ts";
import { describeDirectory } from "./directory-conformance.ts";
import { dynamoAt, makeActorTable } from "./dynamo-table.ts";

const folder = mkdtempSync(join(tmpdir(), "directory-"));
const opened: { close(): void }[] = [];
afterAll(() => {
  for (const each of opened) each.close();
  rmSync(folder, { recursive: true });
});

describeDirectory("memory", () => {
  const store = createMemoryStore();
  return { store, directory: store };
});

describeDirectory("SQLite, read beside the server", () => {
  const path = join(folder, `${opened.length}.sqlite`);
  const file = openStateFile(path);
  const reader = readStateFile(path);
  opened.push(reader, file);
  return { store: createSqliteStore(file), directory: createSqliteDirectory(reader) };
});

describe("the types of a state file", () => {
  test("are those of its heads, in order", async () => {
    const file = openStateFile(join(folder, "types.sqlite"));
    opened.push(file);
    const store = createSqliteStore(file);
    for (const type of ["T", "T0", "S", "Tt"]) {
      for (const name of ["a", "b/c"]) await store.commit(commitOf({ type, name }));
    }
    expect(await createSqliteDirectory(file.db).types()).toEqual(["S", "T", "T0", "Tt"]);
  });
});

for (const [name, key] of [
  ["DynamoDB Local", "dynamoDBLocal"],
  ["the AWS endpoint's DynamoDB", "aws"],
  ["LocalStack's DynamoDB", "localstack"],
] as const) {
  describeWith(inject(key), name, ({ url }) => {
    const client = dynamoAt(url);
    const open = async (using: { writer?: DynamoDBClient; reader?: DynamoDBClient } = {}) => {
      const { writer = client, reader = client } = using;
      const table = await makeActorTable(client);
      return {
        store: createDynamoStore({ client: writer, table, ids: randomIds, clock: systemClock }),
        directory: createDynamoDirectory({ client: reader, table, clock: systemClock, types: ["T"] }),
      };
    };
    describeDirectory(name, () => open());

    test("a page asks each bucket and the heads once, however many instances there are", async () => {
      const asked: string[] = [];
      const reader = watched(client, (command) => asked.push(command.constructor.name));
      const { store, directory } = await open({ reader });
      const ids = Array.from({ length: 300 }, (_, n) => ({ type: "T", name: `n${n}` }));
      await Promise.all(ids.map((id) => store.commit(commitOf(id))));
      const { instances, more } = await directory.list({ type: "T", prefix: "", after: "n1", limit: 50 });
      expect([instances.length, more]).toEqual([50, true]);
      expect(asked.sort()).toEqual([
        "BatchGetItemCommand",
        ...Array.from({ length: 8 }, () => "QueryCommand"),
      ]);
    });

    test("I22: a crash between the name and the first commit leaves nothing to see; the next commit does", async () => {
      const { store, directory } = await open({ writer: deafTo(client, ({ entry }) => entry === "head") });
      await expect(store.commit(commitOf({ type: "T", name: "one" }))).rejects.toThrow("lost");
      const all = { type: "T", prefix: "", after: undefined, limit: 10 };
      expect(await directory.list(all)).toEqual({ instances: [], more: false });
    });

    test("I22: without its name no instance begins", async () => {
      const { store, directory } = await open({
        writer: deafTo(client, ({ actor }) => actor.startsWith("index#")),
      });
      const id = { type: "T", name: "one" };
      await expect(store.commit(commitOf(id))).rejects.toThrow("lost");
      expect(await directory.snapshot(id)).toBeUndefined();
    });

    test("I23: values that a commit changes while they are read are read again", async () => {
      const id = { type: "T", name: "one" };
      const at = (version: number): Commit => ({
        id,
        expected: version - 1,
        head: { ...NEW_HEAD, version, spilled: true, inline: new Map([["in", `[${version}]`]]) },
        entries: new Map([["k", `[${version}]`]]),
      });
      let queries = 0;
      const place = await open({
        reader: watched(client, async (command) => {
          if (command instanceof QueryCommand && queries++ < 2) await place.store.commit(at(queries + 1));
        }),
      });
      await place.store.commit(at(1));
      const snapshot = await place.directory.snapshot(id);
      expect(Object.fromEntries(snapshot?.values ?? [])).toEqual({ in: "[3]", k: "[3]" });
      expect([snapshot?.head.version, queries]).toEqual([3, 3]);
    });

    test("I23: a journal that waits to be applied counts in a snapshot, which applies nothing", async () => {
      const id = { type: "T", name: "large" };
      let applied = 0;
      const dying = deafTo(client, (_, command) => command === "TransactWriteItemsCommand" && applied++ > 0);
      const { store, directory } = await open({ writer: dying });
      const entries = new Map(
        Array.from({ length: 250 }, (_, n) => [`k${String(n).padStart(3, "0")}`, `[${n}]`]),
      );
      await expect(
        store.commit({ id, expected: 0, head: { ...NEW_HEAD, version: 1, spilled: true }, entries }),
      ).rejects.toThrow("lost");
      const before = await directory.snapshot(id);
      expect(before?.values).toEqual(entries);
      expect(await directory.snapshot(id)).toEqual(before);
      expect(applied).toBe(2);
    });
  });
}

function commitOf(id: Commit["id"]): Commit {
  return {
    id,
    expected: 0,
    head: { ...NEW_HEAD, version: 1, inline: new Map([["k", "[1]"]]) },
    entries: new Map(),
  };
}

type Command = Parameters<DynamoDBClient["send"]>[0];

/** A client of which requests are sent on when `before` has let them pass. */
function watched(client: DynamoDBClient, before: (command: Command) => unknown): DynamoDBClient {
  const send = async (command: Command) => {
    await before(command);
    return client.send(command);
  };
  return { send } as unknown as DynamoDBClient;
}

/** A client whose writes are lost where told so. */
function deafTo(
  client: DynamoDBClient,
  isLost: (key: { actor: string; entry: string }, command: string) => boolean,
): DynamoDBClient {
  return watched(client, (command) => {
    const isPut = command instanceof PutItemCommand;
    const { actor, entry } = (isPut && command.input.Item) || {};
    const key = { actor: actor?.S ?? "", entry: entry?.S ?? "" };
    const isWrite = isPut || command instanceof TransactWriteItemsCommand;
    if (isWrite && isLost(key, command.constructor.name)) throw new Error("lost");
  });
}
