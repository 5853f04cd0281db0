import { actorKey } from "../../core/actor-id.ts";
import { compareKeys } from "../../core/key-order.ts";
import { inRange } from "../../core/key-range.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import type { Head, Store } from "../../ports/store.ts";

/** A Store in memory: for tests, and for a server whose state may vanish. */
export function createMemoryStore(): Store {
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
  };
}
