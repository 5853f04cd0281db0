import { describe, expect, test } from "vitest";
import { compareKeys } from "../../runtime/core/key-order.ts";
import { NEW_HEAD } from "../../runtime/core/state.ts";
import type { Directory, Snapshot } from "../../runtime/ports/directory.ts";
import type { ActorId } from "../../runtime/ports/mailbox.ts";
import type { Head, Store } from "../../runtime/ports/store.ts";

export interface Place {
  readonly store: Store;
  readonly directory: Directory;
}

/** Names that the order of UTF-16 units, a separator or a bound could get wrong. */
const NAMES = ["a", "a/b", "a#0", "A", "ab", "b", "\uffff", "😀", "é", "__proto__", "head", "n".repeat(1024)];

/** What every Directory must do. `open` gives an empty place of its own to each test. */
export function describeDirectory(name: string, open: () => Place | Promise<Place>): void {
  describe(`Directory conformance: ${name}`, () => {
    test("I22: instances are listed by name, in the order of the bytes, from their first commit on", async () => {
      const { store, directory } = await open();
      expect(await directory.list({ ...ALL, type: "T" })).toEqual({ instances: [], more: false });
      for (const each of NAMES) await make(store, { type: "T", name: each });
      await make(store, { type: "Tt", name: "other" });
      await make(store, { type: "S", name: "other" });
      const { instances, more } = await directory.list({ ...ALL, type: "T" });
      expect(instances.map(({ name }) => name)).toEqual([...NAMES].sort(compareKeys));
      expect(more).toBe(false);
      expect(instances[0]).toEqual({ name: "A", version: 1, alarm: undefined });
    });

    test("page by page, whatever the size, each instance comes once", async () => {
      const { store, directory } = await open();
      const names = Array.from({ length: 23 }, (_, n) => `n${n}`).sort(compareKeys);
      for (const each of names) await make(store, { type: "T", name: each });
      for (const limit of [1, 2, 22, 23, 24]) {
        const seen: string[] = [];
        for (let after: string | undefined; ; ) {
          const page = await directory.list({ type: "T", prefix: "", after, limit });
          seen.push(...page.instances.map(({ name }) => name));
          expect(page.instances.length).toBeLessThanOrEqual(limit);
          if (!page.more) break;
          after = page.instances.at(-1)?.name;
        }
        expect(seen).toEqual(names);
      }
    });

    test("by prefix, and from any place on, also one that no instance has", async () => {
      const { store, directory } = await open();
      for (const each of ["a", "b", "ba", "bb", "b\u{10ffff}", "c"])
        await make(store, { type: "T", name: each });
      const names = async (prefix: string, after?: string) => {
        const page = await directory.list({ type: "T", prefix, after, limit: 10 });
        return page.instances.map(({ name }) => name);
      };
      expect(await names("b")).toEqual(["b", "ba", "bb", "b\u{10ffff}"]);
      expect(await names("b", "a")).toEqual(["b", "ba", "bb", "b\u{10ffff}"]);
      expect(await names("b", "ba")).toEqual(["bb", "b\u{10ffff}"]);
      expect(await names("b", "baa")).toEqual(["bb", "b\u{10ffff}"]);
      expect(await names("b", "c")).toEqual([]);
      expect(await names("", "bb")).toEqual(["b\u{10ffff}", "c"]);
      expect(await names("", "n".repeat(1024))).toEqual([]);
      expect(await names("zz")).toEqual([]);
    });

    test("what holds nothing is not listed, and is again when it does", async () => {
      const { store, directory } = await open();
      const listed = async () => (await directory.list({ ...ALL, type: "T" })).instances;
      const id = { type: "T", name: "one" };
      await land(store, id, {
        version: 1,
        mark: { queue: "q", sequence: "1" },
        settled: new Map([["e", "+[1]"]]),
      });
      expect(await listed()).toEqual([]);
      await land(store, id, { version: 2, inline: new Map([["k", "[1]"]]) });
      expect(await listed()).toEqual([{ name: "one", version: 2, alarm: undefined }]);
      await land(store, id, { version: 3, generation: 1 });
      expect(await listed()).toEqual([]);
      await land(store, id, { version: 4, generation: 1, alarm: { at: 17, retries: 2 } });
      expect(await listed()).toEqual([{ name: "one", version: 4, alarm: { at: 17, retries: 2 } }]);
      await land(store, id, { version: 5, generation: 1, spilled: true }, new Map([["k", "[1]"]]));
      expect(await listed()).toEqual([{ name: "one", version: 5, alarm: undefined }]);
    });

    test("many that hold nothing do not end a page early", async () => {
      const { store, directory } = await open();
      for (let n = 0; n < 130; n++) await land(store, { type: "T", name: `n${n}` }, { version: 1 });
      await make(store, { type: "T", name: "z" });
      const { instances, more } = await directory.list({ type: "T", prefix: "", after: undefined, limit: 1 });
      expect([instances.map(({ name }) => name), more]).toEqual([["z"], false]);
    });

    test("a snapshot holds the values in the head and beside it, those of this generation alone, in order", async () => {
      const { store, directory } = await open();
      const id = { type: "T", name: "one" };
      expect(await directory.snapshot(id)).toBeUndefined();
      const old = new Map([["old", "[0]"]]);
      await land(store, id, { version: 1, spilled: true }, old);
      const inline = new Map([["b", "[2]"]]);
      const beside = new Map([
        ["😀", "[4]"],
        ["a", "[1]"],
        ["\uffff", "[3]"],
      ]);
      await land(store, id, { version: 2, generation: 1, spilled: true, inline }, beside);
      const snapshot = await directory.snapshot(id);
      expect(snapshot?.head).toEqual(await store.hydrate(id));
      expect([...(snapshot?.values ?? [])]).toEqual([
        ["a", "[1]"],
        ["b", "[2]"],
        ["\uffff", "[3]"],
        ["😀", "[4]"],
      ]);
    });

    test("I23: a snapshot never holds half a commit, also of one too large for a transaction", async () => {
      const { store, directory } = await open();
      const id = { type: "T", name: "busy" };
      const check = ({ head, values }: Snapshot) => {
        const five = Array.from({ length: 5 }, (_, n) => values.get(`k${n}`));
        expect(new Set([values.get("in"), ...five])).toEqual(new Set([`[${head.version}]`]));
        return head.version;
      };
      let last = 0;
      const writing = (async () => {
        while (last < 12) {
          const version = last + 1;
          const text = `[${version}]`;
          // Every third commit goes through a journal, where there is one.
          const keys = version % 3 === 0 ? 120 : 5;
          const beside = new Map(Array.from({ length: keys }, (_, n) => [`k${n}`, text]));
          await land(store, id, { version, spilled: true, inline: new Map([["in", text]]) }, beside);
          last = version;
        }
      })();
      while (last < 12) {
        const snapshot = await directory.snapshot(id).catch((error: Error) => {
          expect(error.name).toBe("SnapshotError");
        });
        if (snapshot) check(snapshot);
        // Readers that never wait would keep the writer from its turn.
        await new Promise(setImmediate);
      }
      await writing;
      const snapshot = await directory.snapshot(id);
      expect(snapshot && check(snapshot)).toBe(12);
    });
  });
}

const ALL = { prefix: "", after: undefined, limit: 1000 };

function make(store: Store, id: ActorId): Promise<void> {
  return land(store, id, { version: 1, inline: new Map([["k", "[1]"]]) });
}

async function land(
  store: Store,
  id: ActorId,
  head: Partial<Head> & Pick<Head, "version">,
  entries: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const result = await store.commit({
    id,
    expected: head.version - 1,
    head: { ...NEW_HEAD, ...head },
    entries,
  });
  expect(result).toEqual({ status: "committed" });
}
