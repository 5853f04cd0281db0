import { fstatSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createMemoryMessages } from "../../../runtime/adapters/local/memory-messages.ts";
import { createSqliteMessages } from "../../../runtime/adapters/local/sqlite-messages.ts";
import { createSqliteLedger } from "../../../runtime/adapters/local/sqlite-replies.ts";
import { createSqliteStore } from "../../../runtime/adapters/local/sqlite-store.ts";
import { openStateFile } from "../../../runtime/adapters/local/state-file.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import { StepClock } from "../core/fixtures.ts";
import { oneWay, stateFilePath } from "./envelopes.ts";

function open(path = stateFilePath()) {
  const file = openStateFile(path);
  onTestFinished(() => file.close());
  file.db.exec("CREATE TABLE log (text TEXT NOT NULL) STRICT");
  const insert = file.db.prepare("INSERT INTO log VALUES (?)");
  const texts = () =>
    file.db
      .prepare("SELECT text FROM log ORDER BY rowid")
      .all()
      .map(({ text }) => text);
  return { file, texts, log: (text: string | null) => file.write(() => Number(insert.run(text).changes)) };
}

test("jobs of one turn of the event loop run in order, in one transaction, after the turn", async () => {
  const { file, log, texts } = open();
  const inside: boolean[] = [];
  const asked = [
    log("a"),
    file.write(() => void inside.push(file.db.isTransaction, texts().length === 1)),
    log("b"),
  ];
  expect(texts()).toEqual([]);
  expect(await Promise.all(asked)).toEqual([1, undefined, 1]);
  expect(inside).toEqual([true, true]);
  expect(texts()).toEqual(["a", "b"]);
});

