import { actorIdOf, actorKey } from "../../core/actor-id.ts";
import { holdsAnything, inKeyOrder, nameRange } from "../../core/directory.ts";
import { compareKeys } from "../../core/key-order.ts";
import { inRange } from "../../core/key-range.ts";
import type { Directory } from "../../ports/directory.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import type { Head, Store } from "../../ports/store.ts";

/** A Store in memory, and its Directory: for tests, and for a server whose state may vanish. */
export function createMemoryStore(): Store & Directory {
  const heads = new Map<string, Head>();
  /** Entries by generation, of each instance. */
  const entries = new Map<string, Map<number, Map<string, string>>>();

  const entriesOf = (id: ActorId, generation: number): ReadonlyMap<string, string> =>
    entries.get(actorKey(id))?.get(generation) ?? new Map();

  return {
    async hydrate(id) {
      return heads.get(actorKey(id));
    },
    async readEntry(id, generation, key) {
      return entriesOf(id, generation).get(key);
    },
    async listEntries(id, { generation, from, to, reverse, limit }) {
      const found = [...entriesOf(id, generation)]
        .filter(([key]) => inRange(key, { from, to }))
        .sort(([a], [b]) => (reverse ? compareKeys(b, a) : compareKeys(a, b)));
      return { entries: found.slice(0, limit), more: found.length > limit };
    },
    async commit({ id, expected, head, entries: changed }) {
      const instance = actorKey(id);
      if ((heads.get(instance)?.version ?? 0) !== expected) return { status: "fenced" };
      heads.set(instance, structuredClone(head));
      const generations = entries.get(instance) ?? new Map<number, Map<string, string>>();
      entries.set(instance, generations);
      const own = generations.get(head.generation) ?? new Map<string, string>();
      generations.set(head.generation, own);
      for (const [key, text] of changed) {
        if (text === undefined) own.delete(key);
        else own.set(key, text);
      }
      return { status: "committed" };
    },
    async sweep(id, head, limit) {
      let left = limit;
      for (const [generation, old] of entries.get(actorKey(id)) ?? []) {
        if (generation >= head.generation) continue;
        for (const key of old.keys()) {
          if (left-- === 0) return false;
          old.delete(key);
        }
      }
      return true;
    },
    async types() {
      return [...new Set([...heads.keys()].map((key) => actorIdOf(key).type))].sort(compareKeys);
    },
    async list(query) {
      const { from, to } = nameRange(query);
      const found = [...heads].flatMap(([key, head]) => {
        const { type, name } = actorIdOf(key);
        const wanted = type === query.type && holdsAnything(head) && inRange(name, { from, to });
        return wanted && name !== query.after ? [{ name, version: head.version, alarm: head.alarm }] : [];
      });
      found.sort((a, b) => compareKeys(a.name, b.name));
      return { instances: found.slice(0, query.limit), more: found.length > query.limit };
    },
    async snapshot(id) {
      const head = heads.get(actorKey(id));
      if (head === undefined) return undefined;
      return { head, values: inKeyOrder([...head.inline, ...entriesOf(id, head.generation)]) };
    },
  };
}
