/**
 * How a turn may end: it changed state; it changed state and sent a one-way message; it only read; it was refused before it ran; it
 * was given up, since its runs have ended their workers, and its message must become a dead letter.
 */
export type Ending = "wrote" | "sent" | "read" | "refused" | `crashed ${number}`;

/** How a run may end: like a turn, or it takes its worker with it. */
export type RunEnding = Exclude<Ending, `crashed ${number}`> | "kills";

/**
 * An envelope in the mailbox, by itself in a message or in a pack. Its index in the list is its place: the number of its message,
 * then the index in that.
 */
export interface MessageSpec {
  /** The call that it asks for: messages with the same kept call are attempts at it. */
  readonly call: string;
  /** Whether the call's outcome must be findable for ever: it has an idempotency key, or is a one-way message. */
  readonly kept: boolean;
  /** Whether it has an id of its own beside its call's, and whoever runs it looks for the outcome of an earlier attempt. */
  readonly attempt: boolean;
  /** The mailbox that it is sent to: it waits for as many restarts. */
  readonly mailbox: number;
  /** Whether it outlives its mailbox, and comes again through the next one. */
  readonly outlives: boolean;
  /** Whether it lies in one message with the one before it. */
  readonly packed: boolean;
  /** Whether it is sent once more: the queue drops that if it knows the first one. */
  readonly copy: boolean;
  /** Each run ends in one of these, and another run of the same message may end in another. */
  readonly endings: readonly RunEnding[];
}

/** What takes part, and how much may go wrong. */
export interface Scenario {
  readonly messages: readonly MessageSpec[];
  readonly workers: number;
  /** Messages that a worker receives at most, packs or not. */
  readonly batch: number;
  /** Receives after which a message goes to the dead-letter queue instead. */
  readonly receives: number;
  /** Receives from which on the starts of runs are written down, and starts after which a message is given up. */
  readonly trial: { readonly from: number; readonly starts: number };
  /** Whether workers end a batch only when nothing is left that they could do: what they leave undone counts receives. */
  readonly diligent: boolean;
  /** Workers that come without messages, for what the outbox holds. */
  readonly errands: number;
  readonly crashes: number;
  /** How often the process ends that the mailbox and all workers are in, and begins anew: the embedded server. */
  readonly restarts: number;
  /** Batches that come to a worker of an older version, which can't read packs. */
  readonly refusals: number;
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
export function plain(call: string, ...endings: RunEnding[]): MessageSpec {
  return {
    call,
    kept: false,
    attempt: false,
    mailbox: 0,
    outlives: false,
    packed: false,
    copy: false,
    endings,
  };
}

/** Envelopes that lie in one message. */
export function pack(...specs: readonly MessageSpec[]): MessageSpec[] {
  return specs.map((spec, index) => ({ ...spec, packed: index > 0 }));
}

/** The same message sent once more. */
export function copyOf(spec: MessageSpec): MessageSpec {
  return { ...spec, packed: false, copy: true };
}

/** A further attempt at a plain call, asked for by its envelope's id. */
export function again(call: string, ...endings: RunEnding[]): MessageSpec {
  return { ...plain(call, ...endings), attempt: true };
}

/** One attempt at a kept call. */
export function kept(call: string, ...endings: RunEnding[]): MessageSpec {
  return { ...plain(call, ...endings), kept: true, attempt: true };
}

/** What is sent when the process has begun anew for the nth time. */
export function afterRestart(times: number, spec: MessageSpec): MessageSpec {
  return { ...spec, mailbox: times };
}

/** A one-way message of the embedded server: it lies in the state file until it is done. */
export function outliving(spec: MessageSpec): MessageSpec {
  return { ...spec, outlives: true };
}
