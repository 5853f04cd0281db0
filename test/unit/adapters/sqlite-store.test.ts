import { expect, onTestFinished, test, vi } from "vitest";
import { createSqliteStore } from "../../../runtime/adapters/local/sqlite-store.ts";
import { openStateFile } from "../../../runtime/adapters/local/state-file.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import type { Commit } from "../../../runtime/ports/store.ts";
import { stateFilePath } from "./envelopes.ts";

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

function open() {
  const file = openStateFile(stateFilePath());
  onTestFinished(() => file.close());
  return { file, store: createSqliteStore(file) };
}

const commit = (name: string, expected: number, outbox: readonly string[] = []): Commit => ({
  id: { type: "A", name },
  expected,
  head: { ...NEW_HEAD, version: expected + 1, outbox },
  entries: new Map(),
});

test("I5: a commit that SQLite refuses leaves nothing, and does not stop the ones after it", async () => {
  const { store } = open();
  const sound = commit("a", 0);
  const refused = { ...sound, entries: new Map([["k", Symbol("no text") as unknown as string]]) };
  await expect(store.commit(refused)).rejects.toThrow();
  expect(await store.hydrate(sound.id)).toBeUndefined();
  expect(await store.commit(sound)).toEqual({ status: "committed" });
});

test("the instances with an outbox are found, and only while they have one", async () => {
  const { store } = open();
  await Promise.all([
    store.commit(commit("empty", 0)),
    store.commit(commit("full", 0, ["m1", "m2"])),
    store.commit(commit("a/b", 0, ["m3"])),
    store.commit(commit("sent", 0, ["m4"])),
  ]);
  await store.commit(commit("sent", 1));
  await store.commit(commit("empty", 0, ["fenced"]));
  const names = () =>
    store
      .unsent()
      .map(({ type, name }) => `${type} ${name}`)
      .sort();
  expect(names()).toEqual(["A a/b", "A full"]);
  await store.commit(commit("full", 1, ["m5"]));
  await store.commit(commit("a/b", 1));
  expect(names()).toEqual(["A full"]);
});

test("the wakes that heads count on are found, the earliest first, and only as the heads have them now", async () => {
  const { store } = open();
  const waking = (name: string, expected: number, at: number | undefined): Commit => {
    const { head, ...rest } = commit(name, expected);
    return { ...rest, head: { ...head, wake: at === undefined ? undefined : { at, version: expected + 1 } } };
  };
  await store.commit(waking("b/c", 0, 20));
  await store.commit(waking("a", 0, 10));
  await store.commit(waking("gone", 0, 5));
  await store.commit(waking("gone", 1, undefined));
  await store.commit(waking("a", 1, 30));
  await store.commit(waking("zero", 0, 0));
  expect(store.wakes()).toEqual([
    { id: { type: "A", name: "zero" }, wake: { at: 0, version: 1 } },
    { id: { type: "A", name: "b/c" }, wake: { at: 20, version: 1 } },
    { id: { type: "A", name: "a" }, wake: { at: 30, version: 2 } },
  ]);
});

test("finding wakes takes memory for themselves, not for the values that lie in their heads", async () => {
  const { store } = open();
  const value = "x".repeat(100_000);
  const waking = (n: number): Commit => {
    const { head, ...rest } = commit(`${n}`, 0);
    const inline = new Map([["k", value]]);
    return { ...rest, head: { ...head, inline, wake: { at: n, version: 1 } } };
  };
  await Promise.all(Array.from({ length: 300 }, (_, n) => store.commit(waking(n))));
  const before = process.memoryUsage().heapUsed;
  expect(store.wakes().length).toBe(300);
  // All values together are 30 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
});

test("wakes are found by an index of their own, in its order", () => {
  const { file } = open();
  const plan = file.db
    .prepare("EXPLAIN QUERY PLAN SELECT actor, wake, head FROM heads WHERE wake IS NOT NULL ORDER BY wake")
    .all();
  expect(plan.map(({ detail }) => detail)).toEqual([expect.stringMatching(/USING INDEX heads_wake/)]);
});

test("instances with an outbox are found by an index of their own, not by reading every head", () => {
  const { file } = open();
  const plan = file.db.prepare("EXPLAIN QUERY PLAN SELECT actor FROM heads WHERE unsent = 1").all();
  expect(plan.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/USING COVERING INDEX heads_unsent/),
  ]);
});
