import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { INLINE_TOTAL_BYTES, layOut } from "../../../runtime/core/layout.ts";
import { NEW_HEAD, State } from "../../../runtime/core/state.ts";

const noEntries = {
  read: async () => undefined,
  list: async () => ({ entries: [], more: false }),
};
const written = (writes: ReadonlyMap<string, string | undefined>) => ({ cleared: false, writes });

describe("where values live", () => {
  test("small values stay in the head", () => {
    const layout = layOut(new State(NEW_HEAD, noEntries), written(new Map([["a", "[1]"]])));
    expect([...layout.inline]).toEqual([["a", "[1]"]]);
    expect(layout.entries.size).toBe(0);
    expect(layout.spilled).toBe(false);
  });

  test("large values, and the empty key, get entries of their own", () => {
    const large = "x".repeat(2048);
    const layout = layOut(
      new State(NEW_HEAD, noEntries),
      written(
        new Map([
          ["big", large],
          ["wide", "é".repeat(1024)],
          ["", "[1]"],
        ]),
      ),
    );
    expect([...layout.entries.keys()]).toEqual(["big", "wide", ""]);
    expect(layout.inline.size).toBe(0);
    expect(layout.spilled).toBe(true);
  });

  test("with a deleteAll the head alone changes: the entries of before are no longer looked at", () => {
    const state = new State({ ...NEW_HEAD, version: 3, spilled: true }, noEntries);
    state.advance(state.head, new Map([["k", "entry"]]));
    const writes = new Map([
      ["k", "[1]"],
      ["gone", undefined],
    ]);
    const layout = layOut(state, { cleared: true, writes });
    expect([[...layout.inline], [...layout.entries], layout.spilled]).toEqual([[["k", "[1]"]], [], false]);
  });

  test("when the head is full the largest of the changed values move out", () => {
    const changes = new Map(Array.from({ length: 4 }, (_, n) => [`k${n}`, "x".repeat(700 + n * 100)]));
    const layout = layOut(new State(NEW_HEAD, noEntries), written(changes));
    expect([...layout.inline.keys()]).toEqual(["k0", "k1", "k2"]);
    expect([...layout.entries.keys()]).toEqual(["k3"]);
  });

  test("a value that shrinks moves in, and its entry is removed", () => {
    const state = new State({ ...NEW_HEAD, version: 3, spilled: true }, noEntries);
    const layout = layOut(state, written(new Map([["k", "[1]"]])));
    expect(layout.inline.get("k")).toBe("[1]");
    expect([...layout.entries]).toEqual([["k", undefined]]);
  });

  test("the head stays within its budget, and no key is in two places, whatever the history", async () => {
    const clears = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);
    const write = fc.tuple(
      fc.constantFrom("", "a", "b", "c", "d", "e"),
      fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
    );
    const step = fc.record({
      hydrate: fc.boolean(),
      read: fc.option(fc.constantFrom("", "a", "b", "c"), { nil: undefined }),
      writes: fc.array(write, { minLength: 1, maxLength: 4 }),
      cleared: clears,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const stored = new Map<string, string>();
        const entriesNow = { ...noEntries, read: async (_: number, key: string) => stored.get(key) };
        let state = new State(NEW_HEAD, entriesNow);
        const expected = new Map<string, string>();
        for (const { hydrate, read, writes, cleared } of steps) {
          if (hydrate) state = new State(state.head, entriesNow);
          if (read !== undefined) expect(await state.read(read)).toBe(expected.get(read));
          const changes = new Map(
            writes.map(([key, size]) => [key, size === undefined ? undefined : "x".repeat(size)] as const),
          );
          if (cleared) expected.clear();
          for (const [key, text] of changes) {
            if (text === undefined) expected.delete(key);
            else expected.set(key, text);
          }
          const { inline, spilled, entries, homes } = layOut(state, { cleared, writes: changes });
          // What a deleteAll leaves behind belongs to an older generation, and is never seen again.
          if (cleared) stored.clear();
          for (const [key, text] of entries) {
            if (text === undefined) stored.delete(key);
            else stored.set(key, text);
          }
          const generation = state.head.generation + (cleared ? 1 : 0);
          const head = { ...state.head, inline, spilled, generation, version: state.head.version + 1 };
          state.fold({ cleared, writes: changes });
          state.advance(head, homes);
          let size = 0;
          for (const [key, text] of inline) {
            size += key.length + text.length;
            expect(stored.has(key)).toBe(false);
          }
          expect(size).toBeLessThanOrEqual(INLINE_TOTAL_BYTES);
          expect(new Map([...inline, ...stored])).toEqual(expected);
          if (stored.size > 0) expect(spilled).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("a turn that finished while an entry was being read knows better than the store", async () => {
  let arrive = (_: string) => {};
  const read = () =>
    new Promise<string>((resolve) => {
      arrive = resolve;
    });
  const state = new State({ ...NEW_HEAD, version: 1, spilled: true }, { ...noEntries, read });
  const reading = state.read("k");
  state.fold(written(new Map([["k", "[2]"]])));
  arrive("[1]");
  expect(await reading).toBe("[2]");
  expect(state.read("k")).toBe("[2]");
});
