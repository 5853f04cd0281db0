/** The rules of the protocol. Each can be broken, to see that the search notices. */
export interface Rules {
  /** A commit lands only on the version that its worker knows. */
  readonly fence: boolean;
  /** A reply is filed after its commit. */
  readonly replyAfterCommit: boolean;
  /** A message is deleted after its reply is filed. */
  readonly deleteAfterReply: boolean;
  /** What the head's mark has passed never runs, if both are of the same mailbox. */
  readonly mark: boolean;
  /**
   * What the mark says of a place in the mailbox: the message and the index in it; or the message alone, all of which has then been
   * passed.
   */
  readonly place: "message and index" | "message";
  /** A message is deleted when all that lies in it is finished, not when its first envelope is. */
  readonly deleteWholePacks: boolean;
  /** What may be sent a second time is not packed: the queue knows messages, not what lies in them. */
  readonly copiesAlone: boolean;
  /** A worker that can't read a message leaves all behind it, too: a mark must not pass what nobody has run. */
  readonly refusalStops: boolean;
  /** The outcomes that a commit leaves in the head: of the whole batch so far, of its own turns, or none. */
  readonly settled: "batch" | "own turns" | "none";
  /** What a commit leaves out of the outcomes so far: what is on file, and buried where it was given up. */
  readonly leaveOut: "what is on file and buried" | "what is on file";
  /** Outcomes of turns that only read are among them. */
  readonly settledReads: boolean;
  /** A worker that starts over goes by the outcomes of turns that only read, which it may have given away. */
  readonly certainReads: boolean;
  /** What was received before is looked up in the reply table. */
  readonly suspects: boolean;
  /** A refusal is committed like an outcome: a zombie must not run what its caller was told did not run. */
  readonly commitRefusals: boolean;

  /** Outcomes of kept calls stay in the head until they are known to be filed. */
  readonly keepUnfiled: boolean;
  /** When a kept call is looked up in the reply table. */
  readonly look: "after every hydrate" | "after the first hydrate" | "before the hydrate" | "never";
  /** A message's deduplication id is its own, not its call's. */
  readonly ownDeduplicationId: boolean;
  /** A kept call is committed also when it only read. */
  readonly commitKeptReads: boolean;

  /** When outcomes of plain calls are filed that a head holds whose mark is of another mailbox: that may be gone. */
  readonly fileOrphans: "before the first commit" | "with the others" | "never";
  /** A mailbox of the embedded server that drops a message counts as another one from then on. */
  readonly renameAfterDrop: boolean;
  /** Replies that may be asked for again outlive their process. */
  readonly ledger: boolean;

  /** One-way messages leave after their turn's commit. */
  readonly sendAfterCommit: boolean;
  /** A commit carries the messages in the head that have not left. */
  readonly carryOutbox: boolean;
  /** The outbox is emptied after its messages have left. */
  readonly emptyAfterSend: boolean;
  /** Emptying the outbox leaves the settled outcomes as they are. */
  readonly emptyKeepsSettled: boolean;
  /** A message is deleted when the outbox is empty. */
  readonly deleteAfterOutbox: boolean;
  /** A worker that found a reply that its head did not know hydrates again: the reply's commit may have left an outbox. */
  readonly hydrateAfterFind: boolean;
  /** The receiver runs one-way messages as kept calls. */
  readonly receiverKeeps: boolean;

  /** A run that may end its worker is written down before it begins. */
  readonly writeStarts: boolean;
  /** What comes of such a run is durable before the next turn runs. */
  readonly trialAlone: boolean;
  /** Such a run is committed also when it only read. */
  readonly commitTrialReads: boolean;
  /** A worker that lives and can't commit takes its start back: out of a head that is its own work and nobody else's. */
  readonly takeBack: "from its own head" | "blindly" | "never";
  /** Where its start is not in the head and may still land on it, it commits something else, so that the start can't. */
  readonly keepStartOff: boolean;
  /** Where either is fenced, it looks again: the start may have landed in between. */
  readonly takeBackAgain: boolean;
  /** A worker does not hold its own start against the envelope. */
  readonly ownStart: boolean;
  /** What is given up becomes a dead letter after the commit that says so. */
  readonly buryAfterCommit: boolean;
  /** It becomes one alone, whatever it was packed with. */
  readonly buryAlone: boolean;
  /** It is deleted after it has become a dead letter. */
  readonly deleteAfterBury: boolean;
}

export const PROTOCOL: Rules = {
  fence: true,
  replyAfterCommit: true,
  deleteAfterReply: true,
  mark: true,
  place: "message and index",
  deleteWholePacks: true,
  copiesAlone: true,
  refusalStops: true,
  settled: "batch",
  leaveOut: "what is on file and buried",
  settledReads: true,
  certainReads: true,
  suspects: true,
  commitRefusals: true,
  keepUnfiled: true,
  look: "after every hydrate",
  ownDeduplicationId: true,
  commitKeptReads: true,
  fileOrphans: "before the first commit",
  renameAfterDrop: true,
  ledger: true,
  sendAfterCommit: true,
  carryOutbox: true,
  emptyAfterSend: true,
  emptyKeepsSettled: true,
  deleteAfterOutbox: true,
  hydrateAfterFind: true,
  receiverKeeps: true,
  writeStarts: true,
  trialAlone: true,
  commitTrialReads: true,
  takeBack: "from its own head",
  keepStartOff: true,
  takeBackAgain: true,
  ownStart: true,
  buryAfterCommit: true,
  buryAlone: true,
  deleteAfterBury: true,
};
