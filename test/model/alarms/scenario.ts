/**
 * How a call may end: it set the alarm to a time; it deleted the alarm; it wrote something else; it only read, or was refused, so
 * that there is nothing to commit.
 */
export type CallEnding = number | "deletes" | "writes" | "reads";

/** How a handler ends: it succeeds, it fails, or it succeeds and sets the alarm to a time. */
export type HandlerEnding = "succeeds" | "fails" | number;

/** What takes part, and how much may go wrong. */
export interface Scenario {
  /** How each call may end, in their order; another run of the same call may end in another way. */
  readonly calls: readonly (readonly CallEnding[])[];
  /** How each attempt may end. The handler of an alarm that a handler has set sets no other. */
  readonly handler: readonly HandlerEnding[];
  /** Attempts at a handler that fails. */
  readonly tries: number;
  readonly workers: number;
  /** Messages that a worker receives at most. */
  readonly batch: number;
  readonly crashes: number;
  /** Leases that run out under a worker that goes on: it becomes a zombie. */
  readonly expiries: number;
  /** Commits that time out, and land much later, or never. */
  readonly unknownCommits: number;
  /** Arms that time out: the wake is on its way, or not. */
  readonly unknownArms: number;
  /** Wakes that come once more. */
  readonly copies: number;
  /** Wakes that come before their time. */
  readonly early: number;
  readonly lostDeletes: number;
}
