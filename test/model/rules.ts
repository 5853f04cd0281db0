/** The rules of the protocol. Each can be broken, to see that the search notices. */
export interface Rules {
  /** A commit lands only on the version that its worker knows. */
  readonly fence: boolean;
  /** A reply is filed after its commit. */
  readonly replyAfterCommit: boolean;
  /** A message is deleted after its reply is filed. */
  readonly deleteAfterReply: boolean;
  /** What the head's mark has passed never runs. */
  readonly mark: boolean;
  /** The outcomes that a commit leaves in the head: of the whole batch so far, of its own turns, or none. */
  readonly settled: "batch" | "own turns" | "none";
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
}

export const PROTOCOL: Rules = {
  fence: true,
  replyAfterCommit: true,
  deleteAfterReply: true,
  mark: true,
  settled: "batch",
  settledReads: true,
  certainReads: true,
  suspects: true,
  commitRefusals: true,
  keepUnfiled: true,
  look: "after every hydrate",
  ownDeduplicationId: true,
  commitKeptReads: true,
  sendAfterCommit: true,
  carryOutbox: true,
  emptyAfterSend: true,
  emptyKeepsSettled: true,
  deleteAfterOutbox: true,
  hydrateAfterFind: true,
  receiverKeeps: true,
};
