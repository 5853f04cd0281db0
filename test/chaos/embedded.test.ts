import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runEmbedded } from "./embedded.ts";
import { reportOn } from "./report.ts";

/** Only what is stuck for good takes longer, also on a machine that is busy with other tests. */
const SLACK_MS = 120_000;

test("I3 I4 I5 I11 I12 I14 I15: the embedded server is killed again and again; nothing is lost, and nothing happens twice", {
  timeout: 1_800_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "chaos-embedded-"));
  const seed = Date.now() % 1_000_000;
  onTestFinished(({ task }) => {
    if (task.result?.state !== "fail") rmSync(folder, { recursive: true, force: true });
  });
  const file = await runEmbedded({ folder, seed, kills: 200, forMs: 35_000 });
  const { violations, counts } = reportOn(file, { leaseMs: 0, queueMs: 0, slackMs: SLACK_MS });
  expect(violations, `seed ${seed}, history ${file}`).toEqual([]);
  expect(counts.get("kills")).toBeGreaterThan(2);
});
