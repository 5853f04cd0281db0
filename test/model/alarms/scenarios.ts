import { type BrokenVariant, large, type NamedScenario, small } from "../frame.ts";
import type { Rules } from "./rules.ts";
import type { Scenario } from "./scenario.ts";

/** Nothing goes wrong. */
const CALM: Omit<Scenario, "calls"> = {
  handler: ["succeeds"],
  tries: 2,
  workers: 2,
  batch: 2,
  crashes: 0,
  expiries: 0,
  unknownCommits: 0,
  unknownArms: 0,
  copies: 0,
  early: 0,
  lostDeletes: 0,
};

/** A lease runs out, and a commit that timed out may still land. */
const ROUGH = { ...CALM, expiries: 1, unknownCommits: 1 };

const ONE: Scenario = { ...CALM, calls: [[1]] };

const MOVED_LATER: Scenario = { ...CALM, calls: [[1], [2]] };

const MOVED_EARLIER: Scenario = { ...CALM, calls: [[2], [1]] };

const SET_AND_DELETED: Scenario = { ...ROUGH, calls: [[1], ["deletes"]] };

/** A call that draws lots, or is refused by whoever runs it later: its wake may come with nobody left to commit for it. */
const MAYBE_REFUSED: Scenario = { ...ROUGH, calls: [[0, "reads"]] };

const COPIED_AND_EARLY: Scenario = { ...ONE, expiries: 1, copies: 1, early: 1 };

/** All end; together they reach every kind of step. */
export const SCENARIOS: readonly NamedScenario<Scenario>[] = [
  small("an alarm, with crashes", { ...ROUGH, calls: [[1]], crashes: 1 }),
  small("an alarm at one time or another", { ...ROUGH, calls: [[1, 2]] }),
  small("an alarm whose call may be refused", { ...MAYBE_REFUSED, crashes: 1 }),
  small("an alarm whose handler may fail", { ...ROUGH, calls: [[1]], handler: ["succeeds", "fails"] }),
  small("an alarm whose handler may set another", { ...ONE, handler: [2, "fails"], expiries: 1 }),
  small("an alarm that is deleted", SET_AND_DELETED),
  small("an alarm that is deleted and set again", { ...CALM, calls: [[1], ["deletes"], [1]], expiries: 1 }),
  small("an alarm that is moved later", { ...MOVED_LATER, expiries: 1 }),
  small("an alarm that is moved earlier", { ...MOVED_EARLIER, expiries: 1 }),
  small("an alarm and a call that writes something else", { ...ROUGH, calls: [[1], ["writes"]] }),
  small("a wake that comes twice, or early", COPIED_AND_EARLY),
  small("an arm that times out and a delete that fails", {
    ...ONE,
    crashes: 1,
    unknownArms: 1,
    lostDeletes: 1,
  }),
  large("a wake that comes twice, or early, while the handler may set another", {
    ...COPIED_AND_EARLY,
    handler: ["succeeds", 2, 1],
  }),
  large("an alarm at one time or another, or refused, with crashes and a wake that comes twice", {
    ...ROUGH,
    calls: [[1, 2, "reads"]],
    crashes: 1,
    copies: 1,
  }),
  large("an alarm that is moved or deleted", { ...ROUGH, calls: [[1], [2, 0, "deletes"]] }),
  large("an alarm whose handler may fail three times", {
    ...ONE,
    handler: ["succeeds", "fails"],
    tries: 3,
    expiries: 1,
    unknownArms: 1,
  }),
  large("an alarm that may be deleted and is set again", {
    ...CALM,
    calls: [[1, 2], ["deletes", "reads"], [1]],
    expiries: 1,
  }),
  large("two alarms whose calls may be refused, three workers", {
    ...CALM,
    calls: [
      [1, "reads"],
      [2, "reads"],
    ],
    expiries: 2,
    workers: 3,
  }),
];

/** Each rule of the protocol, broken where the search notices. */
export const BROKEN_VARIANTS: readonly BrokenVariant<Scenario, Rules>[] = [
  { name: "no fence", rules: { fence: false }, scenario: SET_AND_DELETED },
  { name: "no mark", rules: { mark: false }, scenario: { ...ROUGH, calls: [[1]] } },
  {
    name: "a wake armed after its commit",
    rules: { armBeforeCommit: false },
    scenario: { ...ONE, crashes: 1 },
  },
  {
    name: "a commit that counts on a wake that may not be on its way",
    rules: { giveUpUnknownArms: false },
    scenario: { ...ONE, unknownArms: 1 },
  },
  {
    name: "a wake of the version that its commit is made from",
    rules: { armForNextVersion: false },
    scenario: MAYBE_REFUSED,
  },
  { name: "a wake named by its time", rules: { wakeName: "time" }, scenario: COPIED_AND_EARLY },
  {
    name: "a wake named by its version",
    rules: { wakeName: "version" },
    scenario: { ...CALM, calls: [[1, 2]], crashes: 1 },
  },
  { name: "a wake that comes later will do", rules: { enough: "no earlier" }, scenario: MOVED_EARLIER },
  { name: "a wake judged before a commit", rules: { judgeAfterCommit: false }, scenario: MOVED_LATER },
  { name: "a wake believed to be due", rules: { dueOnly: false }, scenario: MOVED_LATER },
  {
    name: "a wake of a version to come dropped like a stale one",
    rules: { fenceUnborn: false },
    scenario: MAYBE_REFUSED,
  },
  { name: "a wake left in the head", rules: { takeOut: false }, scenario: MOVED_LATER },
  { name: "an early wake not replaced", rules: { rearm: false }, scenario: MOVED_LATER },
  { name: "an alarm left in the head", rules: { removeFired: false }, scenario: ONE },
  {
    name: "a wake deleted before its commit",
    rules: { deleteAfterCommit: false },
    scenario: { ...ONE, crashes: 1 },
  },
];
