import { DatabaseSync } from "node:sqlite";

/** The state file can't be opened: another process holds it, or it is no state file. */
export class StateFileError extends Error {
  override readonly name = "StateFileError";
}

/** The one SQLite file of a server, opened: its state, its kept replies and its one-way messages. */
export interface StateFile {
  /** For reads, and for what runs inside of `write`. */
  readonly db: DatabaseSync;
  /**
   * Runs a job that writes, in one transaction with all jobs of this turn of the event loop, in the order of asking.
   * Resolves to its result once that is on disk. When the transaction fails, all of its jobs fail and none has written.
   */
  write<T>(job: () => T): Promise<T>;
  /** Lands the jobs that still wait, then closes the file. */
  close(): void;
}

interface Job {
  /** @returns what tells the asker, once the transaction has landed */
  readonly run: () => () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Opens the file, makes it when missing, and brings an older one up to date. `synchronous=FULL`: what has landed survives
 * the loss of power.
 *
 * @throws StateFileError
 */
export function openStateFile(path: string): StateFile {
  const db = open(path);
  let waiting: Job[] = [];

  const flush = () => {
    const group = waiting;
    waiting = [];
    if (group.length === 0) return;
    try {
      db.exec("BEGIN IMMEDIATE");
      const landed = group.map(({ run }) => run());
      db.exec("COMMIT");
      for (const tell of landed) tell();
    } catch (error) {
      rollBack(db);
      for (const { reject } of group) reject(error);
    }
  };

  return {
    db,
    write(job) {
      return new Promise((resolve, reject) => {
        const run = () => {
          const result = job();
          return () => resolve(result);
        };
        if (waiting.push({ run, reject }) === 1) setImmediate(flush);
      });
    },
    close() {
      flush();
      db.close();
    },
  };
}

function open(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    db.exec("BEGIN IMMEDIATE");
    layOut(db);
    db.exec("COMMIT");
    return db;
  } catch (error) {
    db?.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StateFileError(
      /locked|busy/i.test(reason)
        ? `the state file ${path} is in use by another server; stop it, or choose another --state folder and --port`
        : `the state file ${path} can't be opened: ${reason}; choose another --state folder`,
      { cause: error },
    );
  }
}

/** Times are in ms since the epoch; they may have fractions, which a strict INTEGER refuses. */
function layOut(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE IF NOT EXISTS heads (actor TEXT PRIMARY KEY, version INTEGER NOT NULL, head TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS entries (actor TEXT, generation INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY (actor, generation, key)) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS replies (id TEXT PRIMARY KEY, outcome TEXT NOT NULL, expires REAL NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS replies_by_expiry ON replies (expires);
    CREATE TABLE IF NOT EXISTS messages (position INTEGER PRIMARY KEY, attempt TEXT NOT NULL UNIQUE, id TEXT NOT NULL, since REAL NOT NULL, envelope TEXT NOT NULL) STRICT;
  `);
  const columns = db.prepare("SELECT name FROM pragma_table_info('heads')").all();
  if (!columns.some(({ name }) => name === "unsent")) {
    db.exec("ALTER TABLE heads ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0");
  }
  // Holds only the instances with an outbox: the others pay nothing for it, and recovery reads no heads.
  db.exec("CREATE INDEX IF NOT EXISTS heads_unsent ON heads (actor) WHERE unsent = 1");
}

/** Asking `db.isTransaction` first needs Node 24: before, it is undefined, and the transaction would stay open for good. */
function rollBack(db: DatabaseSync): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // There was none: SQLite has rolled it back by itself, or never began it.
  }
}
