import { AsyncLocalStorage } from "node:async_hooks";
import { actorKey } from "../../core/actor-id.ts";
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId, Delivery, Envelope, Mailbox } from "../../ports/mailbox.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { Agenda } from "./agenda.ts";

/** Most deliveries handed over at once. */
const BATCH_SIZE = 64;
/** First wait before unfinished deliveries come again, in ms; doubled each time up to the longest. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/** How long a closing mailbox goes on with one-way messages, in ms: they may send others for ever. */
const CLOSING_MS = 5_000;

/** One-way messages that are not delivered yet, by their key. */
export interface Messages {
  /** Resolves once the message is durable. One that is there already stays as it is. */
  add(envelope: Envelope): Promise<void>;
  /** Resolves once the message is gone for good. */
  remove(key: string): Promise<void>;
  /** In the order of adding. */
  all(): Envelope[];
}

/** What a one-way message is known by: it may be sent more than once. */
export function messageKey({ id, attempt }: Envelope): string {
  return attempt ?? id;
}

export interface LocalMailboxOptions {
  /** Identity of this mailbox's sequence numbers: fresh with every process. */
  readonly queue: string;
  /** Runs deliveries of one instance; resolves to the ones that must come again. */
  readonly consume: (id: ActorId, deliveries: readonly Delivery[]) => Promise<Delivery[]>;
  /** Where one-way messages outlive the process. */
  readonly messages: Messages;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface LocalMailbox extends Mailbox {
  /** Delivers the messages that an earlier process has left; call it once, before anything is sent. */
  start(): void;
  /** Resolves when no delivery is waiting or running. Messages that are not due yet don't count. */
  drained(): Promise<void>;
  /**
   * Ends all that could go on for ever: what is not due yet, what fails again, and what is still sent after some seconds stays
   * in `messages`. Other deliveries go on; `drained` tells when they are done.
   */
  close(): void;
}

/**
 * Mailboxes within one process: one batch of an instance at a time, instances side by side. Awaited calls live in memory;
 * one-way messages are delivered once they are durable, and again after a crash until their delivery is finished.
 */
export function createLocalMailbox(options: LocalMailboxOptions): LocalMailbox {
  const { queue, consume, messages, clock, telemetry } = options;
  const waiting = new Map<string, Delivery[]>();
  const running = new Set<Promise<void>>();
  /** One-way messages that are in `messages` or on their way there: sent again, they are not delivered again. */
  const held = new Map<string, Promise<void>>();
  /** Instances of which a closing mailbox has left messages undelivered: nothing may overtake those. */
  const left = new Set<string>();
  /** Ends the waits before a retry. */
  const pauses = new Set<() => void>();
  const agenda = new Agenda(clock);
  // A batch must not inherit the turn or the request that happened to send its first envelope.
  const outside = AsyncLocalStorage.snapshot();
  let sequence = 0;
  let stopAt = Number.POSITIVE_INFINITY;

  const isClosing = () => stopAt !== Number.POSITIVE_INFINITY;

  const track = (work: Promise<void>): void => {
    const tracked = work.catch(() => {}).finally(() => running.delete(tracked));
    running.add(tracked);
  };

  const serve = async (id: ActorId, mailbox: Delivery[]): Promise<void> => {
    // Calls that arrive together run as one batch.
    await clock.idle();
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      if (clock.now() >= stopAt) leave(id, mailbox);
      if (mailbox.length === 0) break;
      const batch = mailbox.splice(0, BATCH_SIZE);
      const unfinished = await consume(id, batch).catch((error: unknown) => {
        telemetry.problem("batch failed", { type: id.type, reason: messageOf(error) });
        return batch;
      });
      forgetFinished(batch, unfinished);
      const again = unfinished.filter((delivery) => stillAwaited(delivery, clock, telemetry));
      if (again.length === 0) {
        retryMs = FIRST_RETRY_MS;
        continue;
      }
      mailbox.unshift(...again.map((delivery) => ({ ...delivery, suspect: true })));
      if (isClosing()) leave(id, mailbox);
      if (mailbox.length > 0) await pause(retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    waiting.delete(actorKey(id));
  };

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        cancel();
        pauses.delete(end);
        resolve();
      };
      const cancel = clock.after(ms, end);
      pauses.add(end);
    });

  const forgetFinished = (batch: readonly Delivery[], unfinished: readonly Delivery[]): void => {
    const open = new Set(unfinished.map(({ envelope }) => messageKey(envelope)));
    for (const { envelope } of batch) {
      const key = messageKey(envelope);
      if (envelope.awaited || open.has(key)) continue;
      held.delete(key);
      forget(envelope, key);
    }
  };

  /** Nothing waits for it: a second delivery is harmless. But its outcome does not stand for ever, so it must go some time. */
  const forget = (envelope: Envelope, key: string): void => {
    messages.remove(key).catch((error: unknown) => {
      const detail = { type: envelope.to.type, envelope: envelope.id, reason: messageOf(error) };
      telemetry.problem("message not removed", detail);
      agenda.add(clock.now() + LONGEST_RETRY_MS, () => {
        if (!held.has(key)) forget(envelope, key);
      });
    });
  };

  /** Gives up the instance's first one-way message and, for the order's sake, all that is behind it. */
  const leave = (id: ActorId, mailbox: Delivery[]): void => {
    const first = mailbox.findIndex(({ envelope }) => !envelope.awaited);
    if (first === -1) return;
    for (const { envelope } of mailbox.splice(first)) {
      if (envelope.awaited) telemetry.problem("delivery dropped", { type: id.type, envelope: envelope.id });
      else leaveOne(envelope);
    }
  };

  const leaveOne = ({ id, to }: Envelope): void => {
    left.add(actorKey(to));
    telemetry.problem("message left for the next start", { type: to.type, envelope: id });
  };

  const deliver = (envelope: Envelope, suspect: boolean): void => {
    const key = actorKey(envelope.to);
    if (!envelope.awaited && left.has(key)) {
      leaveOne(envelope);
      return;
    }
    const delivery: Delivery = { envelope, mark: { queue, sequence: String(++sequence) }, suspect };
    const mailbox = waiting.get(key);
    if (mailbox) {
      mailbox.push(delivery);
      return;
    }
    const fresh = [delivery];
    waiting.set(key, fresh);
    track(serve(envelope.to, fresh));
  };

  const deliverWhenDue = (envelope: Envelope, suspect: boolean): void => {
    const { due } = envelope;
    outside(() => {
      if (due === undefined || due <= clock.now()) deliver(envelope, suspect);
      else agenda.add(due, () => deliver(envelope, suspect));
    });
  };

  const keep = async (envelope: Envelope, key: string): Promise<void> => {
    try {
      await messages.add(envelope);
    } catch (error) {
      held.delete(key);
      throw error;
    }
    deliverWhenDue(envelope, false);
  };

  return {
    async send(envelope) {
      if (envelope.awaited) {
        if (left.has(actorKey(envelope.to))) {
          throw new Error(
            `the server is closing, and ${envelope.to.type} has messages for its next start; call again then`,
          );
        }
        deliverWhenDue(envelope, false);
        return;
      }
      const key = messageKey(envelope);
      let durable = held.get(key);
      if (!durable) {
        durable = keep(envelope, key);
        held.set(key, durable);
        track(durable);
      }
      await durable;
    },
    start() {
      for (const envelope of messages.all()) {
        const key = messageKey(envelope);
        if (held.has(key)) continue;
        held.set(key, Promise.resolve());
        deliverWhenDue(envelope, true);
      }
    },
    async drained() {
      while (running.size > 0) await Promise.all(running);
    },
    close() {
      if (isClosing()) return;
      stopAt = clock.now() + CLOSING_MS;
      agenda.close();
      for (const end of [...pauses]) end();
    },
  };
}

/** An awaited call lives in memory: one that failed until its caller gave up is dropped, as a crash would do. */
function stillAwaited({ envelope }: Delivery, clock: Clock, telemetry: Telemetry): boolean {
  if (!envelope.awaited || clock.now() <= envelope.deadline) return true;
  telemetry.problem("delivery dropped", { type: envelope.to.type, envelope: envelope.id });
  return false;
}
