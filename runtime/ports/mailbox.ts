/** Which instance: the actor's type (its class name) and the instance's name. */
export interface ActorId {
  readonly type: string;
  readonly name: string;
}

/** A method call in transit: the method's name and its arguments as codec text. */
export interface MethodCall {
  readonly method: string;
  readonly args: string;
}

/** A message in transit to one instance. */
export interface Envelope {
  /** Unique per envelope; the reply is filed under it. */
  readonly id: string;
  readonly to: ActorId;
  readonly call: MethodCall;
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
  /** Resolves once the envelope is durable in its instance's mailbox. */
  send(envelope: Envelope): Promise<void>;
}
