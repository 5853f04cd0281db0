import { describe, expect, test } from "vitest";
import { type Entries, NEW_HEAD, State } from "../../../runtime/core/state.ts";

const MIB = 1024 * 1024;
const written = (key: string, text: string) => ({ cleared: false, writes: new Map([[key, text]]) });
const CLEARED = { cleared: true, writes: new Map<string, string>() };

/** A state over a store that holds `stored` in entries and gives two of them a page. */
function start(stored: Record<string, string>) {
  const asked: string[] = [];
  const entries: Entries = {
    async read(generation, key) {
      asked.push(`${key} of ${generation}`);
      return stored[key];
    },
    async list({ generation, from, to, reverse }) {
      asked.push(`${from} to ${to ?? "the end"} of ${generation}`);
      const found = Object.entries(stored).filter(([key]) => key >= from && (to === undefined || key < to));
      if (reverse) found.reverse();
      return { entries: found.slice(0, 2), more: found.length > 2 };
    },
  };
  const head = { ...NEW_HEAD, version: 1, spilled: true, inline: new Map([["small", "[1]"]]) };
  return { state: new State(head, entries), head, asked };
}

const listed = async (state: State, reverse = false) => {
  const keys: string[] = [];
  for await (const [key] of state.entries({ from: "", to: undefined, reverse, limit: 10 })) keys.push(key);
  return keys;
};

describe("what an activation knows", () => {
  test("the head's values at once; an entry is read once, and makes the state unverified", async () => {
    const { state, asked } = start({ big: "[2]" });
    expect(state.read("small")).toBe("[1]");
    expect(state.unverified).toBe(false);
    expect([await state.read("big"), state.read("big")]).toEqual(["[2]", "[2]"]);
    expect([await state.read("none"), state.read("none")]).toEqual([undefined, undefined]);
    expect(asked).toEqual(["big of 0", "none of 0"]);
    expect(state.unverified).toBe(true);
    expect([state.home("small"), state.home("big"), state.home("none"), state.home("other")]).toEqual([
      "inline",
      "entry",
      "nowhere",
      "unknown",
    ]);
  });

  test("entries come page by page, either way, and make the state unverified", async () => {
    const { state, asked } = start({ a: "[1]", b: "[2]", c: "[3]", d: "[4]", e: "[5]" });
    expect(await listed(state)).toEqual(["a", "b", "c", "d", "e"]);
    expect(await listed(state, true)).toEqual(["e", "d", "c", "b", "a"]);
    expect(asked.length).toBe(6);
    expect(state.unverified).toBe(true);
  });

  test("a turn that finished while an entry was read knows better", async () => {
    const { state } = start({ big: "[old]" });
    const reading = state.read("big");
    state.fold(written("big", "[new]"));
    expect(await reading).toBe("[new]");
    expect(state.read("big")).toBe("[new]");
  });
});

test("a commit moves the keys that it changed, and no others", async () => {
  const { state, head } = start({ big: "[2]" });
  await state.read("big");
  state.fold(written("small", "[3]"));
  state.advance({ ...head, version: 2, inline: new Map() }, new Map([["small", "entry"]]));
  expect([state.home("small"), state.home("big"), state.head.version]).toEqual(["entry", "entry", 2]);
});

describe("a deleteAll", () => {
  test("that is not committed yet hides the entries, and the store is not asked for them", async () => {
    const { state, head, asked } = start({ big: "[2]" });
    state.fold(CLEARED);
    expect([state.read("small"), state.read("big"), await listed(state)]).toEqual([undefined, undefined, []]);
    state.advance({ ...head, version: 2, generation: 1, inline: new Map(), spilled: false }, new Map());
    expect([state.read("small"), state.read("big"), await listed(state)]).toEqual([undefined, undefined, []]);
    expect(asked).toEqual([]);
  });

  test("is not undone by an entry that was on its way", async () => {
    const { state } = start({ big: "[2]" });
    const reading = state.read("big");
    state.fold(CLEARED);
    expect(await reading).toBeUndefined();
    expect(state.read("big")).toBeUndefined();
    expect([...state.known]).toEqual([]);
  });

  test("once committed, no key is where it was", async () => {
    const { state, head } = start({ big: "[2]" });
    await state.read("big");
    state.fold({ cleared: true, writes: new Map([["kept", "[3]"]]) });
    const homes = new Map([["kept", "entry"]] as const);
    state.advance({ ...head, version: 2, generation: 1, inline: new Map() }, homes);
    expect([state.home("small"), state.home("big"), state.home("kept")]).toEqual([
      "unknown",
      "unknown",
      "entry",
    ]);
    expect(state.read("kept")).toBe("[3]");
  });
});

describe("memory", () => {
  const large = "x".repeat(MIB);
  const stored = { a: large, b: large, c: large, d: large };

  test("keeps entries up to 4 MiB", async () => {
    const { state } = start({ ...stored, d: "x".repeat(MIB - 4) });
    for (const key of ["a", "b", "c", "d"]) await state.read(key);
    state.trim();
    expect([...state.known.keys()]).toEqual(["small", "a", "b", "c", "d"]);
  });

  test("past that forgets the entries, and nothing else", async () => {
    const { state, asked } = start(stored);
    for (const key of ["a", "b", "c", "d", "none"]) await state.read(key);
    state.fold(written("not committed yet", "[1]"));
    state.trim();
    expect([...state.known.keys()]).toEqual(["small", "not committed yet"]);
    expect([state.home("small"), state.home("a"), state.home("none")]).toEqual([
      "inline",
      "unknown",
      "unknown",
    ]);
    asked.length = 0;
    expect(await state.read("a")).toBe(large);
    expect(asked).toEqual(["a of 0"]);
  });

  test("keys that are not there count too", async () => {
    const { state } = start({});
    for (let key = 0; key < 5; key++) await state.read(String(key).repeat(MIB));
    state.trim();
    expect([...state.known.keys()]).toEqual(["small"]);
  });
});
