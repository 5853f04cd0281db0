import { closeSync, fdatasync, fdatasyncSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ActorFormatError, messageOf } from "../../core/errors.ts";
import { ageOf, type Format, newerFormat } from "../../core/format.ts";

/**
 * The tables of a state file and the texts in them: heads, envelopes and outcomes, so that a new form of one of these is a new form of the
 * file. SQLite keeps the number (`user_version`); 0 is in files from before there was one, which are of the first form, and in new ones.
 */
export const STATE_FILE_FORMAT: Format = {
  what: "it",
  oldest: 0,
  newest: 1,
  written: 1,
  cure: "run the newer version again, or leave the file to it",
  effect: "refused",
};

/** The state file can't be opened: another process holds it, or it is no state file. */
export class StateFileError extends Error {
  override readonly name = "StateFileError";
}

/** Another process writes to the state file. */
export class StateFileHeldError extends StateFileError {}

/** In the place of a path, as SQLite calls it: nothing is written, and all is gone when it is closed. */
export const IN_MEMORY = ":memory:";

/** Whether a state file is none. */
export function isInMemory(path: string): boolean {
  return path === IN_MEMORY;
}

/** How long a reader may keep a server from opening or closing the file, in ms; at no other time does one wait for the other. */
const PATIENCE_MS = 5_000;

/** The one SQLite file of a server, opened: its state, its kept replies, its one-way messages and its dead letters. */
export interface StateFile {
  /** For reads, and for what runs inside of `write`. */
  readonly db: DatabaseSync;
  /**
   * Runs a job that writes, in one transaction with all jobs that wait, in the order of asking. Resolves to its result once that is on
   * disk. When the transaction fails, all of its jobs fail and none has written.
   *
   * @param landed called with the result as soon as it is on disk, before any other code runs
   */
  write<T>(job: () => T, landed?: (result: T) => void): Promise<T>;
  /** Resolves when everything that can be read from `db` by now is on disk. */
  durable(): Promise<void>;
  /** Lands the jobs that still wait, then closes the file. */
  close(): void;
}

interface Job {
  /** @returns what tells the asker, once the transaction is on disk */
  readonly run: () => Told;
  readonly reject: (reason: unknown) => void;
}

interface Told {
  readonly landed: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface StateFileOptions {
  /**
   * Whether nothing else goes on in this process than what asks for a write. Then the disk is waited for right here: another thread would
   * cost two changes of threads, about 100 µs, and nobody can use the time.
   */
  readonly isAlone?: () => boolean;
  /** Brings a file's data to the disk, and calls back. */
  readonly sync?: (descriptor: number, done: (error: Error | null) => void) => void;
  /** Brings a file's data to the disk. */
  readonly syncHere?: (descriptor: number) => void;
}

/**
 * Opens the file, makes it when missing, and brings an older one up to date.
 *
 * What has landed survives the loss of power, as with `synchronous=FULL`: that is `synchronous=NORMAL` and a sync of the write-ahead log
 * after each commit. The sync is made here instead, beside the event loop: turns run on while the disk works, and the
 * commits that they make meanwhile share the next one.
 *
 * @throws StateFileError
 */
export function openStateFile(
  path: string,
  { isAlone = () => false, sync = fdatasync, syncHere = fdatasyncSync }: StateFileOptions = {},
): StateFile {
  const { db, lock } = open(path);
  const log = isInMemory(path) ? undefined : openSync(`${path}-wal`, "r+");
  const begin = db.prepare("BEGIN IMMEDIATE");
  const end = db.prepare("COMMIT");
  let waiting: Job[] = [];
  /** In transactions that are committed, and not on disk for certain. */
  let committed: Told[] = [];
  let syncing = false;
  let isOpen = true;

  const closeDb = () => {
    if (!isOpen) return;
    isOpen = false;
    db.close();
  };

  /** Runs all that waits in one transaction. @returns how many jobs it had */
  const commit = (): number => {
    const group = waiting;
    waiting = [];
    if (group.length === 0) return 0;
    try {
      if (!isOpen) throw new Error("the state file is not open any more");
      begin.run();
      const told = group.map(({ run }) => run());
      end.run();
      committed.push(...told);
    } catch (error) {
      rollBack(db);
      for (const { reject } of group) reject(error);
    }
    return group.length;
  };

  const tell = (error: Error | null) => {
    const group = committed;
    committed = [];
    // What the file says may not be on disk, and nobody can tell any more: nothing is read from it, or written to it, until a restart.
    if (error) closeDb();
    for (const { landed, reject } of group) error ? reject(error) : landed();
  };

  const closeLog = () => {
    if (log !== undefined) closeSync(log);
  };

  /** While one sync is under way, jobs wait for the next. */
  const flush = () => {
    if (syncing) return;
    const jobs = commit();
    if (committed.length === 0) return;
    if (log === undefined) return tell(null);
    syncing = true;
    const synced = (error: Error | null) => {
      syncing = false;
      tell(error);
      if (!isOpen) closeLog();
      flush();
    };
    if (jobs === 1 && isAlone()) synced(thrownBy(() => syncHere(log)));
    else sync(log, synced);
  };

  const write = <T>(job: () => T, landed?: (result: T) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      const run = () => {
        const result = job();
        return {
          landed: () => {
            landed?.(result);
            resolve(result);
          },
          reject,
        };
      };
      if (waiting.push({ run, reject }) === 1 && !syncing) setImmediate(flush);
    });

