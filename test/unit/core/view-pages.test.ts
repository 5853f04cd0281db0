import { expect, test } from "vitest";
import { Draft } from "../../../runtime/core/draft.ts";
import { NEW_HEAD, State } from "../../../runtime/core/state.ts";
import { View } from "../../../runtime/core/view.ts";

/** A state over 900 entries of which all are known already, as after writing them. */
function start() {
  const stored = Array.from({ length: 900 }, (_, n) => [`k${String(n).padStart(3, "0")}`, `[${n}]`] as const);
  const limits: number[] = [];
  const state = new State(
    { ...NEW_HEAD, version: 1, spilled: true },
    {
      read: async () => undefined,
      async list({ from, to, reverse, limit }) {
        limits.push(limit);
        const found = stored.filter(([key]) => key >= from && (to === undefined || key < to));
        if (reverse) found.reverse();
        return { entries: found.slice(0, limit), more: found.length > limit };
      },
    },
  );
  state.fold({ cleared: false, writes: new Map(stored) });
  return { state, limits };
}
const range = { from: "", to: undefined, reverse: false, limit: 1 };

test.each([false, true])(
  "a list asks the store for what it may need, not for what is known already (reverse: %s)",
  async (reverse) => {
    const { state, limits } = start();
    const found = await new View(state, [new Draft()]).list({ ...range, reverse });
    expect(found).toEqual(reverse ? [["k899", "[899]"]] : [["k000", "[0]"]]);
    expect(limits).toEqual([1]);
  },
);

test("each removed key may hide an entry", async () => {
  const { state, limits } = start();
  const draft = new Draft();
  for (const key of ["k000", "k001", "k002"]) draft.remove(key);
  expect(await new View(state, [draft]).list(range)).toEqual([["k003", "[3]"]]);
  expect(limits).toEqual([4]);
});
