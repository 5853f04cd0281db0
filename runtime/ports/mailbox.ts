import type { Eventual } from "./eventual.ts";

/** Which instance: the actor's type (its class name) and the instance's name. */
export interface ActorId {
  readonly type: string;
  readonly name: string;
}

/**
 * What an instance is asked to do: a method by name, or its handler for HTTP requests; or, in a wake, to see whether its alarm
 * is due. Arguments are codec text; those of a wake the version in digits.
 */
export interface Call {
  readonly kind: "method" | "fetch" | "alarm";
  readonly method: string;
  readonly args: string;
}

/** Which trace a message belongs to, as the W3C's headers of these names say it; valid, whoever has made it. */
export interface TraceContext {
  /** `traceparent`, of version 00. */
  readonly parent: string;
  /** `tracestate`. */
  readonly state?: string;
}

/** A message in transit to one instance. */
export interface Envelope {
  /** Names the call: its outcome is filed under it, however often the call is asked for. */
  readonly id: string;
  /**
   * Names this attempt at a call that may have been asked for before; `undefined` where that can't be. Whoever runs it looks
   * for the outcome of the first attempt. A refusal is filed under the attempt: it must not stand for the call.
   */
  readonly attempt: string | undefined;
  readonly to: ActorId;
  readonly call: Call;
  /** Short digest of instance and call: an id that is used again for something else is found out by it. */
  readonly fingerprint: string;
  /** Whether anybody waits for the reply; a one-way message leaves only a trace of its outcome. */
  readonly awaited: boolean;
  /** Not to be delivered before this, in milliseconds since the epoch; `undefined`: at once. */
  readonly due: number | undefined;
  /** Milliseconds since the epoch after which nobody waits for the reply any more. */
  readonly deadline: number;
  /** Keys of the instances that wait for this call, the outermost first; empty for a call from outside. */
  readonly chain: readonly string[];
  /** The trace that its sender belongs to. Nothing depends on it. */
  readonly trace?: TraceContext;
}

/** A place in a mailbox. Sequences compare only within one queue. */
export interface Mark {
  /** Identity of the queue that gave the sequence number. */
  readonly queue: string;
  /** Of the message: decimal digits, growing within one instance's mailbox, not consecutive. */
  readonly sequence: string;
  /** Of the envelope among those that lie in one message, from 0; absent: 0. */
  readonly index?: number;
}

/** One envelope as received: the same envelope may be delivered more than once. */
export interface Delivery {
  readonly envelope: Envelope;
  /** Absent where the queue gives no sequence numbers (some emulators). */
  readonly mark: Mark | undefined;
  /** Received before, or older than a lease: it may have been answered already. */
  readonly suspect: boolean;
  /**
   * How often it was received, this time included; approximately. Only what may have ended its worker counts: a mailbox that lives
   * in its worker's own process does not count what that process has survived.
   */
  readonly receives: number;
  /** When the message came into the mailbox, in ms since the epoch by the mailbox's clock; absent where it does not say. */
  readonly sentAt?: number;
}

/** The sending side of the mailboxes. */
export interface Mailbox {
  /**
   * Asked right before a call or message is made; `send` itself takes whatever a commit owes, so that nobody waits for room that
   * only he could make. Absent where mailboxes have no bounds of their own.
   *
   * @param options.inTurn whether a turn asks: it holds its instance, and others wait for it, so it comes before new work from outside
   * @throws ActorOverloadedError there is no room for it, or its deadline would come before its turn
   */
  readonly admit?: (envelope: Envelope, options: { readonly inTurn: boolean }) => void;
  /** Nobody waits for the call's answer any more: one that still waits for its turn is not run. Absent where that can't be done. */
  readonly withdraw?: (envelope: Envelope) => void;
  /**
   * Resolves once the envelope is durable: in its instance's mailbox, or on its way there until it is due. A call that
   * is awaited need not survive the end of this process; a one-way message must.
   *
   * @param options.repeatable whether somebody else may send this very envelope once more, under the same ids and without an attempt
   *   of its own, by which it could be looked up: only the mailbox can know it then
   */
  send(envelope: Envelope, options?: { readonly repeatable?: boolean }): Eventual<void>;
}
