import { type BrokenVariant, large, type NamedScenario, small } from "../frame.ts";
import type { Rules } from "./rules.ts";
import { afterRestart, again, copyOf, kept, outliving, pack, plain, type Scenario } from "./scenario.ts";

/** A worker that crashes and one whose lease runs out, while writes that timed out may still land. */
const ROUGH = {
  workers: 2,
  batch: 2,
  receives: 3,
  diligent: false,
  trial: { from: Number.POSITIVE_INFINITY, starts: 0 },
  errands: 0,
  crashes: 1,
  restarts: 0,
  refusals: 0,
  expiries: 1,
  unknownCommits: 0,
  lateCommits: true,
  unknownSends: 0,
  lostDeletes: 0,
  lostReplies: 0,
};

const TWO_PLAIN: Scenario = {
  ...ROUGH,
  unknownCommits: 1,
  messages: [plain("a", "wrote", "read"), plain("b", "wrote")],
};

const REFUSED_PLAIN: Scenario = {
  ...ROUGH,
  messages: [plain("a", "wrote", "refused"), plain("b", "wrote")],
};

/** Nobody else works here: what this worker knows of its batch must last from one attempt to the next. */
const LONE_WORKER: Scenario = {
  ...ROUGH,
  workers: 1,
  expiries: 0,
  unknownCommits: 1,
  lateCommits: false,
  lostDeletes: 1,
  messages: [plain("a", "wrote", "read"), plain("b", "wrote")],
};

/** What it has answered it must stay with while it owes a message. */
const LONE_SENDER: Scenario = { ...LONE_WORKER, messages: [plain("a", "sent"), plain("b", "wrote", "read")] };

const ATTEMPTS_AROUND_A_CALL: Scenario = {
  ...ROUGH,
  batch: 3,
  crashes: 0,
  messages: [kept("k", "wrote"), plain("b", "wrote"), kept("k", "wrote")],
};

const REFUSED_ATTEMPT: Scenario = {
  ...ROUGH,
  crashes: 0,
  messages: [kept("k", "wrote", "refused"), kept("k", "wrote")],
};

const KEPT_READ: Scenario = { ...ROUGH, crashes: 0, messages: [kept("k", "wrote", "read")] };

/** The first attempt may go to the dead-letter queue between its commit and its reply. */
const DEAD_LETTERED_ATTEMPT: Scenario = {
  ...ROUGH,
  receives: 1,
  messages: [kept("k", "wrote"), plain("b", "wrote"), kept("k", "wrote")],
};

const ONE_SENDER: Scenario = { ...ROUGH, unknownSends: 1, messages: [plain("a", "sent")] };

const SENDER_AND_WRITER: Scenario = { ...ROUGH, messages: [plain("a", "sent"), plain("b", "wrote")] };

const LOSSY_SENDER: Scenario = {
  ...ROUGH,
  expiries: 2,
  unknownCommits: 1,
  unknownSends: 1,
  lostDeletes: 1,
  lostReplies: 1,
  messages: [plain("a", "sent", "read", "refused")],
};

/** Starts are written down from the second receive on; after two the message is given up. */
const TRIAL: Scenario = {
  ...ROUGH,
  receives: 8,
  diligent: true,
  trial: { from: 2, starts: 2 },
  crashes: 0,
  expiries: 0,
  messages: [plain("a", "kills"), plain("b", "wrote")],
};

const LOSSY_TRIAL: Scenario = {
  ...TRIAL,
  workers: 1,
  trial: { from: 1, starts: 2 },
  lateCommits: false,
  unknownCommits: 2,
  messages: [plain("a", "wrote")],
};

const READING_TRIAL: Scenario = {
  ...TRIAL,
  workers: 1,
  trial: { from: 1, starts: 2 },
  lostReplies: 2,
  messages: [plain("a", "read")],
};

const ZOMBIE_TRIAL: Scenario = {
  ...TRIAL,
  trial: { from: 1, starts: 1 },
  expiries: 1,
  messages: [plain("a", "wrote", "kills")],
};

