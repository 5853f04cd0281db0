import { describe, expect, test } from "vitest";
import { simulateCalls } from "../../simulation/calls/simulation.ts";
import { BROKEN_CALLS } from "../../simulation/calls/variants.ts";
import { harmOf } from "../../simulation/variant.ts";
import { simulateSeeds } from "./seeds.ts";

describe("the simulated system", () => {
  test("I1 I2 I3 I4 I5 I7 I11 I12: through everything that fails, each call has its effect once, in order, and is answered truly", {
    timeout: 600_000,
  }, async () => {
    const happened = await simulateSeeds({ programme: "calls", seeds: 300 });
    if (happened) expect(happened).toEqual(expect.arrayContaining(EVERYTHING));
  });

  test("the same seed gives the same log", async () => {
    for (const seed of [5, 6, 7, 8]) {
      const [one, other] = [await simulateCalls(seed), await simulateCalls(seed)];
      expect(one.log).toEqual(other.log);
      expect(one.log.length).toBeGreaterThan(3);
    }
  });

  test("I1: without the group lock calls are lost and change their order, but nothing happens twice, and no answer is false", {
    timeout: 600_000,
  }, async () => {
    const harms = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const { broken } = await simulateCalls(seed, { groupLock: false });
      if (broken !== undefined) harms.add(broken.slice(0, broken.indexOf(":")));
    }
    const allowed = ["nothing is deleted unanswered", "messages come in order", "calls keep their order"];
    expect(allowed).toEqual(expect.arrayContaining([...harms]));
    expect(harms.size).toBeGreaterThan(0);
  });

  test.each(BROKEN_CALLS)("notices what is broken: $name", { timeout: 600_000 }, async (variant) => {
    expect(await harmOf(variant, { simulate: simulateCalls, most: 2_000 })).toBeDefined();
  });
});

/** What must have happened in some seed: what never happens is not tested. */
const EVERYTHING = [
  "ActorCrashedError",
  "add failed",
  "add ok",
  "add refused",
  "add unknown",
  "batch interrupted",
  "commit fenced",
  "dead-lettered",
  "deduplicated",
  "delayed message copied",
  "delete lost",
  "forwarded",
  "forwarder died",
  "invocation timed out",
  "journal",
  "journal applied",
  "lease not renewed",
  "messages not returned early",
  "packed",
  "process died",
  "process stalled",
  "read ok",
  "redriven",
  "request late",
  "request lost",
  "request unknown",
  "send ok",
  "send unknown",
  "stale read",
  "stashed",
  "sweep failed",
  "turn failed",
  "turned away",
  "worker killed",
];
