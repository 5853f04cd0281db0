import { actorKey } from "../../core/actor-id.ts";
import type { Head, Store } from "../../ports/store.ts";

/** A Store in memory: for tests, and for a server whose state may vanish. */
export function createMemoryStore(): Store {
  const heads = new Map<string, Head>();
  const entries = new Map<string, Map<string, string>>();

  return {
    async hydrate(id) {
      return heads.get(actorKey(id));
    },
    async readEntry(id, key) {
      return entries.get(actorKey(id))?.get(key);
    },
    async commit(commit) {
      const instance = actorKey(commit.id);
      const head = heads.get(instance);
      if ((head?.version ?? 0) !== commit.expected) return { status: "fenced", head };
      heads.set(instance, structuredClone(commit.head));
      const own = entries.get(instance) ?? new Map<string, string>();
      entries.set(instance, own);
      for (const [key, text] of commit.entries) {
        if (text === undefined) own.delete(key);
        else own.set(key, text);
      }
      return { status: "committed" };
    },
  };
}
