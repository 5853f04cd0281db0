import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { openSqliteStore } from "../../../runtime/adapters/local/sqlite-store.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import type { Commit } from "../../../runtime/ports/store.ts";

// Node 22.13, the oldest that users may have, knows neither of the two.
vi.mock("node:sqlite", async (original) => {
  const { DatabaseSync } = await original<typeof import("node:sqlite")>();
  const bare = (db: InstanceType<typeof DatabaseSync>) =>
    new Proxy(db, {
      get(target, name) {
        if (name === "isOpen" || name === "isTransaction") return undefined;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  return {
    DatabaseSync: new Proxy(DatabaseSync, { construct: (Class, [file]) => bare(new Class(file)) }),
  };
});

test("I5: a commit that SQLite refuses leaves nothing, and does not stop the ones after it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sqlite-store-"));
  const store = openSqliteStore(join(folder, "state.sqlite"));
  onTestFinished(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });
  const commit: Commit = {
    id: { type: "A", name: "a" },
    expected: 0,
    head: { ...NEW_HEAD, version: 1 },
    entries: new Map(),
  };
  const refused = { ...commit, entries: new Map([["k", Symbol("no text") as unknown as string]]) };
  await expect(store.commit(refused)).rejects.toThrow();
  expect(await store.hydrate(commit.id)).toBeUndefined();
  expect(await store.commit(commit)).toEqual({ status: "committed" });
});
