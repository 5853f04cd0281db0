import type { ServeDeps } from "../../handlers/serve-records.ts";
import type { Head, Store } from "../../runtime/ports/store.ts";

/** Workers that break a rule on purpose: a run with them must find a violation. */
export const VARIANTS: Readonly<Record<string, (deps: ServeDeps) => ServeDeps>> = {
  /** The version of the head is no condition of a commit. */
  "no fence": (deps) => ({ ...deps, store: { ...deps.store, commit: commitAnyway(deps.store) } }),
  /** Replies leave before the commit has landed. */
  "reply before commit": (deps) => ({ ...deps, store: { ...deps.store, commit: commitLater(deps.store) } }),
  /** Nobody looks how far the mailbox is committed: what was answered long ago runs again when a worker wakes up with it. */
  "no mark": (deps) => ({
    ...deps,
    store: { ...deps.store, hydrate: without(deps.store, { mark: undefined }) },
  }),
  /** Nobody looks whether an envelope was settled before. */
  "no settled check": (deps) => ({
    ...deps,
    store: { ...deps.store, hydrate: without(deps.store, { mark: undefined, settled: new Map() }) },
    replies: { ...deps.replies, filed: async () => new Set() },
  }),
};

function commitAnyway(store: Store): Store["commit"] {
  return async (commit) => {
    for (;;) {
      const expected = (await store.hydrate(commit.id))?.version ?? 0;
      const version = Math.max(commit.head.version, expected + 1);
      const result = await store.commit({ ...commit, expected, head: { ...commit.head, version } });
      if (result.status === "committed") return result;
    }
  };
}

/** How long a commit takes that nobody waits for, in ms. */
const LATER_MS = 150;

function commitLater(store: Store): Store["commit"] {
  const last = new Map<string, Promise<unknown>>();
  return async (commit) => {
    const key = `${commit.id.type}/${commit.id.name}`;
    const before = last.get(key) ?? Promise.resolve();
    const later = before.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, LATER_MS));
      await store.commit(commit).catch(() => {});
    });
    last.set(key, later);
    return { status: "committed" };
  };
}

function without(store: Store, forgotten: Partial<Head>): Store["hydrate"] {
  return async (id) => {
    const head = await store.hydrate(id);
    return head && { ...head, ...forgotten };
  };
}
