import { Activations } from "../../runtime/core/activation.ts";
import { runBatch } from "../../runtime/core/batch.ts";
import { resultOf } from "../../runtime/core/outcome.ts";
import type { ActorId } from "../../runtime/ports/mailbox.ts";
import type { Store } from "../../runtime/ports/store.ts";
import { Loader, Script } from "../projects/probe/src/script.ts";
import { delivery, testDeps, UNLIMITED } from "../unit/core/fixtures.ts";
import type { StorageSystem } from "./storage-suite.ts";

/** The storage semantics on a bare store: a batch of one for each call, with memory kept between calls until it is evicted. */
export function batchSystem(store: Store): StorageSystem {
  const memories = new Map<string, Activations>();
  const base = testDeps({ Script, Loader });
  const memoryOf = (key: string) => {
    const memory = memories.get(key) ?? new Activations(1);
    memories.set(key, memory);
    return memory;
  };
  return {
    async call(type, name, method, args) {
      const to: ActorId = { type, name };
      const one = delivery(to, method, ...args);
      const deps = { ...base, store, activations: memoryOf(`${type}/${name}`) };
      const unfinished = await runBatch(to, [one], { times: UNLIMITED, deps });
      if (unfinished.length > 0) throw new Error(`not finished: ${base.problems.join("; ")}`);
      const outcome = deps.replies.outcome(one.envelope.id);
      deps.replies.filed.delete(one.envelope.id);
      if (!outcome) throw new Error("no reply was filed");
      if (!outcome.ok) return { error: `${outcome.error.name}: ${outcome.error.message}` };
      return { results: JSON.parse(JSON.stringify(resultOf(outcome, method) ?? null)) };
    },
    evict(type, name) {
      memories.delete(`${type}/${name}`);
    },
  };
}
