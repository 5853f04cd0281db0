/** Which instance: the actor's type (its class name) and the instance's name. */
export interface ActorId {
  readonly type: string;
  readonly name: string;
}

/** What an instance is asked to do: a method by name, or its handler for HTTP requests. Arguments are codec text. */
export interface Call {
  readonly kind: "method" | "fetch";
  readonly method: string;
  readonly args: string;
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
}

/** A place in a mailbox. Sequences compare only within one queue. */
export interface Mark {
  /** Identity of the queue that gave the sequence number. */
  readonly queue: string;
  /** Decimal digits, growing within one instance's mailbox, not consecutive. */
  readonly sequence: string;
}

/** One envelope as received: the same envelope may be delivered more than once. */
export interface Delivery {
  readonly envelope: Envelope;
  /** Absent where the queue gives no sequence numbers (some emulators). */
  readonly mark: Mark | undefined;
  /** Received before, or older than a lease: it may have been answered already. */
  readonly suspect: boolean;
}

/** The sending side of the mailboxes. */
export interface Mailbox {
  /**
   * Resolves once the envelope is durable: in its instance's mailbox, or on its way there until it is due. A call that
   * is awaited need not survive the end of this process; a one-way message must.
   */
  send(envelope: Envelope): Promise<void>;
}
