import { describe, expect, test } from "vitest";
import { check } from "../../model/protocol.ts";
import { PROTOCOL } from "../../model/rules.ts";
import type { Scenario } from "../../model/scenario.ts";
import { BROKEN_VARIANTS, SCENARIOS } from "../../model/scenarios.ts";
import type { Finding } from "../../model/search.ts";

const SMALL = SCENARIOS.filter(({ large }) => !large);
const findings = new Map<Scenario, Finding>();

function findingOf(scenario: Scenario): Finding {
  const finding = findings.get(scenario) ?? check(scenario);
  findings.set(scenario, finding);
  return finding;
}

describe("the protocol keeps its promises", () => {
  test.each(SMALL)("$name", ({ scenario }) => {
    expect(findingOf(scenario).broken).toBeUndefined();
  });

  test("every kind of step is taken", { timeout: 60_000 }, () => {
    const seen = new Set(SMALL.flatMap(({ scenario }) => [...findingOf(scenario).seen]));
    const atTheWorker =
      "receives comes hydrates looks verifies runs commits is loses files can't sends empties deletes crashes".split(
        " ",
      );
    expect([...seen].sort()).toEqual([...atTheWorker, "air:", "lease:"].sort());
  });
});

describe("the search notices a broken rule", () => {
  test.each(BROKEN_VARIANTS)("$name", ({ rules, scenario }) => {
    expect(check(scenario, rules).broken).toBeDefined();
  });

  test("every rule is broken once", () => {
    const rules = new Set(BROKEN_VARIANTS.flatMap((variant) => Object.keys(variant.rules)));
    expect([...rules].sort()).toEqual(Object.keys(PROTOCOL).sort());
  });
});
