import { type BrokenVariant, large, type NamedScenario, small } from "../frame.ts";
import type { Rules } from "./rules.ts";
import type { Scenario } from "./state.ts";

const CALM = { crashes: 0, late: 0 };

const ONE_LARGE: Scenario = { ...CALM, crashes: 1, late: 1, workers: [["large"]] };

const TWO_LARGE: Scenario = { ...CALM, workers: [["large"], ["large"]] };

const THREE_LARGE: Scenario = { ...CALM, workers: [["large"], ["large"], ["large"]] };

const LARGE_AND_READER: Scenario = { ...CALM, workers: [["large"], ["read"]] };

export const SCENARIOS: readonly NamedScenario<Scenario>[] = [
  small("a large commit and another one, with everything lost once", {
    ...ONE_LARGE,
    workers: [["large", "large"]],
  }),
  small("two large commits and a crash", { ...TWO_LARGE, crashes: 1 }),
  small("two large commits and a request that is late", { ...TWO_LARGE, late: 1 }),
  small("two large commits, each of which is tried twice", {
    ...CALM,
    workers: [
      ["large", "large"],
      ["large", "large"],
    ],
  }),
  small("a large commit and two small ones, and a crash", {
    ...CALM,
    crashes: 1,
    workers: [["large"], ["small", "small"]],
  }),
  small("a large commit and a reader, with everything lost once", {
    ...LARGE_AND_READER,
    crashes: 1,
    late: 1,
  }),
  small("a large commit whose worker reads, and a small one, with everything lost once", {
    ...ONE_LARGE,
    workers: [["large", "read"], ["small"]],
  }),
  large("three large commits", THREE_LARGE),
  large("two large commits, with everything lost twice", { ...TWO_LARGE, crashes: 2, late: 2 }),
  large("three large commits and a crash", { ...THREE_LARGE, crashes: 1 }),
];

export const BROKEN_VARIANTS: readonly BrokenVariant<Scenario, Rules>[] = [
  { name: "no fence", rules: { fence: false }, scenario: TWO_LARGE },
  {
    name: "a head that names parts which are not there yet",
    rules: { partsFirst: false },
    scenario: ONE_LARGE,
  },
  {
    name: "two tries under one name",
    rules: { freshNames: false },
    scenario: TWO_LARGE,
  },
  { name: "a journal that is not rolled forward", rules: { rollForward: false }, scenario: ONE_LARGE },
  {
    name: "a journal applied after a newer commit",
    rules: { checkName: false },
    scenario: { ...CALM, workers: [["large"], ["small"]] },
  },
  {
    name: "how far it is applied written down before",
    rules: { countWithChanges: false },
    scenario: ONE_LARGE,
  },
  {
    name: "a journal forgotten before it is applied",
    rules: { forgetLast: false, checkName: false },
    scenario: ONE_LARGE,
  },
  { name: "parts removed before they are applied", rules: { removeLast: false }, scenario: ONE_LARGE },
  {
    name: "parts removed that another worker may still flip to",
    rules: { remove: "of known versions" },
    scenario: THREE_LARGE,
  },
  { name: "parts of a lost commit left behind", rules: { remove: "its own" }, scenario: TWO_LARGE },
  {
    name: "a commit that ends before it is applied",
    rules: { endApplied: false },
    scenario: { ...CALM, workers: [["large", "read"], []] },
  },
  {
    name: "entries read one by one and believed",
    rules: { verifyReads: false },
    scenario: LARGE_AND_READER,
  },
];
