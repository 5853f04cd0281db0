import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Draft } from "../../../runtime/core/draft.ts";
import { compareKeys } from "../../../runtime/core/key-order.ts";
import { inRange, keyRange } from "../../../runtime/core/key-range.ts";
import { NEW_HEAD, State } from "../../../runtime/core/state.ts";
import { View } from "../../../runtime/core/view.ts";
import type { ListOptions } from "../../../runtime/index.ts";
import type { EntryRange } from "../../../runtime/ports/store.ts";

type Texts = Record<string, string>;
type Layer = { cleared: boolean; writes: (readonly [key: string, text: string | undefined])[] };

/** A state of a head and entries, with finished turns over it; the store gives at most `page` entries at once. */
function stateOf({
  inline,
  stored,
  turns,
  page,
}: {
  inline: Texts;
  stored: Texts;
  turns: Layer[];
  page: number;
}) {
  const asked: number[] = [];
  const list = async ({ from, to, reverse, limit }: EntryRange) => {
    asked.push(limit);
    const found = Object.entries(stored).filter(([key]) => inRange(key, { from, to }));
    found.sort(([a], [b]) => (reverse ? compareKeys(b, a) : compareKeys(a, b)));
    const size = Math.min(page, limit);
    return { entries: found.slice(0, size), more: found.length > size };
  };
  const head = { ...NEW_HEAD, version: 1, inline: new Map(Object.entries(inline)), spilled: true };
  const state = new State(head, { read: async (_, key) => stored[key], list });
  for (const turn of turns) state.fold(draftOf(turn));
  return { state, asked };
}

function draftOf({ cleared, writes }: Layer): Draft {
  const draft = new Draft();
  if (cleared) draft.clear();
  for (const [key, text] of writes) {
    if (text === undefined) draft.remove(key);
    else draft.put(key, text);
  }
  return draft;
}

const KEYS = ["a", "b", "c", "d", "e", "f", "\uffff", "😀"];
const key = fc.constantFrom(...KEYS);
const layer = fc.record({
  cleared: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  writes: fc.array(fc.tuple(key, fc.option(fc.constantFrom("[1]", "[2]", "[3]"), { nil: undefined })), {
    maxLength: 4,
  }),
});
const options: fc.Arbitrary<ListOptions> = fc.record(
  { start: key, end: key, reverse: fc.boolean(), limit: fc.integer({ min: 1, max: 8 }) },
  { requiredKeys: [] },
);

describe("what code sees while it runs", () => {
  test("is what a plain map holds, in get and in list, whatever lies where", async () => {
    const world = fc.record({
      inline: fc.subarray(KEYS),
      stored: fc.subarray(KEYS),
      turns: fc.array(layer, { maxLength: 2 }),
      drafts: fc.array(layer, { minLength: 1, maxLength: 2 }),
      page: fc.integer({ min: 1, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(world, options, async ({ turns, drafts, page, ...places }, asked) => {
        const inline = Object.fromEntries(places.inline.map((each) => [each, '["inline"]']));
        const entries = places.stored.filter((each) => !places.inline.includes(each));
        const stored = Object.fromEntries(entries.map((each) => [each, '["entry"]']));
        const expected = new Map(Object.entries({ ...stored, ...inline }));
        for (const { cleared, writes } of [...turns, ...drafts]) {
          if (cleared) expected.clear();
          for (const [each, text] of writes) {
            if (text === undefined) expected.delete(each);
            else expected.set(each, text);
          }
        }
        const range = keyRange(asked);
        const listed = [...expected].filter(([each]) => inRange(each, range));
        listed.sort(([a], [b]) => (range.reverse ? compareKeys(b, a) : compareKeys(a, b)));

        const view = () => new View(stateOf({ inline, stored, turns, page }).state, drafts.map(draftOf));
        expect(await view().list(range)).toEqual(listed.slice(0, range.limit));
        for (const each of KEYS) expect(await view().read(each)).toBe(expected.get(each));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("what a list asks of the store", () => {
  const stored = Object.fromEntries(["b", "c", "d", "e", "f"].map((each) => [each, "[1]"]));
  const list = async (layers: Partial<Layer>[], asked: ListOptions) => {
    const state = stateOf({ inline: {}, stored, turns: [], page: 1000 });
    const drafts = layers.map((each) => draftOf({ cleared: false, writes: [], ...each }));
    const found = await new View(state.state, drafts).list(keyRange(asked));
    return { keys: found.map(([each]) => each).join(""), asked: state.asked };
  };

  test.each<[string, Partial<Layer>[], ListOptions, { keys: string; asked: number[] }]>([
    ["one page, as long as the answer", [{}], { limit: 2 }, { keys: "bc", asked: [2] }],
    [
      "one page, longer by what a draft may hide",
      [
        {
          writes: [
            ["b", undefined],
            ["d", undefined],
          ],
        },
      ],
      { limit: 2 },
      { keys: "ce", asked: [4] },
    ],
    [
      "not longer by what lies out of range",
      [{ writes: [["a", "[1]"]] }],
      { start: "b", limit: 2 },
      { keys: "bc", asked: [2] },
    ],
    ["never over 1000", [{ writes: [["a", "[1]"]] }], { limit: 1000 }, { keys: "abcdef", asked: [1000] }],
    [
      "nothing beneath a deleteAll",
      [{ cleared: true }, { writes: [["a", "[1]"]] }],
      {},
      { keys: "a", asked: [] },
    ],
  ])("%s", async (_, drafts, asked, expected) => {
    expect(await list(drafts, asked)).toEqual(expected);
  });
});
