import { AsyncLocalStorage } from "node:async_hooks";
import { actorKey } from "../../core/actor-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId, Delivery, Envelope, Mailbox } from "../../ports/mailbox.ts";
import type { Telemetry } from "../../ports/telemetry.ts";

/** Most deliveries handed over at once. */
const BATCH_SIZE = 64;
/** First wait before unfinished deliveries come again, in ms; doubled each time up to the longest. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export interface LocalMailboxOptions {
  /** Identity of this mailbox's sequence numbers: fresh with every process. */
  readonly queue: string;
  /** Runs deliveries of one instance; resolves to the ones that must come again. */
  readonly consume: (id: ActorId, deliveries: readonly Delivery[]) => Promise<Delivery[]>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface LocalMailbox extends Mailbox {
  /** Resolves when no delivery is waiting or running. */
  drained(): Promise<void>;
}

/** Mailboxes within one process: one batch of an instance at a time, instances side by side. */
export function createLocalMailbox({ queue, consume, clock, telemetry }: LocalMailboxOptions): LocalMailbox {
  const waiting = new Map<string, Delivery[]>();
  const running = new Set<Promise<void>>();
  // A batch must not inherit the turn or the request that happened to send its first envelope.
  const outside = AsyncLocalStorage.snapshot();
  let sequence = 0;

  const serve = async (id: ActorId, mailbox: Delivery[]): Promise<void> => {
    // Calls that arrive together run as one batch.
    await clock.idle();
    let retryMs = FIRST_RETRY_MS;
    while (mailbox.length > 0) {
      const batch = mailbox.splice(0, BATCH_SIZE);
      const unfinished = (await consume(id, batch)).filter((delivery) =>
        stillAwaited(delivery, clock, telemetry),
      );
      if (unfinished.length === 0) {
        retryMs = FIRST_RETRY_MS;
        continue;
      }
      mailbox.unshift(...unfinished.map((delivery) => ({ ...delivery, suspect: true })));
      await new Promise<void>((resolve) => clock.after(retryMs, resolve));
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    waiting.delete(actorKey(id));
  };

  return {
    async send(envelope: Envelope) {
      const delivery: Delivery = {
        envelope,
        mark: { queue, sequence: String(++sequence) },
        suspect: false,
      };
      const key = actorKey(envelope.to);
      const mailbox = waiting.get(key);
      if (mailbox) {
        mailbox.push(delivery);
        return;
      }
      const fresh = [delivery];
      waiting.set(key, fresh);
      const serving = outside(serve, envelope.to, fresh).finally(() => running.delete(serving));
      running.add(serving);
    },
    async drained() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** This mailbox lives in memory: a delivery that failed until its caller gave up is dropped, as a crash would do. */
function stillAwaited({ envelope }: Delivery, clock: Clock, telemetry: Telemetry): boolean {
  if (clock.now() <= envelope.deadline) return true;
  telemetry.problem("delivery dropped", { type: envelope.to.type, envelope: envelope.id });
  return false;
}
