import { expect, test } from "vitest";
import { NEW_HEAD, State } from "../../../runtime/core/state.ts";

test("an entry that was on its way when memory was trimmed does not come back as news", async () => {
  const arrivals: ((text: string) => void)[] = [];
  const state = new State(
    { ...NEW_HEAD, version: 1, spilled: true },
    {
      read: () => new Promise((resolve) => void arrivals.push(resolve)),
      list: async () => ({ entries: [], more: false }),
    },
  );
  // Stray: its turn threw without waiting for it.
  const stray = state.read("k");
  const large = "x".repeat(5 * 1024 * 1024);
  state.fold({
    cleared: false,
    writes: new Map([
      ["k", "[new]"],
      ["large", large],
    ]),
  });
  state.advance(
    { ...state.head, version: 2 },
    new Map([
      ["k", "entry"],
      ["large", "entry"],
    ]),
  );
  state.trim();
  arrivals[0]?.("[old]");
  await stray;
  const again = state.read("k");
  arrivals[1]?.("[new]");
  expect(await again).toBe("[new]");
});
