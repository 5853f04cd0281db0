import type { Clock } from "../../ports/clock.ts";
import type { Replies } from "../../ports/replies.ts";

/** How long an outcome that nobody asked for yet is kept, in ms. */
const UNCLAIMED_MS = 60_000;

/** Replies within one process: the waiting side is called back at once. */
export function createLocalReplies(clock: Clock): Replies {
  const waiting = new Map<string, (outcome: string) => void>();
  const unclaimed = new Map<string, { readonly outcome: string; readonly expires: number }>();

  return {
    async write(envelopeId, outcome) {
      const waiter = waiting.get(envelopeId);
      if (waiter) {
        waiter(outcome);
        return;
      }
      if (!unclaimed.has(envelopeId))
        unclaimed.set(envelopeId, { outcome, expires: clock.now() + UNCLAIMED_MS });
      // Filed in order of time, so the expired ones are at the front.
      for (const [id, { expires }] of unclaimed) {
        if (expires > clock.now()) break;
        unclaimed.delete(id);
      }
    },
    async stash(_, outcome) {
      return outcome;
    },
    async read(envelopeIds) {
      const filed = new Map<string, string>();
      for (const id of envelopeIds) {
        const reply = unclaimed.get(id);
        if (reply) filed.set(id, reply.outcome);
      }
      return filed;
    },
    wait(envelopeId, deadline) {
      const filed = unclaimed.get(envelopeId);
      unclaimed.delete(envelopeId);
      if (filed) return Promise.resolve(filed.outcome);
      return new Promise((resolve) => {
        const cancel = clock.after(Math.max(0, deadline - clock.now()), () => {
          waiting.delete(envelopeId);
          resolve(undefined);
        });
        waiting.set(envelopeId, (outcome) => {
          cancel();
          waiting.delete(envelopeId);
          resolve(outcome);
        });
      });
    },
  };
}
