import type { ActorId } from "./mailbox.ts";

/** An instance's alarm: one at most. */
export interface Alarm {
  /** When it is due, in ms since the epoch. */
  readonly at: number;
  /** How many attempts at its handler have failed since it was set. */
  readonly retries: number;
}

/**
 * A message that may fire an alarm: it comes into the instance's mailbox when `at` has come. It is only a hint: the head says
 * whether an alarm is due.
 */
export interface Wake {
  /** In ms since the epoch. */
  readonly at: number;
  /** The version of the head whose commit counts on this wake. Together with `at` it names the wake. */
  readonly version: number;
}

/** What brings a wake into a mailbox when its time has come. */
export interface AlarmClock {
  /**
   * Resolves once the wake is durable: it comes into the mailbox at `wake.at` or soon after, whatever crashes. It may come more
   * than once, and also when the commit that it was armed for never lands. The same wake armed again is one wake.
   */
  arm(to: ActorId, wake: Wake): Promise<void>;
}
