import { DatabaseSync } from "node:sqlite";
import { actorKey } from "../../core/actor-id.ts";
import type { Commit, CommitResult, Head, Store } from "../../ports/store.ts";

/** The state file can't be opened: another process holds it, or it is no state file. */
export class StateFileError extends Error {
  override readonly name = "StateFileError";
}

interface Waiting {
  readonly commit: Commit;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (reason: unknown) => void;
}

export interface SqliteStore extends Store {
  close(): void;
}

/**
 * A Store in one SQLite file. `synchronous=FULL`: a commit survives the loss of power. Commits that arrive in
 * one turn of the event loop share one disk flush, also those of different instances.
 *
 * @throws StateFileError
 */
export function openSqliteStore(file: string): SqliteStore {
  const db = open(file);
  const selectHead = db.prepare("SELECT head FROM heads WHERE actor = ?");
  const selectVersion = db.prepare("SELECT version FROM heads WHERE actor = ?");
  const upsertHead = db.prepare(
    "INSERT INTO heads (actor, version, head) VALUES (?, ?, ?) ON CONFLICT (actor) DO UPDATE SET version = excluded.version, head = excluded.head",
  );
  const selectEntry = db.prepare("SELECT value FROM entries WHERE actor = ? AND generation = ? AND key = ?");
  const upsertEntry = db.prepare(
    "INSERT INTO entries (actor, generation, key, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  const deleteEntry = db.prepare("DELETE FROM entries WHERE actor = ? AND generation = ? AND key = ?");
  // BINARY collation compares the bytes of UTF-8, the order that `list` promises.
  const selectRange = (order: "ASC" | "DESC") =>
    db.prepare(
      `SELECT key, value FROM entries WHERE actor = ? AND generation = ? AND key >= ? AND (? IS NULL OR key < ?) ORDER BY key ${order} LIMIT ?`,
    );
  const selectUp = selectRange("ASC");
  const selectDown = selectRange("DESC");
  const deleteGarbage = db.prepare(
    "DELETE FROM entries WHERE (actor, generation, key) IN (SELECT actor, generation, key FROM entries WHERE actor = ? AND generation < ? LIMIT ?)",
  );

  const readHead = (instance: string): Head | undefined => {
    const row = selectHead.get(instance);
    return row && headFromJson(String(row.head));
  };

  const apply = ({ id, expected, head, entries }: Commit): CommitResult => {
    const instance = actorKey(id);
    if (Number(selectVersion.get(instance)?.version ?? 0) !== expected) return { status: "fenced" };
    upsertHead.run(instance, head.version, headToJson(head));
    for (const [key, text] of entries) {
      if (text === undefined) deleteEntry.run(instance, head.generation, key);
      else upsertEntry.run(instance, head.generation, key, text);
    }
    return { status: "committed" };
  };

  let waiting: Waiting[] = [];
  const flush = () => {
    const group = waiting;
    waiting = [];
    try {
      db.exec("BEGIN IMMEDIATE");
      const results = group.map(({ commit }) => apply(commit));
      db.exec("COMMIT");
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as CommitResult);
    } catch (error) {
      rollBack(db);
      for (const { reject } of group) reject(error);
    }
  };

  return {
    async hydrate(id) {
      return readHead(actorKey(id));
    },
    async readEntry(id, generation, key) {
      const row = selectEntry.get(actorKey(id), generation, key);
      return row && String(row.value);
    },
    async listEntries(id, { generation, from, to = null, reverse, limit }) {
      const statement = reverse ? selectDown : selectUp;
      const rows = statement.all(actorKey(id), generation, from, to, to, limit + 1);
      const entries = rows.map(({ key, value }) => [String(key), String(value)] as const);
      return { entries: entries.slice(0, limit), more: entries.length > limit };
    },
    commit(commit) {
      return new Promise((resolve, reject) => {
        if (waiting.push({ commit, resolve, reject }) === 1) setImmediate(flush);
      });
    },
    async sweep(id, head, limit) {
      return Number(deleteGarbage.run(actorKey(id), head.generation, limit).changes) < limit;
    },
    close() {
      if (waiting.length > 0) flush();
      db.close();
    },
  };
}

function open(file: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    db.exec(`
      CREATE TABLE IF NOT EXISTS heads (actor TEXT PRIMARY KEY, version INTEGER NOT NULL, head TEXT NOT NULL) WITHOUT ROWID, STRICT;
      CREATE TABLE IF NOT EXISTS entries (actor TEXT, generation INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY (actor, generation, key)) WITHOUT ROWID, STRICT;
    `);
    return db;
  } catch (error) {
    db?.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StateFileError(
      /locked|busy/i.test(reason)
        ? `the state file ${file} is in use by another server; stop it, or choose another --state folder and --port`
        : `the state file ${file} can't be opened: ${reason}; choose another --state folder`,
      { cause: error },
    );
  }
}

/** Asking `db.isTransaction` first needs Node 24: before, it is undefined, and the transaction would stay open for good. */
function rollBack(db: DatabaseSync): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // There was none: SQLite has rolled it back by itself, or never began it.
  }
}

function headToJson({ inline, settled, ...rest }: Head): string {
  return JSON.stringify({ ...rest, inline: [...inline], settled: [...settled] });
}

function headFromJson(json: string): Head {
  const { inline, settled, mark, ...rest } = JSON.parse(json);
  return { ...rest, mark, inline: new Map(inline), settled: new Map(settled) };
}
