import { readFileSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createSqliteDeadLetterQueue } from "../../../runtime/adapters/local/sqlite-dead-letters.ts";
import { createSqliteMessages } from "../../../runtime/adapters/local/sqlite-messages.ts";
import { createSqliteLedger } from "../../../runtime/adapters/local/sqlite-replies.ts";
import { createSqliteStore } from "../../../runtime/adapters/local/sqlite-store.ts";
import {
  openStateFile,
  readStateFile,
  STATE_FILE_FORMAT,
  StateFileError,
} from "../../../runtime/adapters/local/state-file.ts";
import { stateFilePath } from "../adapters/envelopes.ts";
import { fixture } from "./fixture.ts";

interface Content {
  readonly userVersion: number;
  readonly schema: readonly string[];
  readonly tables: Readonly<Record<string, readonly Readonly<Record<string, SQLInputValue>>[]>>;
}

/** All four are from before files had a number: what heads could hold has grown, and the tables with it. */
const BEFORE = [1, 2, 3, 4];
const clock = {
  now: () => 1_790_000_000_000,
  after: () => () => {},
  idle: async () => {},
  quiet: async () => {},
};

/** A state file with this content, as a server has left it. */
function written({ userVersion, schema, tables }: Content): string {
  const path = stateFilePath();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL");
  for (const sql of schema) db.exec(sql);
  for (const [table, rows] of Object.entries(tables)) {
    for (const row of rows) {
      const columns = Object.keys(row);
      db.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => "?")})`).run(
        ...Object.values(row),
      );
    }
  }
  db.exec(`PRAGMA user_version = ${userVersion}`);
  db.close();
  return path;
}

const content = (number: number) => fixture<Content>(`state-file-${number}`);
const id = { type: "Account", name: "ann" };

test.each(BEFORE)(
  "I25: the state file of before, number %i, is opened with all that is in it",
  async (number) => {
    const file = openStateFile(written(content(number)));
    onTestFinished(() => file.close());
    const store = createSqliteStore(file);
    const head = await store.hydrate(id);
    expect(head).toMatchObject({
      version: 1,
      spilled: true,
      inline: new Map([
        ["balance", "[70]"],
        ["owner", '[{"name":1},"Ann"]'],
      ]),
    });
    expect(head?.outbox).toHaveLength(number >= 2 ? 1 : 0);
    expect(head?.alarm).toEqual(number >= 3 ? { at: 1_790_000_000_123, retries: 1 } : undefined);
    expect(head?.trial).toEqual(number >= 4 ? { id: "=key", starts: 2 } : undefined);
    expect(await store.readEntry(id, 0, "big")).toBe('["xxxxxxxxxxxxxxxxxxxx"]');
    expect(store.unsent()).toEqual(number >= 2 ? [id] : []);
    expect(store.wakes().map(({ wake }) => wake)).toEqual(
      number >= 3 ? [{ at: 1_790_000_000_000, version: 6 }] : [],
    );
    const telemetry = { problem: () => expect.unreachable(), count: () => {} };
    expect(
      createSqliteMessages(file, { clock, telemetry })
        .all()
        .map((each) => each.id),
    ).toEqual(number >= 2 ? ["=m1"] : []);
    expect(createSqliteLedger(file, { clock }).read("=key")).toBe(
      number >= 2 ? "0123456789ab+[70]" : undefined,
    );
    const letters = await createSqliteDeadLetterQueue(file.db, { remove: async () => {} }).receive();
    expect(letters.map(({ messageId }) => messageId)).toEqual(number >= 4 ? ["e9"] : []);
    // It goes on from there.
    const commit = {
      id,
      expected: 1,
      head: { ...(head as NonNullable<typeof head>), version: 2 },
      entries: new Map(),
    };
    expect(await store.commit(commit)).toEqual({ status: "committed" });
    expect(file.db.prepare("PRAGMA user_version").get()).toEqual({ user_version: STATE_FILE_FORMAT.written });
  },
);

test("what is made now has the tables of the newest of them, to the letter: others need another number", () => {
  const file = openStateFile(stateFilePath());
  onTestFinished(() => file.close());
  const made = file.db.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").all();
  // A column that came later stands behind the others.
  const columns = (sql: unknown) => String(sql).match(/\w+/g)?.sort();
  expect(made.map(({ sql }) => columns(sql))).toEqual(content(4).schema.map(columns));
});

test("I25: a state file of a newer form is refused, to write it and to read it, and not touched", () => {
  const path = written({ ...content(4), userVersion: STATE_FILE_FORMAT.newest + 1 });
  const before = readFileSync(path);
  for (const open of [openStateFile, readStateFile]) {
    expect(() => open(path)).toThrow(StateFileError);
    expect(() => open(path)).toThrow(
      `the state file ${path} can't be opened: it has the format 2, and this version of stateful-actors reads up to 1: run the newer version again, or leave the file to it; choose another --state folder`,
    );
  }
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("I25: a file from before it had a number can be read beside nothing else, too", () => {
  const db = readStateFile(written(content(4)));
  onTestFinished(() => db.close());
  expect(db.prepare("SELECT count(*) AS count FROM heads").get()).toEqual({ count: 1 });
});
