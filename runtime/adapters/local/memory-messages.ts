import { messageId } from "../../core/envelope-id.ts";
import type { Envelope } from "../../ports/mailbox.ts";
import type { Messages } from "./local-mailbox.ts";

/** One-way messages in memory: for tests, and for a server whose messages may vanish. */
export function createMemoryMessages(): Messages {
  const messages = new Map<string, Envelope>();
  return {
    async add(envelope) {
      const attempt = messageId(envelope);
      if (!messages.has(attempt)) messages.set(attempt, envelope);
    },
    async remove(attempt) {
      messages.delete(attempt);
    },
    all: () => [...messages.values()],
  };
}
