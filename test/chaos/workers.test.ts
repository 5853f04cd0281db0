import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { describeWith } from "../endpoints/gate.ts";
import type { Fault, Recorded } from "./history.ts";
import { reportOn } from "./report.ts";
import { runWorkers, type WorkersOptions } from "./workers.ts";

/** So short that much happens in a minute. */
const LEASES = { leaseMs: 3_000, queueMs: 8_000 };
/** Only what is stuck for good takes longer, also on a machine that is busy with other tests. */
const SLACK_MS = 120_000;
/** How long messages and alarms that are on their way in the end may take. */
const PATIENCE_MS = 300_000;
/** A broken variant is given so many runs to show itself: on a busy machine one run misses it once in three times. */
const MOST_RUNS = 12;

interface Broken {
  readonly variant: string;
  readonly kills: number;
  /** Enough faults of the kind that may show it: most of them do not. */
  readonly until: (events: readonly Recorded[]) => boolean;
  /** One of these is seen to be broken. */
  readonly rules: readonly string[];
}

/** How many faults of a kind have met a worker that held ledgers. */
const met = (events: readonly Recorded[], fault: Fault["is"]) =>
  events.filter((event) => event.is === fault && event.holds.length > 0).length;

describeWith(inject("dynamoDBLocal"), "DynamoDB Local", ({ url: dynamoUrl }) => {
  describeWith(inject("aws"), "an SQS", ({ url: sqsUrl }) => {
    const run = async (
      options: Pick<WorkersOptions, "forMs" | "until" | "kills" | "patienceMs" | "variant">,
    ) => {
      const folder = mkdtempSync(join(tmpdir(), "chaos-workers-"));
      const seed = Date.now() % 1_000_000;
      // What has failed is worth a look.
      onTestFinished(({ task }) => {
        if (task.result?.state !== "fail") rmSync(folder, { recursive: true, force: true });
      });
      const file = await runWorkers({
        ...LEASES,
        dynamoUrl,
        sqsUrl,
        folder,
        seed,
        workers: 4,
        callers: 12,
        ledgers: 20,
        faultEveryMs: 2_500,
        ...options,
      });
      return { ...reportOn(file, { ...LEASES, slackMs: SLACK_MS }), told: `seed ${seed}, history ${file}` };
    };

    test("I1 I3 I4 I5 I11 I12 I14 I15: worker processes are killed and stopped at random; nothing is lost, and nothing happens twice", {
      timeout: 3_600_000,
    }, async () => {
      const { violations, counts, told } = await run({
        forMs: 60_000,
        until: (events) =>
          met(events, "kill") > 0 &&
          met(events, "stop") > 0 &&
          events.some((event) => event.is === "handed" && event.again > 0) &&
          // Few are deleted before they fire.
          events.filter((event) => event.is === "begin" && event.kind === "arm").length >= 10,
        kills: 0.6,
        patienceMs: PATIENCE_MS,
      });
      expect(violations, told).toEqual([]);
      const kinds = [...counts.keys()];
      for (const kind of ["kills while it held ledgers", "stalls", "messages redelivered", "lines: fire"]) {
        expect(kinds, told).toContain(kind);
      }
    });

    describe("a broken rule is noticed", () => {
      test.each<Broken>([
        {
          variant: "no fence",
          kills: 0.1,
          until: (events) => met(events, "stop") >= 8,
          rules: ["what was answered is kept", "answered truly", "applied once"],
        },
        {
          variant: "reply before commit",
          kills: 0.9,
          until: (events) => met(events, "kill") >= 6,
          rules: ["what was answered is kept", "answered truly"],
        },
        {
          variant: "no settled check",
          kills: 0.5,
          until: (events) => met(events, "kill") >= 6,
          rules: ["applied once", "messages once, in order"],
        },
      ])("$variant", { timeout: 7_200_000 }, async ({ variant, kills, until, rules }) => {
        const broken = new Set<string>();
        const isShown = () => rules.some((rule) => broken.has(rule));
        let runs = 0;
        for (; runs < MOST_RUNS && !isShown(); runs++) {
          const { violations } = await run({ forMs: 15_000, until, kills, patienceMs: 3_000, variant });
          for (const { rule } of violations) broken.add(rule);
        }
        console.log(
          `"${variant}": ${isShown() ? "noticed" : "not noticed"} in ${runs} of at most ${MOST_RUNS} runs`,
        );
        expect(
          rules.filter((rule) => broken.has(rule)),
          `broken: ${[...broken]}`,
        ).not.toEqual([]);
      });
    });
  });
});
