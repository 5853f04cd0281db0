import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openHistory, readHistory } from "../../chaos/history.ts";

test("a history holds what several processes have recorded, also around what a killed one has left unfinished", () => {
  const folder = mkdtempSync(join(tmpdir(), "history-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "history.jsonl");
  const [one, other] = [openHistory(file), openHistory(file)];
  one.record({ is: "leased", batch: "1" });
  appendFileSync(file, '\n{"is":"leased","bat');
  other.record({ is: "leased", batch: "2" });
  one.record({ is: "start", worker: "w" });
  one.close();
  other.close();
  expect(readHistory(file).map(({ at: _, ...event }) => event)).toEqual([
    { is: "leased", batch: "1" },
    { is: "leased", batch: "2" },
    { is: "start", worker: "w" },
  ]);
});
