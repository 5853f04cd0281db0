/** What goes wrong and is counted, always: an alarm of the operator's may stand on each. */
export type ProblemMetric =
  /** Attempts at an alarm that threw. */
  | "AlarmsFailed"
  /** Alarms that are gone after their last attempt. */
  | "AlarmsDropped"
  /** Batches that did not go through: the store or the queue failed, or a lease was over. What is not done comes again. */
  | "BatchesInterrupted"
  /** Calls that were sent, and whose caller got no answer in time. */
  | "CallsUnanswered"
  /** Commits that found another worker's in their place. */
  | "Conflicts"
  /** Calls that were given up, as they ended their worker each time. */
  | "EnvelopesCrashed"
  /** Messages that are no envelope that this version understands. */
  | "EnvelopesRefused"
  /** Delayed messages that could not be moved to their mailbox; each try counts. */
  | "MessagesNotForwarded"
  /** What a newer version has written, and this one leaves to it: messages, and batches whose head is newer. Each try counts. */
  | "NewerFormats"
  /** Messages that were received before. */
  | "Redeliveries"
  /** Requests at a front door that failed for a reason which their client was not told. */
  | "RequestsFailed"
  /** Turns of which user code threw or ran over its budget. */
  | "TurnsFailed";

/** What is measured of work that goes well. */
export type WorkMetric =
  /** How late an attempt at an alarm begins, in ms. */
  | "AlarmDelay"
  /** Commits, each of one turn or several. */
  | "Commits"
  /** Batches that read an instance's state, as this worker did not have it. */
  | "HydrationsCold"
  /** Batches that found the instance's state in this worker's memory. */
  | "HydrationsWarm"
  /** From when a message came into its mailbox until its turn begins, in ms. */
  | "QueueAge"
  /** How long a caller waited for the reply after it had sent its message, in ms. */
  | "ReplyWait"
  /** How long user code ran in a turn, in ms. */
  | "TurnTime";

/** Which instance, as far as it is known. */
export interface Subject {
  /** The name of an actor class that is deployed here. */
  readonly type?: string;
  /** The name of an instance. It may be a person's: an adapter shows it only where that is allowed. */
  readonly name?: string;
}

/** What a problem is about: who, and whatever else is known of it. It holds no values of actors, but for what user code itself throws. */
export interface ProblemDetail extends Subject, Readonly<Record<string, unknown>> {
  /** Keys of the instances that wait for it: their names may be in `reason`. */
  readonly chain?: readonly string[];
}

/** Takes what is measured. It must be cheap: turns call it. */
export interface Meter {
  add(metric: WorkMetric, value: number, of: Subject): void;
}

/** What an operator should know; never a caller's concern. */
export interface Telemetry {
  /** Something went wrong that the system handled by itself. */
  problem(what: string, detail: ProblemDetail): void;
  /**
   * Something that is counted has happened.
   *
   * @param detail.type the type of the actor, where it is known
   * @param detail.times how often; once unless it says so
   */
  count(metric: ProblemMetric, detail: { readonly type?: string; readonly times?: number }): void;
  /** Absent where nobody adds it up: then nothing is measured. */
  readonly work?: Meter | undefined;
}