/** The write of a start may be taken for lost, and land when its worker has left. */
const LATE_START: Scenario = {
  ...TRIAL,
  trial: { from: 1, starts: 2 },
  expiries: 1,
  unknownCommits: 1,
  messages: [plain("a", "wrote", "kills")],
};

/** The embedded server: one process, in which an instance has one batch at a time. */
const EMBEDDED = {
  ...ROUGH,
  workers: 1,
  crashes: 0,
  expiries: 0,
  lateCommits: false,
  restarts: 1,
  lostReplies: 1,
};

/** A call that was committed and never answered, and that is asked for when another one has come in between. */
const ORPHAN: Scenario = {
  ...EMBEDDED,
  messages: [plain("a", "wrote"), afterRestart(1, plain("b", "wrote")), afterRestart(1, again("a", "wrote"))],
};

const OUTLIVING: Scenario = {
  ...EMBEDDED,
  errands: 1,
  lostReplies: 0,
  messages: [plain("a", "sent"), outliving(kept("k", "wrote")), afterRestart(1, again("a", "sent"))],
};

/** What a process can't finish before its caller gives up. */
const DROPPED: Scenario = {
  ...EMBEDDED,
  receives: 1,
  messages: [plain("a", "wrote"), plain("b", "wrote"), afterRestart(1, again("a", "wrote"))],
};

/** Two calls of one process in one message, and one of another process behind them. */
const PACK: Scenario = {
  ...ROUGH,
  messages: [...pack(plain("a", "wrote", "read"), plain("b", "wrote")), plain("c", "wrote")],
};

const LOSSY_PACK: Scenario = {
  ...ROUGH,
  unknownCommits: 1,
  lostDeletes: 1,
  lostReplies: 1,
  messages: pack(plain("a", "wrote"), plain("b", "wrote", "read")),
};

/** A client that asks its door twice for the same message: SQS swallows the second one, if it knows the first. */
const COPIED: Scenario = {
  ...ROUGH,
  receives: 8,
  diligent: true,
  crashes: 0,
  messages: [
    ...pack(plain("a", "wrote"), plain("b", "wrote")),
    plain("c", "wrote"),
    copyOf(plain("a", "wrote")),
  ],
};

const OLDER_WORKER: Scenario = {
  ...ROUGH,
  batch: 3,
  crashes: 0,
  expiries: 0,
  refusals: 1,
  messages: [plain("a", "wrote"), ...pack(plain("b", "wrote"), plain("c", "wrote")), plain("d", "wrote")],
};

const PACKED_TRIAL: Scenario = {
  ...TRIAL,
  messages: [...pack(plain("a", "wrote"), plain("b", "kills"), plain("c", "wrote")), plain("d", "wrote")],
};

