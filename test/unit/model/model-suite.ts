import { describe, expect, test } from "vitest";
import type { CheckedModel } from "../../model/frame.ts";
import type { Finding } from "../../model/search.ts";

/** Searches take long where other tests run beside them. */
const TIMEOUT = { timeout: 900_000 };

/**
 * Searches the small scenarios of a model, in which every kind of step must be taken, and every broken variant, which must be caught.
 *
 * @param steps the first words of all that can happen
 */
export function describeModel<Scenario, Rules extends object>(
  { SCENARIOS, BROKEN_VARIANTS, PROTOCOL, check }: CheckedModel<Scenario, Rules>,
  steps: readonly string[],
): void {
  const small = SCENARIOS.filter(({ large }) => !large);
  const findings = new Map<Scenario, Finding>();
  const findingOf = (scenario: Scenario): Finding => {
    const finding = findings.get(scenario) ?? check(scenario);
    findings.set(scenario, finding);
    return finding;
  };

  describe("the protocol keeps its promises", () => {
    test.each(small)("$name", TIMEOUT, ({ scenario }) => {
      expect(findingOf(scenario).broken).toBeUndefined();
    });

    test("every kind of step is taken", TIMEOUT, () => {
      const seen = new Set(small.flatMap(({ scenario }) => [...findingOf(scenario).seen]));
      expect([...seen].sort()).toEqual([...steps].sort());
    });
  });

  describe("the search notices a broken rule", () => {
    test.each(BROKEN_VARIANTS)("$name", TIMEOUT, ({ rules, scenario }) => {
      expect(check(scenario, rules).broken).toBeDefined();
    });

    test("every rule is broken once", () => {
      const broken = new Set(BROKEN_VARIANTS.flatMap(({ rules }) => Object.keys(rules)));
      expect([...broken].sort()).toEqual(Object.keys(PROTOCOL).sort());
    });
  });
}
