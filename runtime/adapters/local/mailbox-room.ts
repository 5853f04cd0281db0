import { actorKey, utf8Length } from "../../core/actor-id.ts";
import { ActorOverloadedError } from "../../core/errors.ts";
import type { Envelope } from "../../ports/mailbox.ts";

/** What may wait or run at once. */
export interface Bounds {
  readonly envelopes: number;
  /** UTF-8 bytes of arguments. */
  readonly bytes: number;
}

export interface MailboxBounds {
  /** Of one instance, from when an envelope is due. A fraction of what is for all, so that no instance takes it from the others. */
  readonly instance: Bounds;
  /** Of all instances together, messages that are not due yet included. */
  readonly all: Bounds;
}

/** Turns in progress may fill the mailboxes this much further than calls from outside. */
const TURNS_SHARE = 2;

/** What is taken of the bounds. */
class Usage {
  envelopes = 0;
  bytes = 0;

  add(sign: 1 | -1, bytes: number): void {
    this.envelopes += sign;
    this.bytes += sign * bytes;
  }

  fits({ envelopes, bytes }: Bounds, { more, share }: { more: number; share: number }): boolean {
    return this.envelopes < envelopes * share && this.bytes + more <= bytes * share;
  }
}

/**
 * The room in the mailboxes of one process. It says no before anything is sent; what is taken in is counted all the same, so
 * that what a commit owes, or an earlier process has left, keeps others out, but is never kept out itself.
 */
export class MailboxRoom {
  readonly #bounds: MailboxBounds;
  readonly #all = new Usage();
  /** By key of the instance; only of those that have any. */
  readonly #instances = new Map<string, Usage>();
  /** What is counted, with its bytes; `due`: also for its instance. */
  readonly #taken = new Map<Envelope, { readonly bytes: number; due: boolean }>();

  constructor(bounds: MailboxBounds) {
    this.#bounds = bounds;
  }

  /**
   * @throws ActorOverloadedError
   */
  check(envelope: Envelope, { inTurn }: { inTurn: boolean }): void {
    const { instance, all } = this.#bounds;
    const share = inTurn ? TURNS_SHARE : 1;
    const asked = { more: bytesOf(envelope), share };
    const own = this.#instances.get(actorKey(envelope.to));
    if (own && !own.fits(instance, asked)) throw tooMuch(envelope, { who: "this instance", ...own });
    if (!this.#all.fits(all, asked)) throw tooMuch(envelope, { who: "this server", ...this.#all });
  }

  /** An envelope is here; it counts for its instance once it is due. */
  take(envelope: Envelope): void {
    if (this.#taken.has(envelope)) return;
    const bytes = bytesOf(envelope);
    this.#taken.set(envelope, { bytes, due: false });
    this.#all.add(1, bytes);
  }

  /** An envelope lies in its mailbox. */
  due(envelope: Envelope): void {
    const taken = this.#taken.get(envelope);
    if (!taken || taken.due) return;
    taken.due = true;
    const key = actorKey(envelope.to);
    const own = this.#instances.get(key) ?? new Usage();
    own.add(1, taken.bytes);
    this.#instances.set(key, own);
  }

  /** An envelope is here no more. */
  leave(envelope: Envelope): void {
    const taken = this.#taken.get(envelope);
    if (!taken) return;
    this.#taken.delete(envelope);
    this.#all.add(-1, taken.bytes);
    if (!taken.due) return;
    const key = actorKey(envelope.to);
    const own = this.#instances.get(key);
    own?.add(-1, taken.bytes);
    if (own?.envelopes === 0) this.#instances.delete(key);
  }
}

function bytesOf({ call }: Envelope): number {
  return utf8Length(call.args);
}

function tooMuch(
  { to, call }: Envelope,
  { who, envelopes, bytes }: { who: string; envelopes: number; bytes: number },
): ActorOverloadedError {
  return new ActorOverloadedError(
    `${to.type}.${call.method} was not sent: ${envelopes} calls and messages with ${bytes} bytes of arguments wait at ${who} already; ask again a little later`,
  );
}