  return {
    db,
    write,
    async durable() {
      if (committed.length > 0) await write(() => {});
    },
    close() {
      if (isOpen) {
        commit();
        if (committed.length > 0 && log !== undefined) fdatasyncSync(log);
        tell(null);
        closeDb();
        if (!syncing) closeLog();
      }
      // Also after a failure only now: a server that goes on without the file must not have another one beside it.
      if (lock?.isOpen) lock.close();
    },
  };
}

/** What `work` throws, or `null`. */
function thrownBy(work: () => void): Error | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

/**
 * Opens the file to read it, also while a server has it open, which does not notice: what is read is what it has committed.
 *
 * @throws StateFileError
 */
export function readStateFile(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
  } catch (error) {
    db?.close();
    throw notOpened(path, error);
  }
  try {
    checkFormat(db);
    return db;
  } catch (error) {
    db.close();
    // What is no database is found out by whoever reads it first.
    throw error instanceof ActorFormatError ? notOpened(path, error) : error;
  }
}

function open(path: string): { db: DatabaseSync; lock: DatabaseSync | undefined } {
  const lock = isInMemory(path) ? undefined : hold(path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
    checkFormat(db);
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    db.exec("BEGIN IMMEDIATE");
    layOut(db);
    db.exec("COMMIT");
    db.exec("PRAGMA synchronous = NORMAL");
    return { db, lock };
  } catch (error) {
    db?.close();
    lock?.close();
    throw notOpened(path, error);
  }
}

/**
 * One process at a time writes. It holds a second file that nobody needs to read, since a lock of the state file itself would
 * keep readers out; when the process ends, however it does, the lock ends with it.
 *
 * @throws StateFileError
 */
function hold(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(`${path}.lock`);
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if (!/locked|busy/i.test(messageOf(error))) throw notOpened(path, error);
    throw new StateFileHeldError(
      `the state file ${path} is in use by another server; stop it, or choose another --state folder and --port`,
      { cause: error },
    );
  }
}

/** @throws ActorFormatError a newer version has written the file; nothing in it is touched */
function checkFormat(db: DatabaseSync): void {
  const format = formatOf(db);
  if (ageOf(STATE_FILE_FORMAT, format) === "newer") throw newerFormat(STATE_FILE_FORMAT, format);
}

function formatOf(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.user_version);
}

function notOpened(path: string, cause: unknown): StateFileError {
  return new StateFileError(
    `the state file ${path} can't be opened: ${messageOf(cause)}; choose another --state folder`,
    { cause },
  );
}

/** Times are in ms since the epoch; they may have fractions, which a strict INTEGER refuses. */
function layOut(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE IF NOT EXISTS heads (actor TEXT PRIMARY KEY, version INTEGER NOT NULL, head TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS entries (actor TEXT, generation INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY (actor, generation, key)) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS replies (id TEXT PRIMARY KEY, outcome TEXT NOT NULL, expires REAL NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS replies_by_expiry ON replies (expires);
    CREATE TABLE IF NOT EXISTS messages (position INTEGER PRIMARY KEY, attempt TEXT NOT NULL UNIQUE, id TEXT NOT NULL, since REAL NOT NULL, envelope TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS dead_letters (attempt TEXT PRIMARY KEY, since REAL NOT NULL, reason TEXT NOT NULL, envelope TEXT NOT NULL) STRICT;
  `);
  const columns = db.prepare("SELECT name FROM pragma_table_info('heads')").all();
  for (const [column, type] of Object.entries({ unsent: "INTEGER NOT NULL DEFAULT 0", wake: "REAL" })) {
    if (!columns.some(({ name }) => name === column))
      db.exec(`ALTER TABLE heads ADD COLUMN ${column} ${type}`);
  }
  // These hold only the instances with an outbox, or a wake: the others pay nothing for it, and recovery reads no other heads.
  db.exec("CREATE INDEX IF NOT EXISTS heads_unsent ON heads (actor) WHERE unsent = 1");
  db.exec("CREATE INDEX IF NOT EXISTS heads_wake ON heads (wake) WHERE wake IS NOT NULL");
  const { written } = STATE_FILE_FORMAT;
  if (formatOf(db) !== written) db.exec(`PRAGMA user_version = ${written}`);
}

/** Asking `db.isTransaction` first needs Node 24: before, it is undefined, and the transaction would stay open for good. */
function rollBack(db: DatabaseSync): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // There was none: SQLite has rolled it back by itself, or never began it.
  }
}
