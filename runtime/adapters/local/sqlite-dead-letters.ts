import type { DatabaseSync } from "node:sqlite";
import { encodeEnvelope } from "../../core/envelope.ts";
import { messageId } from "../../core/envelope-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DeadLetterQueue, DeadLetters } from "../../ports/dead-letters.ts";
import type { StateFile } from "./state-file.ts";

/** Dead letters in the state file: they stay until somebody removes them. */
export function createSqliteDeadLetters({ db, write }: StateFile, { clock }: { clock: Clock }): DeadLetters {
  const insert = db.prepare(
    "INSERT INTO dead_letters (attempt, since, reason, envelope) VALUES (?, ?, ?, ?) ON CONFLICT (attempt) DO NOTHING",
  );
  return {
    async add(envelope, reason) {
      // Outside of the job: what throws there fails all that share its transaction.
      const row = [messageId(envelope), clock.now(), reason, encodeEnvelope(envelope)] as const;
      await write(() => insert.run(...row));
    },
  };
}

/** The dead letters of a state file that may be open to be read alone; `remove` removes one by its attempt. */
export function createSqliteDeadLetterQueue(
  db: DatabaseSync,
  { remove }: { remove: (attempt: string) => Promise<void> },
): DeadLetterQueue {
  const selectAll = db.prepare(
    "SELECT attempt, since, reason, envelope FROM dead_letters ORDER BY since, attempt",
  );
  const selectCount = db.prepare("SELECT count(*) AS count FROM dead_letters");
  let isFirst = true;
  return {
    async receive() {
      // All at once, and then none: nothing is hidden here from anybody.
      const rows = isFirst ? selectAll.all() : [];
      isFirst = false;
      return rows.map(({ attempt, since, reason, envelope }) => ({
        messageId: String(attempt),
        receipt: String(attempt),
        body: String(envelope),
        sentAt: Number(since),
        reason: String(reason),
      }));
    },
    async release() {},
    remove: ({ receipt }) => remove(receipt),
    async count() {
      return Number(selectCount.get()?.count);
    },
  };
}

/** Removes a dead letter. */
export async function removeSqliteDeadLetter({ db, write }: StateFile, attempt: string): Promise<void> {
  const statement = db.prepare("DELETE FROM dead_letters WHERE attempt = ?");
  await write(() => statement.run(attempt));
}
