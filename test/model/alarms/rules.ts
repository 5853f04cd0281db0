/**
 * The rules of the protocol. Each can be broken, to see that the search notices. Not among them is what turned out to save work
 * only: a wake that the head's mark has passed goes unjudged, the head keeps the wake of a deleted alarm, and the head's own wake is told
 * from others by its time and its version (either would do, since what is taken for the head's own is never just dropped).
 */
export interface Rules {
  /** A commit lands only on the version that its worker knows. */
  readonly fence: boolean;
  /** What the head's mark has passed never runs. */
  readonly mark: boolean;

  /** A wake is on its way before the commit that counts on it. */
  readonly armBeforeCommit: boolean;
  /** A commit whose wake may not be on its way is given up. */
  readonly giveUpUnknownArms: boolean;
  /** A wake carries the version that its commit makes, not the one it is made from. */
  readonly armForNextVersion: boolean;
  /** What names a wake: a second one of the same name may be swallowed. */
  readonly wakeName: "time and version" | "time" | "version";
  /** The wake in the head will do when it comes no later than the alarm is due. */
  readonly enough: "no later" | "no earlier";

  /** A wake is judged when the turns before it are committed. */
  readonly judgeAfterCommit: boolean;
  /** The handler runs when the alarm is due, not when a wake comes. */
  readonly dueOnly: boolean;
  /** A commit fences off the worker that may yet commit, counting on a wake that is given up. */
  readonly fenceUnborn: boolean;
  /** A wake that did its work leaves the head. */
  readonly takeOut: boolean;
  /** A wake that came early is replaced. */
  readonly rearm: boolean;
  /** The commit of a handler that succeeded removes its alarm. */
  readonly removeFired: boolean;
  /** A wake is deleted after its commit. */
  readonly deleteAfterCommit: boolean;
}

export const PROTOCOL: Rules = {
  fence: true,
  mark: true,
  armBeforeCommit: true,
  giveUpUnknownArms: true,
  armForNextVersion: true,
  wakeName: "time and version",
  enough: "no later",
  judgeAfterCommit: true,
  dueOnly: true,
  fenceUnborn: true,
  takeOut: true,
  rearm: true,
  removeFired: true,
  deleteAfterCommit: true,
};
