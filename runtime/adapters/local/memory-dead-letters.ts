import { messageId } from "../../core/envelope-id.ts";
import type { DeadLetters } from "../../ports/dead-letters.ts";
import type { Envelope } from "../../ports/mailbox.ts";

export interface MemoryDeadLetters extends DeadLetters {
  /** In the order of adding. */
  all(): { readonly envelope: Envelope; readonly reason: string }[];
}

/** Dead letters in memory: for tests, and for a server whose state may vanish. */
export function createMemoryDeadLetters(): MemoryDeadLetters {
  const letters = new Map<string, { envelope: Envelope; reason: string }>();
  return {
    async add(envelope, reason) {
      const id = messageId(envelope);
      if (!letters.has(id)) letters.set(id, { envelope, reason });
    },
    all: () => [...letters.values()],
  };
}