/** All end; together they reach every kind of step. */
export const SCENARIOS: readonly NamedScenario<Scenario>[] = [
  small("two plain calls, no crash", { ...TWO_PLAIN, crashes: 0 }),
  small("a plain call that is refused", REFUSED_PLAIN),
  small("one worker, two plain calls", LONE_WORKER),
  small("one worker, a turn that sends, then one that may only read", LONE_SENDER),
  small("two attempts around another call, two messages at a time", { ...ATTEMPTS_AROUND_A_CALL, batch: 2 }),
  small("two attempts, the first may be refused", REFUSED_ATTEMPT),
  small("a kept call that may only read", KEPT_READ),
  small("two attempts, dead-lettered after one receive", DEAD_LETTERED_ATTEMPT),
  small("a turn that sends", ONE_SENDER),
  small("a turn that sends, then one that writes, no crash", { ...SENDER_AND_WRITER, crashes: 0 }),
  small("two attempts at a call that sends", {
    ...ROUGH,
    messages: [kept("k", "sent"), kept("k", "sent")],
  }),
  small("a turn that sends, and a worker without messages", { ...ONE_SENDER, errands: 1 }),
  small("a plain call asked for again", {
    ...ROUGH,
    crashes: 0,
    messages: [plain("a", "wrote"), again("a", "wrote")],
  }),
  small("a call whose mailbox is gone, asked for again behind another one", ORPHAN),
  small("a call that its mailbox drops, asked for again", DROPPED),
  small("a call whose mailbox is gone, asked for again after a second restart", {
    ...EMBEDDED,
    restarts: 2,
    messages: [
      plain("a", "wrote"),
      afterRestart(1, plain("b", "wrote", "read")),
      afterRestart(2, again("a", "wrote")),
    ],
  }),
  small("a call, and a message that outlives its mailbox", OUTLIVING),
  large("a call, and a message that outlives its mailbox, with a reply that is lost", {
    ...OUTLIVING,
    lostReplies: 1,
  }),
  large("two plain calls", TWO_PLAIN),
  large("two attempts around another call", ATTEMPTS_AROUND_A_CALL),
  large("a turn that sends, then one that writes", SENDER_AND_WRITER),
  large("three plain calls", {
    ...ROUGH,
    unknownCommits: 1,
    messages: [plain("a", "wrote"), plain("b", "wrote"), plain("c", "wrote")],
  }),
  large("two attempts that end differently around another call", {
    ...ROUGH,
    batch: 3,
    crashes: 0,
    messages: [kept("k", "wrote", "read", "refused"), plain("b", "wrote"), kept("k", "wrote", "read")],
  }),
  large("two turns that send", {
    ...ROUGH,
    unknownCommits: 1,
    messages: [plain("a", "sent"), plain("b", "sent")],
  }),
  large("a turn that sends or not, with everything lost once", LOSSY_SENDER),
  small("a turn that sends, three workers", {
    ...ROUGH,
    workers: 3,
    expiries: 2,
    messages: [plain("a", "sent")],
  }),
  large("two attempts at a call that sends, three workers", {
    ...ROUGH,
    workers: 3,
    crashes: 0,
    messages: [kept("k", "sent", "refused"), kept("k", "sent")],
  }),
  large("two attempts that send or not around another call", {
    ...ROUGH,
    batch: 3,
    crashes: 0,
    messages: [kept("k", "sent", "read"), plain("b", "wrote"), kept("k", "sent", "refused")],
  }),
  small("two attempts that send, dead-lettered after one receive", {
    ...ROUGH,
    receives: 1,
    lostReplies: 1,
    messages: [kept("k", "sent"), plain("b", "wrote"), kept("k", "sent")],
  }),
  large("a turn that sends, then one that may only read, with lost replies and deletes", {
    ...ROUGH,
    lostReplies: 1,
    lostDeletes: 1,
    messages: [plain("a", "sent"), plain("b", "wrote", "read")],
  }),
  small("a call that ends its workers, and one behind it", TRIAL),
  small("a call that ends its workers, after one and before one", {
    ...TRIAL,
    messages: [plain("a", "wrote"), plain("b", "kills"), plain("c", "wrote")],
  }),
  small("a call that may end its workers, with a lease that runs out", {
    ...TRIAL,
    expiries: 1,
    messages: [plain("a", "wrote", "kills")],
  }),
  large("a call that may end its workers, with a crash and a lease that runs out", {
    ...TRIAL,
    crashes: 1,
    expiries: 1,
    messages: [plain("a", "wrote", "kills"), plain("b", "wrote")],
  }),
  small("two attempts at a call that ends its workers", {
    ...TRIAL,
    expiries: 1,
    unknownSends: 1,
    messages: [kept("k", "kills"), kept("k", "kills")],
  }),
  small("a call on trial, with commits that are lost", LOSSY_TRIAL),
  small("a call on trial that only reads, with replies that are lost", READING_TRIAL),
  small("a call on trial and a zombie", ZOMBIE_TRIAL),
  small("a call on trial whose start may land late", LATE_START),
  small("a call on trial whose start, and what keeps it off, may land late", {
    ...LATE_START,
    expiries: 0,
    unknownCommits: 2,
  }),
  small("two calls on trial, one of them kept, whose starts may land late", {
    ...LATE_START,
    expiries: 0,
    messages: [plain("a", "wrote", "kills"), kept("k", "kills", "sent")],
  }),
  large("a call on trial whose start, and what keeps it off, may land late, with a lease that runs out", {
    ...LATE_START,
    unknownCommits: 2,
  }),
  small("two calls in a pack, and one behind it", { ...PACK, crashes: 0 }),
  small("two calls in a pack, with everything lost once", { ...LOSSY_PACK, crashes: 0 }),
  small("two packs, one worker", {
    ...LONE_WORKER,
    lateCommits: true,
    messages: [
      ...pack(plain("a", "wrote", "read"), plain("b", "wrote")),
      ...pack(plain("c", "wrote"), plain("d", "refused")),
    ],
  }),
  small("a pack of two attempts at a call, and a third one", {
    ...ROUGH,
    crashes: 0,
    messages: [...pack(kept("k", "wrote", "refused"), kept("k", "wrote")), kept("k", "wrote")],
  }),
  small("a turn in a pack that sends, with one that may only read behind it", {
    ...ROUGH,
    messages: pack(plain("a", "sent"), plain("b", "wrote", "read")),
  }),
  small("a call that is asked for twice as one message, and one that it might be packed with", COPIED),
  small("a worker that can't read packs", OLDER_WORKER),
  small("a call in a pack that ends its workers", PACKED_TRIAL),
  small("two calls in a pack that end their workers, with a lease that runs out", {
    ...TRIAL,
    expiries: 1,
    messages: pack(plain("a", "kills"), plain("b", "wrote"), plain("c", "kills")),
  }),
  large("two calls in a pack, and one behind it, with a crash and a lost commit", {
    ...PACK,
    unknownCommits: 1,
  }),
  large("two calls in a pack, with everything lost once and a crash", LOSSY_PACK),
  large("two packs, no crash", {
    ...ROUGH,
    crashes: 0,
    messages: [
      ...pack(plain("a", "wrote"), plain("b", "wrote")),
      ...pack(plain("c", "wrote"), plain("d", "wrote")),
    ],
  }),
  large("two calls in a pack that may end their workers, with a lost commit", {
    ...TRIAL,
    receives: 12,
    lateCommits: false,
    unknownCommits: 1,
    messages: pack(plain("a", "wrote", "kills"), kept("k", "kills", "wrote")),
  }),
  large("two calls that may end their workers, one of them kept, with a crash and a lost commit", {
    ...TRIAL,
    receives: 12,
    crashes: 1,
    unknownCommits: 1,
    messages: [plain("a", "wrote", "kills"), kept("k", "kills", "sent")],
  }),
];

