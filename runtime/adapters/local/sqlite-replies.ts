import type { Clock } from "../../ports/clock.ts";
import { type Ledger, REPLY_RETENTION_MS } from "./local-replies.ts";
import type { StateFile } from "./state-file.ts";

/** Expired rows that go with each new one: more than one, so that they get fewer; few, so that no call waits for it. */
const CLEARED_PER_WRITE = 4;

export interface SqliteLedgerOptions {
  readonly clock: Clock;
  /** How long an outcome stands, in ms; 24 hours by default. */
  readonly retentionMs?: number;
}

/** A Ledger in the state file. */
export function createSqliteLedger(
  { db, write }: StateFile,
  { clock, retentionMs = REPLY_RETENTION_MS }: SqliteLedgerOptions,
): Ledger {
  const upsert = db.prepare(
    "INSERT INTO replies (id, outcome, expires) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, expires = excluded.expires WHERE replies.expires <= ?",
  );
  const select = db.prepare("SELECT outcome FROM replies WHERE id = ? AND expires > ?");
  const selectId = db.prepare("SELECT id FROM replies WHERE id = ? AND expires > ?");
  const deleteExpired = db.prepare(
    "DELETE FROM replies WHERE id IN (SELECT id FROM replies WHERE expires <= ? ORDER BY expires LIMIT ?)",
  );

  const read = (id: string): string | undefined => {
    const row = select.get(id, clock.now());
    return row && String(row.outcome);
  };

  return {
    write(id, outcome) {
      return write(() => {
        const now = clock.now();
        const isFirst = Number(upsert.run(id, outcome, now + retentionMs, now).changes) > 0;
        deleteExpired.run(now, CLEARED_PER_WRITE);
        return isFirst ? outcome : (read(id) ?? outcome);
      });
    },
    read,
    has: (id) => selectId.get(id, clock.now()) !== undefined,
  };
}
