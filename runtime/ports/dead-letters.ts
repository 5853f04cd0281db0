import type { Envelope } from "./mailbox.ts";

/** Where envelopes go that are given up, for the operator to see. */
export interface DeadLetters {
  /** Resolves once the envelope is durable there. Added again soon after, it is there once. `reason` is for the operator. */
  add(envelope: Envelope, reason: string): Promise<void>;
}

/** A dead letter, as it lies there. */
export interface DeadMessage {
  /** Names it there. */
  readonly messageId: string;
  /** What removes it. */
  readonly receipt: string;
  /** The text of an envelope, or of several in one message, or whatever else was found in their place. */
  readonly body: string;
  /** When it was sent first, or given up, in ms since the epoch. */
  readonly sentAt: number;
  /** Why a worker has given it up; `undefined` for what never came that far. */
  readonly reason: string | undefined;
}

/** The operator's side of the dead letters. What it gives out is hidden from others for a while. */
export interface DeadLetterQueue {
  /** Some of the messages, none when there are no more to be seen. Of a FIFO queue, nothing behind what is hidden of the same group. */
  receive(): Promise<readonly DeadMessage[]>;
  /** Makes messages visible again. */
  release(messages: readonly DeadMessage[]): Promise<void>;
  /** Removes a message. @param rest those of its envelopes that stay, as a message of their own; absent: none */
  remove(message: DeadMessage, rest?: readonly Envelope[]): Promise<void>;
  /** How many messages there are, hidden ones included; approximately. */
  count(): Promise<number>;
}
