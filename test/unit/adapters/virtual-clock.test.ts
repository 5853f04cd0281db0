import { expect, test, vi } from "vitest";
import { VirtualClock } from "../../../runtime/adapters/virtual/virtual-clock.ts";

test("turns end also while a test runner holds the ticks of Node", async () => {
  const ticks = vi.spyOn(process, "nextTick").mockImplementation(() => {});
  const quiet = new VirtualClock(0).quiet();
  const { calls } = ticks.mock;
  ticks.mockRestore();
  expect(calls).toEqual([]);
  await quiet;
});
