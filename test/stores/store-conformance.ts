import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActorId } from "../../runtime/ports/mailbox.ts";
import type { Commit, Head, Store } from "../../runtime/ports/store.ts";

/** What every Store must do. `open` is called once per suite; instances are fresh names. */
export function describeStore(name: string, open: () => Store | Promise<Store>): void {
  describe(`Store conformance: ${name}`, () => {
    let opened: Promise<Store> | undefined;
    const store = () => {
      opened ??= Promise.resolve(open());
      return opened;
    };

    test("an instance that never committed has no head and no entries", async () => {
      const id = fresh();
      expect(await (await store()).hydrate(id)).toBeUndefined();
      expect(await (await store()).readEntry(id, 0, "k")).toBeUndefined();
    });

    test("a head comes back as committed, every field of it", async () => {
      const id = fresh();
      const head: Head = {
        version: 1,
        inline: new Map([
          ["plain", "[1]"],
          ["a.b #:😀 __proto__", '["ö"]'],
          ["__proto__", "[2]"],
          ["constructor", "[3]"],
        ]),
        spilled: true,
        generation: 3,
        swept: 2,
        mark: { queue: "q", sequence: "18849496460467696128" },
        settled: new Map([["e1", "+[1]"]]),
        outbox: ['{"v":2,"id":"=m1"}', "second", "😀 third"],
        alarm: { at: 1_790_000_000_123, retries: 3 },
        wake: { at: -5, version: 1 },
        trial: { id: "=__proto__ 😀", starts: 0 },
      };
      expect(await (await store()).commit({ id, expected: 0, head, entries: new Map() })).toEqual({
        status: "committed",
      });
      expect(await (await store()).hydrate(id)).toEqual(head);
    });

    test("what was committed does not follow the caller's maps", async () => {
      const id = fresh();
      const inline = new Map([["a", "[1]"]]);
      const settled = new Map([["e1", "+[1]"]]);
      const outbox = ["first"];
      const head = { ...headOf(1, {}), inline, settled, outbox };
      await land(await store(), { id, expected: 0, head, entries: new Map() });
      inline.set("a", "[2]");
      settled.clear();
      outbox.push("second");
      const stored = await (await store()).hydrate(id);
      expect([stored?.inline.get("a"), stored?.settled.get("e1")]).toEqual(["[1]", "+[1]"]);
      expect(stored?.outbox).toEqual(["first"]);
    });

    test.each([
      ["only the head", {}],
      ["head and entries", { k: "[9]" }],
    ])("an outbox comes back in order, and is gone after a commit without: %s", async (_, entries) => {
      const id = fresh();
      const outbox = Array.from({ length: 12 }, (_, n) => `{"id":"=m${11 - n}"}`);
      const first = commit(id, 0, {}, entries);
      await land(await store(), { ...first, head: { ...first.head, outbox } });
      expect((await (await store()).hydrate(id))?.outbox).toEqual(outbox);
      await land(await store(), commit(id, 1, {}, entries));
      expect((await (await store()).hydrate(id))?.outbox).toEqual([]);
    });

    test("a commit replaces the head whole", async () => {
      const id = fresh();
      await land(await store(), commit(id, 0, { a: "[1]", b: "[2]" }));
      await land(await store(), commit(id, 1, { b: "[3]" }));
      expect((await (await store()).hydrate(id))?.inline).toEqual(new Map([["b", "[3]"]]));
    });

    test.each([
      ["only the head", {}],
      ["head and entries", { k: "[9]" }],
    ])("I1: a commit on another version is fenced and writes nothing: %s", async (_, entries) => {
      const id = fresh();
      const never = await (await store()).commit(commit(id, 3, { a: "[0]" }, entries));
      expect(never).toEqual({ status: "fenced" });
      await land(await store(), commit(id, 0, { a: "[1]" }));
      await land(await store(), commit(id, 1, { a: "[2]" }));
      for (const stale of [0, 1, 3]) {
        const result = await (await store()).commit(commit(id, stale, { a: "[stale]" }, entries));
        expect(result).toEqual({ status: "fenced" });
      }
      expect(await (await store()).readEntry(id, 0, "k")).toBeUndefined();
    });

    test("I1: of commits that race from one version exactly one lands, with all of its entries", async () => {
      const id = fresh();
      await land(await store(), commit(id, 0, {}));
      const rivals = Array.from({ length: 8 }, (_, n) =>
        commit(id, 1, { winner: `[${n}]` }, { x: `[${n}]`, y: `[${n}]` }),
      );
      const shared = await store();
      const settled = await Promise.allSettled(rivals.map((each) => shared.commit(each)));
      const landed = settled.filter(
        (each) => each.status === "fulfilled" && each.value.status === "committed",
      );
      // A transaction may also be refused for the conflict itself; its outcome is then unknown to the caller.
      expect(landed.length).toBeLessThanOrEqual(1);
      const head = await shared.hydrate(id);
      expect(head?.version).toBe(2);
      const winner = head?.inline.get("winner");
      expect([await shared.readEntry(id, 0, "x"), await shared.readEntry(id, 0, "y")]).toEqual([
        winner,
        winner,
      ]);
    });

    test("a head that its reader knows comes back as it is on file by now", async () => {
      const id = fresh();
      const [first, second] = [commit(id, 0, { a: "[1]" }), commit(id, 1, { a: "[2]" })];
      const shared = await store();
      await land(shared, first);
      expect(await shared.hydrate(id, first.head)).toEqual(first.head);
      await land(shared, second);
      expect(await shared.hydrate(id, first.head)).toEqual(second.head);
      expect(await shared.hydrate(id, second.head)).toEqual(second.head);
      // Of a table that is restored: the same version, and another commit.
      const mark = { queue: "another", sequence: "1" };
      expect(await shared.hydrate(id, { ...second.head, mark, inline: new Map() })).toEqual(second.head);
    });

    test("entries are put, replaced and removed together with the head", async () => {
      const id = fresh();
      await land(await store(), commit(id, 0, {}, { a: "[1]", b: "[2]", "": "[3]", "ключ/😀": "[4]" }));
      await land(await store(), commit(id, 1, {}, { a: "[5]", b: undefined, missing: undefined }));
      const read = async (key: string) => (await store()).readEntry(id, 0, key);
      expect([await read("a"), await read("b"), await read(""), await read("ключ/😀")]).toEqual([
        "[5]",
        undefined,
        "[3]",
        "[4]",
      ]);
    });

    test("a commit takes 99 entries, and one of 384 KiB", async () => {
      const id = fresh();
      const many = Object.fromEntries(Array.from({ length: 99 }, (_, n) => [`k${n}`, `[${n}]`]));
      await land(await store(), commit(id, 0, {}, many));
      expect(await (await store()).readEntry(id, 0, "k98")).toBe("[98]");
      const large = "x".repeat(384 * 1024);
      await land(await store(), commit(id, 1, {}, { ["k".repeat(1000)]: large }));
      expect(await (await store()).readEntry(id, 0, "k".repeat(1000))).toBe(large);
    });

    test("instances never see each other, whatever their names", async () => {
      const names = ["a", "a/b", "a/", "A", "é", "e\u0301", " a", "head", "v/a", "😀", "x".repeat(1024)];
      const type = `T${randomUUID().slice(0, 8)}`;
      for (const [n, name] of names.entries()) {
        await land(await store(), commit({ type, name }, 0, { n: `[${n}]` }, { own: `[${n}]` }));
      }
      for (const [n, name] of names.entries()) {
        expect((await (await store()).hydrate({ type, name }))?.inline.get("n")).toBe(`[${n}]`);
        expect(await (await store()).readEntry({ type, name }, 0, "own")).toBe(`[${n}]`);
      }
    });

    test("entries are listed in the order of UTF-8 bytes, in any range, page by page", async () => {
      const id = fresh();
      const keys = ["", "\0", "a", "a\0", "a/b", "é", "\u{e000}", "\u{ffff}", "😀", "😀a", "\u{10ffff}"];
      await land(
        await store(),
        commit(id, 0, {}, Object.fromEntries(keys.toReversed().map((key) => [key, "[1]"]))),
      );
      const list = async (from: string, to: string | undefined, reverse: boolean, limit = 100) => {
        const range = { generation: 0, from, to, reverse, limit };
        const { entries, more } = await (await store()).listEntries(id, range);
        return { keys: entries.map(([key]) => key), more };
      };
      for (const [start, from] of keys.entries()) {
        for (const [end, to] of [...keys.entries(), [keys.length, undefined] as const]) {
          const expected = keys.slice(start, Math.max(start, end));
          expect((await list(from, to, false)).keys).toEqual(expected);
          expect((await list(from, to, true)).keys).toEqual(expected.toReversed());
        }
      }
      expect(await list("", undefined, false, 3)).toEqual({ keys: keys.slice(0, 3), more: true });
      expect(await list("a", undefined, true, 2)).toEqual({ keys: keys.slice(-2).toReversed(), more: true });
      expect(await list("", undefined, false, keys.length)).toEqual({ keys, more: false });
    });

    test("a page of large values is cut, and says that more follow", async () => {
      const id = fresh();
      const large = "x".repeat(380_000);
      for (let version = 0; version < 4; version++) {
        await land(await store(), commit(id, version, {}, { [`k${version}`]: large }));
      }
      const found: string[] = [];
      for (let from = "", more = true; more; from = `${found.at(-1)}\0`) {
        const page = await (await store()).listEntries(id, {
          generation: 0,
          from,
          to: undefined,
          reverse: false,
          limit: 100,
        });
        found.push(...page.entries.map(([key]) => key));
        more = page.more && page.entries.length > 0;
      }
      expect(found).toEqual(["k0", "k1", "k2", "k3"]);
    });

    test("generations are apart; what a deleteAll left behind is swept away, a bounded number at a time", async () => {
      const id = fresh();
      const own = { a: "[0]", b: "[0]", c: "[0]" };
      await land(await store(), commit(id, 0, {}, own));
      const next = (generation: number, version: number): Head => ({
        ...headOf(version, {}),
        generation,
        spilled: true,
      });
      const entries = new Map([["b", "[1]"]]);
      await land(await store(), { id, expected: 1, head: next(1, 2), entries });
      expect(await (await store()).readEntry(id, 1, "a")).toBeUndefined();
      expect(await (await store()).readEntry(id, 1, "b")).toBe("[1]");
      expect(await (await store()).readEntry(id, 0, "b")).toBe("[0]");
      expect(await (await store()).sweep(id, next(1, 2), 2)).toBe(false);
      expect(await (await store()).sweep(id, next(1, 2), 2)).toBe(true);
      expect(await (await store()).sweep(id, next(1, 2), 2)).toBe(true);
      for (const key of ["a", "b", "c"]) expect(await (await store()).readEntry(id, 0, key)).toBeUndefined();
      expect(await (await store()).readEntry(id, 1, "b")).toBe("[1]");
      expect((await (await store()).hydrate(id))?.version).toBe(2);
    });

    test("I5: a commit of any size lands whole", async () => {
      const id = fresh();
      const many = Object.fromEntries(
        Array.from({ length: 1000 }, (_, n) => [`k${String(n).padStart(4, "0")}`, `[${n}]`]),
      );
      await land(await store(), commit(id, 0, { a: "[1]" }, many));
      expect((await (await store()).hydrate(id))?.inline.get("a")).toBe("[1]");
      const { entries } = await (await store()).listEntries(id, {
        generation: 0,
        from: "",
        to: undefined,
        reverse: false,
        limit: 2000,
      });
      expect(Object.fromEntries(entries)).toEqual(many);
      const large = Object.fromEntries(
        Array.from({ length: 15 }, (_, n) => [`k000${n}`, "x".repeat(390_000)]),
      );
      await land(await store(), commit(id, 1, { a: "[2]" }, { ...large, k0999: undefined }));
      expect(await (await store()).readEntry(id, 0, "k00014")).toBe("x".repeat(390_000));
      expect(await (await store()).readEntry(id, 0, "k0999")).toBeUndefined();
      expect((await (await store()).hydrate(id))?.version).toBe(2);
    });

    test("any sequence of commits reads as the model does", async () => {
      const shared = await store();
      const write = fc.record({
        stale: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
        inline: fc.dictionary(fc.constantFrom("a", "b"), text(), { noNullPrototype: true }),
        entries: fc.dictionary(fc.constantFrom("a", "x", "y"), fc.option(text(), { nil: undefined }), {
          noNullPrototype: true,
        }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(write, { maxLength: 6 }), async (writes) => {
          const id = fresh();
          let version = 0;
          let inline: Record<string, string> = {};
          const entries = new Map<string, string>();
          for (const each of writes) {
            const expected = each.stale ? version + 1 : version;
            const { status } = await shared.commit(commit(id, expected, each.inline, each.entries));
            expect(status).toBe(each.stale ? "fenced" : "committed");
            if (each.stale) continue;
            version++;
            inline = each.inline;
            for (const [key, value] of Object.entries(each.entries)) {
              if (value === undefined) entries.delete(key);
              else entries.set(key, value);
            }
          }
          const head = await shared.hydrate(id);
          expect(head).toEqual(version === 0 ? undefined : headOf(version, inline));
          for (const key of ["a", "x", "y"])
            expect(await shared.readEntry(id, 0, key)).toBe(entries.get(key));
        }),
        { numRuns: 40 },
      );
    });
  });
}

function fresh(): ActorId {
  return { type: "T", name: randomUUID() };
}

function text() {
  return fc.string({ unit: "grapheme", maxLength: 8 }).map((value) => JSON.stringify([value]));
}

function headOf(version: number, inline: Record<string, string>): Head {
  return {
    version,
    inline: new Map(Object.entries(inline)),
    spilled: false,
    generation: 0,
    swept: 0,
    mark: undefined,
    settled: new Map(),
    outbox: [],
    alarm: undefined,
    wake: undefined,
    trial: undefined,
  };
}

function commit(
  id: ActorId,
  expected: number,
  inline: Record<string, string>,
  entries: Record<string, string | undefined> = {},
): Commit {
  return { id, expected, head: headOf(expected + 1, inline), entries: new Map(Object.entries(entries)) };
}

async function land(store: Store, each: Commit): Promise<void> {
  expect(await store.commit(each)).toEqual({ status: "committed" });
}
