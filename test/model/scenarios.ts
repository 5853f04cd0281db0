import type { Rules } from "./rules.ts";
import { again, kept, plain, type Scenario } from "./scenario.ts";

export interface NamedScenario {
  /** What takes part. */
  readonly name: string;
  /** Takes too long for a test: only on request. */
  readonly large: boolean;
  readonly scenario: Scenario;
}

export interface BrokenVariant {
  readonly name: string;
  readonly rules: Partial<Rules>;
  /** Where it shows. */
  readonly scenario: Scenario;
}

/** A worker that crashes and one whose lease runs out, while writes that timed out may still land. */
const ROUGH = {
  workers: 2,
  batch: 2,
  receives: 3,
  errands: 0,
  crashes: 1,
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

function small(name: string, scenario: Scenario): NamedScenario {
  return { name, large: false, scenario };
}

function large(name: string, scenario: Scenario): NamedScenario {
  return { name, large: true, scenario };
}

/** All end; together they reach every kind of step. */
export const SCENARIOS: readonly NamedScenario[] = [
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
];

/** Each rule of the protocol, broken where the search notices. */
export const BROKEN_VARIANTS: readonly BrokenVariant[] = [
  { name: "no fence", rules: { fence: false }, scenario: TWO_PLAIN },
  { name: "a reply before its commit", rules: { replyAfterCommit: false }, scenario: TWO_PLAIN },
  { name: "a message deleted before its reply", rules: { deleteAfterReply: false }, scenario: TWO_PLAIN },
  { name: "no mark", rules: { mark: false }, scenario: { ...TWO_PLAIN, unknownCommits: 0 } },
  { name: "no settled outcomes", rules: { settled: "none" }, scenario: TWO_PLAIN },
  {
    name: "settled outcomes of the commit's own turns only",
    rules: { settled: "own turns" },
    scenario: TWO_PLAIN,
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
];
