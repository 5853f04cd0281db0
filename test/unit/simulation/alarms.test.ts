import { describe, expect, test } from "vitest";
import { simulateAlarms, weatherOf } from "../../simulation/alarms/simulation.ts";
import { BROKEN_ALARMS } from "../../simulation/alarms/variants.ts";
import { harmOf } from "../../simulation/variant.ts";
import { simulateSeeds } from "./seeds.ts";

describe("simulated alarms", () => {
  test("I13 I14 I15: through crashes, zombies, lost, late and unknown requests and copies, every alarm fires in time, and once", {
    timeout: 600_000,
  }, async () => {
    const happened = await simulateSeeds({ programme: "alarms", seeds: 150 });
    if (happened) expect(happened).toEqual(expect.arrayContaining(EVERYTHING));
  });

  test("the same seed gives the same log", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const [one, other] = [await simulateAlarms(seed), await simulateAlarms(seed)];
      expect(one.log).toEqual(other.log);
      expect(one.log.length).toBeGreaterThan(3);
    }
    expect(new Set([1, 2, 3, 4].map(weatherOf))).toEqual(new Set(["calm", "faults", "losses"]));
  });

  test.each(BROKEN_ALARMS)("notice a broken protocol: $name", { timeout: 600_000 }, async (variant) => {
    // That a wake is missing somewhere is no harm yet, unless the variant says so.
    const simulate: typeof simulateAlarms = (seed, bent) =>
      simulateAlarms(seed, { watchesWakes: false, ...bent });
    expect(await harmOf(variant, { simulate, most: 2_000 })).toBeDefined();
  });
});

/** What must have happened in some seed: what never happens is not tested. */
const EVERYTHING = [
  "AlarmsDropped",
  "EnvelopesCrashed",
  "alarm dropped",
  "alarm failed",
  "attempt",
  "attempt again",
  "attempt failed",
  "attempt in vain",
  "batch interrupted",
  "call given up",
  "commit fenced",
  "crashed alarm",
  "dead letter not sent",
  "deduplicated",
  "delayed message copied",
  "dropped",
  "envelope given up",
  "fired",
  "forwarded",
  "forwarder died",
  "onAlarmDropped failed",
  "schedule invoked again",
  "schedule made",
  "schedule refused",
  "start of a run not taken back",
  "sweep failed",
  "turn failed",
  "wake due",
  "wake early",
  "wake lost",
  "wake stale",
  "wake unborn",
];
