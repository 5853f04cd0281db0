import { decodeEnvelope, encodeEnvelope } from "../../core/envelope.ts";
import { messageId } from "../../core/envelope-id.ts";
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Envelope } from "../../ports/mailbox.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { Messages } from "./local-mailbox.ts";
import type { StateFile } from "./state-file.ts";

/** One-way messages in the state file, until they are delivered. */
export function createSqliteMessages(
  { db, write }: StateFile,
  { clock, telemetry }: { clock: Clock; telemetry: Telemetry },
): Messages {
  const insert = db.prepare(
    "INSERT INTO messages (attempt, id, since, envelope) VALUES (?, ?, ?, ?) ON CONFLICT (attempt) DO NOTHING",
  );
  const remove = db.prepare("DELETE FROM messages WHERE attempt = ?");
  const selectAll = db.prepare("SELECT attempt, envelope FROM messages ORDER BY position");

  forgetFinished({ db });

  return {
    async add(envelope) {
      // Outside of the job: what throws there fails all that share its transaction.
      const row = [
        messageId(envelope),
        envelope.id,
        Math.max(clock.now(), envelope.due ?? 0),
        encodeEnvelope(envelope),
      ] as const;
      await write(() => insert.run(...row));
    },
    async remove(attempt) {
      await write(() => remove.run(attempt));
    },
    all() {
      return selectAll.all().flatMap(({ attempt, envelope }): Envelope[] => {
        try {
          return [decodeEnvelope(String(envelope))];
        } catch (error) {
          // It stays in the file: the version that wrote it can read it.
          telemetry.problem("message not readable", { envelope: attempt, reason: messageOf(error) });
          return [];
        }
      });
    },
  };
}

/**
 * Removes messages whose outcome was on file when they were to be delivered, or came later: a crash hit between the outcome
 * and the removal of the message. Their second delivery would be harmless only while the outcome stands, and the
 * server may have been down for longer than that.
 */
function forgetFinished({ db }: Pick<StateFile, "db">): void {
  db.exec(
    "DELETE FROM messages WHERE EXISTS (SELECT 1 FROM replies WHERE replies.id IN (messages.id, messages.attempt) AND replies.expires > messages.since)",
  );
}
