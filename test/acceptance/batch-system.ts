import { Activations } from "../../runtime/core/activation.ts";
import { runBatch } from "../../runtime/core/batch.ts";
import { resultOf } from "../../runtime/core/outcome.ts";
import type { ActorId } from "../../runtime/ports/mailbox.ts";
import type { Store } from "../../runtime/ports/store.ts";
import { Loader, Script } from "../projects/probe/src/script.ts";
import { delivery, redelivered, testDeps, UNLIMITED } from "../unit/core/fixtures.ts";
import type { StorageSystem } from "./storage-suite.ts";

/** What becomes of a commit: it lands, the worker dies before or after it, or its answer is lost. */
export type Fate = "lands" | "dies before" | "dies after" | "answer lost";

/**
 * The storage semantics on a bare store: a batch of one for each call, with memory kept between calls until it is evicted.
 *
 * @param fate of the next commit; a worker that dies loses its memory, and its delivery comes again
 */
export function batchSystem(sound: Store, fate: () => Fate = () => "lands"): StorageSystem {
  let dead = false;
  const store: Store = {
    ...sound,
    async commit(commit) {
      const next = fate();
      if (next.startsWith("dies")) dead = true;
      if (next === "dies before") throw new Error("died");
      const result = await sound.commit(commit);
      if (next !== "lands") throw new Error(next);
      return result;
    },
    // The dead read nothing more.
    hydrate: (id) => (dead ? Promise.reject(new Error("died")) : sound.hydrate(id)),
  };
  const memories = new Map<string, Activations>();
  // Workers die here by chance, and as often as it wants: no call is to blame for it.
  const trial = { fromReceives: Number.POSITIVE_INFINITY, starts: Number.POSITIVE_INFINITY };
  const base = { ...testDeps({ Script, Loader }), trial };
  const memoryOf = (key: string) => {
    const memory = memories.get(key) ?? new Activations(1);
    memories.set(key, memory);
    return memory;
  };
  return {
    async call(type, name, method, args) {
      const to: ActorId = { type, name };
      const one = delivery(to, method, ...args);
      const key = `${type}/${name}`;
      let open = [one];
      for (let tries = 0; open.length > 0; tries++) {
        if (tries === 50) throw new Error(`not finished: ${base.problems.slice(-3).join("; ")}`);
        const deps = { ...base, store, activations: memoryOf(key) };
        open = (await runBatch(to, open, { times: UNLIMITED, deps })).map(redelivered);
        if (dead) memories.delete(key);
        dead = false;
      }
      const outcome = base.replies.outcome(one.envelope.id);
      base.replies.texts.delete(one.envelope.id);
      if (!outcome) throw new Error("no reply was filed");
      if (!outcome.ok) return { error: `${outcome.error.name}: ${outcome.error.message}` };
      return { results: JSON.parse(JSON.stringify(resultOf(outcome, method) ?? null)) };
    },
    evict(type, name) {
      memories.delete(`${type}/${name}`);
    },
  };
}