/** Each rule of the protocol, broken where the search notices. */
export const BROKEN_VARIANTS: readonly BrokenVariant<Scenario, Rules>[] = [
  { name: "no fence", rules: { fence: false }, scenario: TWO_PLAIN },
  { name: "a reply before its commit", rules: { replyAfterCommit: false }, scenario: TWO_PLAIN },
  { name: "a message deleted before its reply", rules: { deleteAfterReply: false }, scenario: TWO_PLAIN },
  { name: "no mark", rules: { mark: false }, scenario: { ...TWO_PLAIN, unknownCommits: 0 } },
  {
    name: "a mark that says the message, and not the place in it",
    rules: { place: "message" },
    scenario: PACK,
  },
  {
    name: "a pack deleted when its first envelope is done",
    rules: { deleteWholePacks: false },
    scenario: PACK,
  },
  {
    name: "what may be sent twice is packed",
    rules: { copiesAlone: false },
    scenario: COPIED,
  },
  {
    name: "what is behind a message that can't be read runs",
    rules: { refusalStops: false },
    scenario: OLDER_WORKER,
  },
  {
    name: "a dead letter takes what it was packed with along",
    rules: { buryAlone: false },
    scenario: PACKED_TRIAL,
  },
  { name: "no settled outcomes", rules: { settled: "none" }, scenario: TWO_PLAIN },
  {
    name: "settled outcomes of the commit's own turns only",
    rules: { settled: "own turns" },
    scenario: TWO_PLAIN,
  },
  {
    name: "what was given up is left out of the head before it is a dead letter",
    rules: { leaveOut: "what is on file" },
    scenario: { ...TRIAL, crashes: 1 },
  },
  { name: "turns that only read are not settled", rules: { settledReads: false }, scenario: TWO_PLAIN },
  {
    name: "turns that only read run again in the next attempt",
    rules: { certainReads: false },
    scenario: LONE_SENDER,
  },
  {
    name: "what was received before is not looked up",
    rules: { suspects: false },
    scenario: LONE_WORKER,
  },
  { name: "refusals are not committed", rules: { commitRefusals: false }, scenario: REFUSED_PLAIN },
  {
    name: "kept outcomes dropped before they are filed",
    rules: { keepUnfiled: false },
    scenario: DEAD_LETTERED_ATTEMPT,
  },
  {
    name: "kept calls looked up before the hydrate",
    rules: { look: "before the hydrate" },
    scenario: ATTEMPTS_AROUND_A_CALL,
  },
  {
    name: "kept calls looked up after the first hydrate only",
    rules: { look: "after the first hydrate" },
    scenario: ATTEMPTS_AROUND_A_CALL,
  },
  { name: "kept calls not looked up", rules: { look: "never" }, scenario: DEAD_LETTERED_ATTEMPT },
  {
    name: "attempts share their call's deduplication id",
    rules: { ownDeduplicationId: false },
    scenario: REFUSED_ATTEMPT,
  },
  {
    name: "kept calls that only read are not committed",
    rules: { commitKeptReads: false },
    scenario: KEPT_READ,
  },
  {
    name: "orphans dropped",
    rules: { fileOrphans: "never" },
    scenario: ORPHAN,
  },
  {
    name: "orphans filed after the first commit",
    rules: { fileOrphans: "with the others" },
    scenario: ORPHAN,
  },
  {
    name: "a mailbox that drops a call and goes on under its name",
    rules: { renameAfterDrop: false },
    scenario: DROPPED,
  },
  { name: "replies that end with their process", rules: { ledger: false }, scenario: ORPHAN },
  { name: "a send before its commit", rules: { sendAfterCommit: false }, scenario: ONE_SENDER },
  {
    name: "a commit drops what has not left",
    rules: { carryOutbox: false },
    scenario: SENDER_AND_WRITER,
  },
  { name: "the outbox emptied before it is sent", rules: { emptyAfterSend: false }, scenario: ONE_SENDER },
  {
    name: "the emptying commit drops settled outcomes",
    rules: { emptyKeepsSettled: false },
    scenario: SENDER_AND_WRITER,
  },
  {
    name: "a message deleted before the outbox is empty",
    rules: { deleteAfterOutbox: false },
    scenario: ONE_SENDER,
  },
  {
    name: "a found reply believed without another hydrate",
    rules: { hydrateAfterFind: false },
    scenario: ONE_SENDER,
  },
  {
    name: "the receiver runs what it has run before",
    rules: { receiverKeeps: false },
    scenario: ONE_SENDER,
  },
  { name: "starts are not written down", rules: { writeStarts: false }, scenario: TRIAL },
  {
    name: "the next turn runs before the end of a start is durable",
    rules: { trialAlone: false },
    scenario: {
      ...TRIAL,
      crashes: 1,
      trial: { from: 2, starts: 1 },
      messages: [plain("a", "wrote"), plain("b", "kills")],
    },
  },
  {
    name: "a run on trial that only read leaves its start",
    rules: { commitTrialReads: false },
    scenario: READING_TRIAL,
  },
  { name: "a worker that lives leaves its start", rules: { takeBack: "never" }, scenario: LOSSY_TRIAL },
  {
    name: "a start taken back without a look at the head",
    rules: { takeBack: "blindly" },
    scenario: { ...ZOMBIE_TRIAL, trial: { from: 2, starts: 2 } },
  },
  {
    name: "a start that may still land is not kept off",
    rules: { keepStartOff: false },
    scenario: LATE_START,
  },
  {
    name: "a worker that could not take its start back does not look again",
    rules: { takeBackAgain: false },
    scenario: LATE_START,
  },
  {
    name: "a worker holds its own start against the call",
    rules: { ownStart: false },
    scenario: LOSSY_TRIAL,
  },
  {
    name: "a dead letter before the commit that gives it up",
    rules: { buryAfterCommit: false },
    scenario: ZOMBIE_TRIAL,
  },
  {
    name: "a message deleted before it is a dead letter",
    rules: { deleteAfterBury: false },
    scenario: TRIAL,
  },
];
