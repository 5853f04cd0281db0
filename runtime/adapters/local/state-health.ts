import type { DatabaseSync } from "node:sqlite";

/** What can be told of a state file without a server. Times are in ms since the epoch. */
export interface StateHealth {
  /** What SQLite finds wrong with the file; none when it is whole. */
  readonly damage: readonly string[];
  readonly instances: number;
  /** Of one-way messages that were taken in and are not delivered yet. */
  readonly messages: { readonly count: number; readonly oldest: number | undefined };
  /** Instances that owe messages to others. */
  readonly unsent: number;
  /** Wakes that were due before a time. */
  readonly overdue: { readonly count: number; readonly oldest: number | undefined };
  readonly deadLetters: { readonly count: number; readonly oldest: number | undefined };
}

/** How many faults SQLite names at most: a damaged page brings many. */
const FAULTS = 10;

/** Looks at a state file that is open to be read; a server that has it open goes on beside it. It reads all of the file once. */
export function stateHealth(db: DatabaseSync, { dueBefore }: { dueBefore: number }): StateHealth {
  const damage = db
    .prepare(`PRAGMA integrity_check(${FAULTS})`)
    .all()
    .map(({ integrity_check }) => String(integrity_check))
    .filter((line) => line !== "ok");
  const counted = (sql: string, ...values: number[]) => {
    const row = db.prepare(sql).get(...values);
    return { count: Number(row?.count), oldest: row?.oldest == null ? undefined : Number(row.oldest) };
  };
  return {
    damage,
    instances: counted("SELECT count(*) AS count FROM heads").count,
    messages: counted("SELECT count(*) AS count, min(since) AS oldest FROM messages"),
    unsent: counted("SELECT count(*) AS count FROM heads WHERE unsent = 1").count,
    overdue: counted("SELECT count(*) AS count, min(wake) AS oldest FROM heads WHERE wake < ?", dueBefore),
    deadLetters: counted("SELECT count(*) AS count, min(since) AS oldest FROM dead_letters"),
  };
}
