/** How a turn may end: it changed state; it changed state and sent a one-way message; it only read; it was refused before it ran. */
export type Ending = "wrote" | "sent" | "read" | "refused";

/** A message in the mailbox; its place in the list is its sequence number. */
export interface MessageSpec {
  /** The call that it asks for: messages with the same kept call are attempts at it. */
  readonly call: string;
  /** Whether the call's outcome must be findable for ever: it has an idempotency key, or is a one-way message. */
  readonly kept: boolean;
  /** Whether it has an id of its own beside its call's, and whoever runs it looks for the outcome of an earlier attempt. */
  readonly attempt: boolean;
  /** Each run ends in one of these, and another run of the same message may end in another. */
  readonly endings: readonly Ending[];
}

/** What takes part, and how much may go wrong. */
export interface Scenario {
  readonly messages: readonly MessageSpec[];
  readonly workers: number;
  /** Messages that a worker receives at most. */
  readonly batch: number;
  /** Receives after which a message goes to the dead-letter queue instead. */
  readonly receives: number;
  /** Workers that come without messages, for what the outbox holds. */
  readonly errands: number;
  readonly crashes: number;
  /** Leases that run out under a worker that goes on: it becomes a zombie. */
  readonly expiries: number;
  /** Conditional writes that time out. */
  readonly unknownCommits: number;
  /** Whether a write that timed out may land later still, after its worker has looked. */
  readonly lateCommits: boolean;
  /** Sends that time out: the message arrived, or not. */
  readonly unknownSends: number;
  readonly lostDeletes: number;
  /** Replies that can't be filed, or time out. */
  readonly lostReplies: number;
}

/** One plain envelope. */
export function plain(call: string, ...endings: Ending[]): MessageSpec {
  return { call, kept: false, attempt: false, endings };
}

/** A further attempt at a plain call, asked for by its envelope's id. */
export function again(call: string, ...endings: Ending[]): MessageSpec {
  return { call, kept: false, attempt: true, endings };
}

/** One attempt at a kept call. */
export function kept(call: string, ...endings: Ending[]): MessageSpec {
  return { call, kept: true, attempt: true, endings };
}
