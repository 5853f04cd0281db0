/**
 * The rules of a commit too large for one transaction. Each can be broken, to see that the search notices. Not among them is what
 * turned out to hold by itself: a head that names a journal could be replaced as far as its version goes, but nobody knows that version
 * before the journal is applied.
 */
export interface Rules {
  /** The head is flipped, and replaced, only at the version that its worker knows. */
  readonly fence: boolean;
  /** The parts are there before the head names them. */
  readonly partsFirst: boolean;
  /** Each try writes parts under a name of its own. */
  readonly freshNames: boolean;
  /** Whoever hydrates a head that names a journal applies it first. */
  readonly rollForward: boolean;
  /** Applying checks with each write that the head still names this journal. */
  readonly checkName: boolean;
  /** How far it is applied is written down with what is applied, not before. */
  readonly countWithChanges: boolean;
  /** The head forgets the journal when all of it is applied. */
  readonly forgetLast: boolean;
  /** Parts are removed when the head has forgotten them. */
  readonly removeLast: boolean;
  /** Parts made from versions that are gone are removed, those of lost commits too; others may still be flipped to. */
  readonly remove: "of old versions" | "of known versions" | "its own";
  /** A commit has ended when it is applied: what its worker reads next must be whole. */
  readonly endApplied: boolean;
  /** What was read entry by entry counts only if the version is the same afterwards. */
  readonly verifyReads: boolean;
}

export const PROTOCOL: Rules = {
  fence: true,
  partsFirst: true,
  freshNames: true,
  rollForward: true,
  checkName: true,
  countWithChanges: true,
  forgetLast: true,
  removeLast: true,
  remove: "of old versions",
  endApplied: true,
  verifyReads: true,
};
