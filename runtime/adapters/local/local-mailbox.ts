import { AsyncLocalStorage } from "node:async_hooks";
import { actorKey } from "../../core/actor-id.ts";
import { Breather } from "../../core/breather.ts";
import { messageId } from "../../core/envelope-id.ts";
import { messageOf } from "../../core/errors.ts";
import { TRIAL } from "../../core/trial.ts";
import { isWake } from "../../core/wake.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId, Delivery, Envelope, Mailbox } from "../../ports/mailbox.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { Agenda } from "./agenda.ts";
import { InstanceMailbox } from "./instance-mailbox.ts";
import { type MailboxBounds, MailboxRoom } from "./mailbox-room.ts";

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

const ENDLESS = { envelopes: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
const UNBOUNDED: MailboxBounds = { instance: ENDLESS, all: ENDLESS };

export interface LocalMailboxOptions {
  /** Identity of this mailbox's sequence numbers: fresh with every process. */
  readonly queue: string;
  /** Runs deliveries of one instance; resolves to the ones that must come again. */
  readonly consume: (id: ActorId, deliveries: readonly Delivery[]) => Promise<Delivery[]>;
  /** Where one-way messages outlive the process. */
  readonly messages: Messages;
  /** What may wait; `undefined`: everything, as in a test. */
  readonly bounds?: MailboxBounds;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface LocalMailbox extends Required<Mailbox> {
  /** Delivers a wake. Resolves when that is finished, or given up by a closing mailbox: the head that counts on it stays. */
  wake(envelope: Envelope): Promise<void>;
  /**
   * Delivers the messages that an earlier process has left; call it once, before anything is sent.
   *
   * @param owing instances that get a batch without deliveries first, to send what they owe: one of its own beside their
   *   mailbox would make their turns run twice
   */
  start(owing?: readonly ActorId[]): void;
  /** How many deliveries of an instance wait or run. */
  depth(id: ActorId): number;
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
  const { queue, consume, messages, bounds = UNBOUNDED, clock, telemetry } = options;
  const waiting = new Map<string, InstanceMailbox>();
  const room = new MailboxRoom(bounds);
  const running = new Set<Promise<void>>();
  /** One-way messages that are in `messages` or on their way there: sent again, they are not delivered again. */
  const held = new Map<string, Promise<void>>();
  /** What tells that a wake is finished. */
  const wakes = new Map<Envelope, () => void>();
  /** Instances of which a closing mailbox has left messages undelivered: nothing may overtake those. */
  const left = new Set<string>();
  /** Ends the waits before a retry. */
  const pauses = new Set<() => void>();
  const agenda = new Agenda(clock);
  // A batch must not inherit the turn or the request that happened to send its first envelope.
  const outside = AsyncLocalStorage.snapshot();
  const began = clock.now();
  let sequence = 0;
  /** Deliveries that this mailbox has given up: each may have been committed and not answered, and comes no more. */
  let drops = 0;
  let stopAt = Number.POSITIVE_INFINITY;

  const isClosing = () => stopAt !== Number.POSITIVE_INFINITY;

  const track = (work: Promise<void>): void => {
    const end = () => void running.delete(tracked);
    const tracked = work.then(end, end);
    running.add(tracked);
  };

  const serve = async (id: ActorId, own: InstanceMailbox): Promise<void> => {
    const mailbox = own.waiting;
    // Calls that arrive together run as one batch.
    await clock.idle();
    const breather = new Breather(clock);
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      // Callers that ask again as soon as they are answered would keep all else from running: each batch of theirs is short.
      if (mailbox.length > 0 && breather.due) await breather.breathe();
      if (clock.now() >= stopAt) leave(mailbox);
      if (mailbox.length === 0) break;
      const begun = own.begin(BATCH_SIZE, clock.now());
      const batch = drops > 0 ? begun.map(named) : begun;
      let unfinished: readonly Delivery[] = batch;
      try {
        unfinished = await consume(id, batch);
      } catch (error) {
        telemetry.problem("batch failed", { type: id.type, reason: messageOf(error) });
      }
      own.end(batch, clock.now());
      forgetFinished(batch, unfinished);
      const again = unfinished.filter((delivery) => {
        const { envelope } = delivery;
        // An awaited call lives in memory: one that failed until its caller gave up is dropped, as a crash would do.
        const awaited = !envelope.awaited || clock.now() <= envelope.deadline;
        if (!awaited) drop(envelope);
        return awaited;
      });
      if (again.length === 0) {
        retryMs = FIRST_RETRY_MS;
        continue;
      }
      mailbox.unshift(...again.map((delivery) => ({ ...delivery, suspect: true })));
      if (isClosing()) leave(mailbox);
      if (mailbox.length > 0) await pause(retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    waiting.delete(actorKey(id));
  };

  /** A batch without deliveries, before those that come meanwhile. */
  const serveOwing = (id: ActorId): void => {
    const mailbox = new InstanceMailbox();
    waiting.set(actorKey(id), mailbox);
    const batch = consume(id, []).catch((error: unknown) => {
      telemetry.problem("batch failed", { type: id.type, reason: messageOf(error) });
    });
    track(batch.then(() => serve(id, mailbox)));
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
    const open =
      unfinished.length > 0 ? new Set(unfinished.map(({ envelope }) => messageId(envelope))) : undefined;
    for (const { envelope } of batch) {
      const key = messageId(envelope);
      if (open?.has(key)) continue;
      room.leave(envelope);
      if (isWake(envelope)) endWake(envelope);
      if (!outlives(envelope)) continue;
      held.delete(key);
      forget(envelope, key);
    }
  };

  const endWake = (envelope: Envelope): void => {
    wakes.get(envelope)?.();
    wakes.delete(envelope);
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

  /** Gives up wakes, the instance's first one-way message and, for the order's sake, all that is behind it. */
  const leave = (mailbox: Delivery[]): void => {
    const others = mailbox.filter(({ envelope }) => !isWake(envelope));
    for (const { envelope } of mailbox) if (isWake(envelope)) endWake(envelope);
    mailbox.splice(0, mailbox.length, ...others);
    const first = mailbox.findIndex(({ envelope }) => outlives(envelope));
    if (first === -1) return;
    for (const { envelope } of mailbox.splice(first)) {
      if (!outlives(envelope)) {
        drop(envelope);
        continue;
      }
      room.leave(envelope);
      leaveOne(envelope);
    }
  };

  const drop = (envelope: Envelope): void => {
    drops++;
    room.leave(envelope);
    telemetry.problem("delivery dropped", { type: envelope.to.type, envelope: envelope.id });
  };

  /** A mailbox that has dropped something counts as another one: whoever runs its next batch files what only a head may know. */
  const named = (delivery: Delivery): Delivery =>
    delivery.mark ? { ...delivery, mark: { ...delivery.mark, queue: `${queue}-${drops}` } } : delivery;

  const leaveOne = ({ id, to }: Envelope): void => {
    left.add(actorKey(to));
    telemetry.problem("message left for the next start", { type: to.type, envelope: id });
  };

  const deliver = (envelope: Envelope, suspect: boolean): void => {
    // Its delivery may have ended the process that was before this one. Whatever this process tries again it has survived.
    const came = suspect || (isWake(envelope) && (envelope.due ?? 0) < began);
    const receives = came ? TRIAL.fromReceives : 1;
    const key = actorKey(envelope.to);
    if (left.has(key)) {
      if (isWake(envelope)) endWake(envelope);
      else if (outlives(envelope)) leaveOne(envelope);
      if (!envelope.awaited) {
        room.leave(envelope);
        return;
      }
    }
    room.due(envelope);
    const delivery: Delivery = { envelope, mark: { queue, sequence: String(++sequence) }, suspect, receives };
    const mailbox = waiting.get(key);
    if (mailbox) {
      mailbox.waiting.push(delivery);
      return;
    }
    const fresh = new InstanceMailbox(delivery);
    waiting.set(key, fresh);
    track(serve(envelope.to, fresh));
  };

  const deliverWhenDue = (envelope: Envelope, suspect: boolean): void => {
    const { due } = envelope;
    room.take(envelope);
    outside(() => {
      if (due === undefined || due <= clock.now()) deliver(envelope, suspect);
      else agenda.add(due, () => deliver(envelope, suspect));
    });
  };

  const keep = async (envelope: Envelope, key: string): Promise<void> => {
    room.take(envelope);
    if ((envelope.due ?? 0) <= clock.now()) room.due(envelope);
    try {
      await messages.add(envelope);
    } catch (error) {
      room.leave(envelope);
      held.delete(key);
      throw error;
    }
    deliverWhenDue(envelope, false);
  };

  return {
    admit(envelope, options) {
      // Sent again, it takes no more room.
      if (!envelope.awaited && held.has(messageId(envelope))) return;
      room.check(envelope, options);
      if (envelope.awaited) waiting.get(actorKey(envelope.to))?.checkPace(envelope, clock.now());
    },
    withdraw(envelope) {
      if (waiting.get(actorKey(envelope.to))?.withdraw(envelope)) room.leave(envelope);
    },
    send(envelope) {
      if (envelope.awaited) {
        if (left.has(actorKey(envelope.to))) {
          const reason = `the server is closing, and ${envelope.to.type} has messages for its next start; call again then`;
          return Promise.reject(new Error(reason));
        }
        return deliverWhenDue(envelope, false);
      }
      const key = messageId(envelope);
      const known = held.get(key);
      if (known) return known;
      const durable = keep(envelope, key);
      held.set(key, durable);
      track(durable);
      return durable;
    },
    async wake(envelope) {
      const finished = new Promise<void>((resolve) => void wakes.set(envelope, resolve));
      outside(() => deliver(envelope, false));
      await finished;
    },
    start(owing = []) {
      outside(() => owing.forEach(serveOwing));
      for (const envelope of messages.all()) {
        const key = messageId(envelope);
        if (held.has(key)) continue;
        held.set(key, Promise.resolve());
        deliverWhenDue(envelope, true);
      }
    },
    depth: (id) => waiting.get(actorKey(id))?.depth ?? 0,
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

/** Whether a message must outlive this process. An awaited call lives in memory, and wakes are made from the heads. */
function outlives(envelope: Envelope): boolean {
  return !envelope.awaited && !isWake(envelope);
}
