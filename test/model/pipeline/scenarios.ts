import { type BrokenVariant, large, type NamedScenario, small } from "../frame.ts";
import type { Rules } from "./rules.ts";
import type { Scenario } from "./state.ts";

/** Nothing goes wrong. */
const CALM: Omit<Scenario, "messages"> = {
  workers: 2,
  batch: 3,
  crashes: 0,
  expiries: 0,
  unknownCommits: 0,
  lostReplies: 0,
};

/** One worker may die, or wake up late, or not hear of its commit. */
const ALONE = { ...CALM, workers: 1, crashes: 1, unknownCommits: 1, lostReplies: 1 };

const RIVALS = { ...CALM, expiries: 1 };

export const SCENARIOS: readonly NamedScenario<Scenario>[] = [
  small("two writers and a zombie", { ...RIVALS, messages: ["writes", "writes"] }),
  small("a writer, a reader and a zombie", { ...RIVALS, messages: ["writes", "reads"] }),
  small("a failure, a writer and a zombie", { ...RIVALS, messages: ["fails", "writes"] }),
  small("a writer, a caller and a zombie", { ...RIVALS, messages: ["writes", "calls"] }),
  small("two writers and a lost answer", { ...CALM, unknownCommits: 1, messages: ["writes", "writes"] }),
  small("one worker: a writer, a reader and a writer, with everything lost once", {
    ...ALONE,
    messages: ["writes", "reads", "writes"],
  }),
  small("one worker: a writer, a failure and a caller, with everything lost once", {
    ...ALONE,
    messages: ["writes", "fails", "calls"],
  }),
  large("two writers, with a crash, a zombie and a lost answer", {
    ...RIVALS,
    crashes: 1,
    unknownCommits: 1,
    messages: ["writes", "writes"],
  }),
  large("a writer, a reader, a writer and a zombie", { ...RIVALS, messages: ["writes", "reads", "writes"] }),
  large("three writers and a zombie", { ...RIVALS, messages: ["writes", "writes", "writes"] }),
  large("a writer and a caller, with a crash, a zombie and a lost answer", {
    ...RIVALS,
    crashes: 1,
    unknownCommits: 1,
    messages: ["writes", "calls"],
  }),
];

const READER: Scenario = { ...ALONE, messages: ["writes", "reads"] };

const CALLER: Scenario = { ...ALONE, messages: ["writes", "calls"] };

const WRITERS: Scenario = { ...RIVALS, messages: ["writes", "writes"] };

/** In the order of the rules. */
export const BROKEN_VARIANTS: readonly BrokenVariant<Scenario, Rules>[] = [
  { name: "no fence", rules: { fence: false }, scenario: WRITERS },
  {
    name: "two commits in flight",
    rules: { oneInFlight: false },
    scenario: { ...RIVALS, messages: ["writes", "writes", "writes"] },
  },
  { name: "a reply while its commit is in flight", rules: { replyAfterLanding: false }, scenario: READER },
  {
    name: "a reading answered before the commit that it read from",
    rules: { readsWait: false },
    scenario: READER,
  },
  { name: "a call that tells of a commit in flight", rules: { callsWait: false }, scenario: CALLER },
  { name: "a turn that does not see the commit in flight", rules: { seeFlight: false }, scenario: READER },
  {
    name: "what ran on a lost commit committed all the same",
    rules: { dropAfterLoss: false },
    scenario: READER,
  },
  {
    name: "a commit whose answer is lost believed to have landed",
    rules: { lookAfterUnknown: false },
    scenario: READER,
  },
  {
    name: "a batch that ends while its commit is in flight",
    rules: { stopAfterLanding: false },
    scenario: READER,
  },
];