test("a transaction that fails at its very end has failed for all of its jobs", async () => {
  const { file, log, texts } = open();
  file.db.exec(`
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
  `);
  const orphan = () => file.db.prepare("INSERT INTO children VALUES (1)").run();
  const ended = await Promise.allSettled([log("a"), file.write(orphan)]);
  expect(ended.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await log("b");
  expect(texts()).toEqual(["b"]);
});

test("a job that throws fails all of its transaction, and none after it", async () => {
  const { log, texts } = open();
  const ended = await Promise.allSettled([log("a"), log(null), log("b")]);
  expect(ended.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(texts()).toEqual([]);
  expect(await log("c")).toBe(1);
  expect(texts()).toEqual(["c"]);
});

/** A file whose syncs end when the test says so. */
function openUnsynced() {
  const syncs: ((error: Error | null) => void)[] = [];
  const file = openStateFile(stateFilePath(), { sync: (_, done) => void syncs.push(done) });
  onTestFinished(() => file.close());
  const store = createSqliteStore(file);
  const id = { type: "T", name: "a" };
  const commit = (expected: number) =>
    store.commit({ id, expected, head: { ...NEW_HEAD, version: expected + 1 }, entries: new Map() });
  const until = (count: number) => expect.poll(() => syncs.length).toBe(count);
  return { file, store, id, commit, syncs, until };
}

test("I3: nobody hears of a commit before it is on disk, nor reads it; what comes meanwhile shares the next sync", async () => {
  const { store, id, commit, syncs, until } = openUnsynced();
  const told: string[] = [];
  void commit(0).then(() => told.push("first"));
  await until(1);
  void commit(1).then(() => told.push("second"));
  void Promise.resolve(store.hydrate(id)).then((head) => told.push(`read ${head?.version}`));
  await until(1);
  expect(told).toEqual([]);
  syncs[0]?.(null);
  await until(2);
  expect(told).toEqual(["first"]);
  syncs[1]?.(null);
  await expect.poll(() => told).toEqual(["first", "second", "read 1"]);
});

test("I3: when a sync fails, its commits have failed, and the file can't be used any more: it may not be on disk", async () => {
  const { store, id, commit, syncs, until } = openUnsynced();
  const first = commit(0);
  await until(1);
  const second = commit(1);
  syncs[0]?.(new Error("the disk is gone"));
  await expect(first).rejects.toThrow("the disk is gone");
  await expect(second).rejects.toThrow("not open");
  await expect(store.hydrate(id)).rejects.toThrow("finalized");
});

test("I3: a server that goes on without the file after that keeps others from it until it closes", async () => {
  const path = stateFilePath();
  const file = openStateFile(path, { sync: (_, done) => done(new Error("the disk is gone")) });
  await expect(file.write(() => file.db.exec("CREATE TABLE log (text TEXT)"))).rejects.toThrow(
    "disk is gone",
  );
  expect(() => openStateFile(path)).toThrow("in use by another server");
  file.close();
  openStateFile(path).close();
});

/** A file whose writer is alone. */
function openAlone(syncHere: (descriptor: number) => void) {
  const others: unknown[] = [];
  let alone = true;
  const file = openStateFile(stateFilePath(), {
    isAlone: () => alone,
    syncHere,
    sync: (_, done) => {
      others.push(done);
      done(null);
    },
  });
  onTestFinished(() => file.close());
  const joined = () => {
    alone = false;
  };
  return { file, others, joined };
}

test("I3: who is alone waits for the disk right there, and hears of nothing before either", async () => {
  const order: string[] = [];
  const { file, others, joined } = openAlone(() => void order.push("synced"));
  await file.write(
    () => order.push("ran"),
    () => order.push("landed"),
  );
  expect([order, others.length]).toEqual([["ran", "synced", "landed"], 0]);
  // Two jobs have two askers, whatever the process knows of them.
  await Promise.all([file.write(() => {}), file.write(() => {})]);
  expect(others.length).toBe(1);
  joined();
  await file.write(() => {});
  expect(others.length).toBe(2);
});

test("I3: when that sync fails, so has its commit, and the file can't be used any more", async () => {
  let log = { descriptor: -1, inode: -1 };
  const { file } = openAlone((descriptor) => {
    log = { descriptor, inode: fstatSync(descriptor).ino };
    throw new Error("the disk is gone");
  });
  await expect(file.write(() => {})).rejects.toThrow("the disk is gone");
  await expect(file.write(() => {})).rejects.toThrow("not open");
  expect(log.inode).toBeGreaterThan(0);
  // The number may be another file's by now.
  expect(inodeOf(log.descriptor)).not.toBe(log.inode);
});

/** Of the file that is open under this number, if one is. */
function inodeOf(descriptor: number): number | undefined {
  try {
    return fstatSync(descriptor).ino;
  } catch {
    return undefined;
  }
}

test("a file closed lands what waits, and refuses what comes later", async () => {
  const path = stateFilePath();
  const file = openStateFile(path);
  file.db.exec("CREATE TABLE log (text TEXT)");
  const job = () => file.db.prepare("INSERT INTO log VALUES ('a')").run();
  const waiting = file.write(job);
  file.close();
  await waiting;
  await expect(file.write(job)).rejects.toThrow("not open");
  const again = openStateFile(path);
  expect(again.db.prepare("SELECT text FROM log").all().length).toBe(1);
  again.close();
});

test("a file from before messages and kept replies opens, keeps its state, and takes the new things", async () => {
  const path = stateFilePath();
  const old = new DatabaseSync(path);
  old.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE heads (actor TEXT PRIMARY KEY, version INTEGER NOT NULL, head TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE entries (actor TEXT, generation INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY (actor, generation, key)) WITHOUT ROWID, STRICT;
    INSERT INTO entries VALUES ('T/a', 0, 'big', '[2]');
    INSERT INTO heads VALUES ('T/a', 4, '{"version":4,"spilled":true,"generation":0,"swept":0,"mark":{"queue":"q","sequence":"5"},"inline":[["k","[1]"]],"settled":[["e1","+[1]"]]}');
  `);
  old.close();
  const clock = new StepClock();
  for (let opening = 0; opening < 2; opening++) {
    const file = openStateFile(path);
    const store = createSqliteStore(file);
    const id = { type: "T", name: "a" };
    expect(await store.readEntry(id, 0, "big")).toBe("[2]");
    const head = await store.hydrate(id);
    expect(head).toEqual({
      version: 4 + opening,
      spilled: true,
      generation: 0,
      swept: 0,
      mark: { queue: "q", sequence: "5" },
      inline: new Map([["k", "[1]"]]),
      settled: new Map([["e1", "+[1]"]]),
      outbox: opening === 0 ? [] : ["m"],
    });
    if (!head) throw new Error("no head");
    expect(store.unsent()).toEqual(opening === 0 ? [] : [id]);
    const next = { ...head, version: head.version + 1, outbox: ["m"] };
    await store.commit({ id, expected: head.version, head: next, entries: new Map() });
    expect(store.unsent()).toEqual([id]);
    await createSqliteLedger(file, { clock }).write("=e", "+[1]");
    await createSqliteMessages(file, { clock, telemetry: { problem: () => {}, count: () => {} } }).add(
      oneWay("a", "m"),
    );
    file.close();
  }
});

const kinds = {
  memory: createMemoryMessages,
  SQLite: () => {
    const file = openStateFile(stateFilePath());
    onTestFinished(() => file.close());
    return createSqliteMessages(file, {
      clock: new StepClock(),
      telemetry: { problem: () => {}, count: () => {} },
    });
  },
};

test.each(Object.keys(kinds) as (keyof typeof kinds)[])(
  "messages keep order and content: %s",
  async (kind) => {
    const messages = kinds[kind]();
    const sent = [oneWay("b", "m2"), oneWay("a", "m1", 5.5), oneWay("b", "m3")];
    await Promise.all(sent.map((each) => messages.add(each)));
    await messages.add({ ...oneWay("z", "m1"), id: "=other" });
    expect(messages.all()).toEqual(sent);
    await messages.remove("m1");
    await messages.remove("never");
    expect(messages.all()).toEqual([sent[0], sent[2]]);
  },
);
