import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import type { Store } from "../../../runtime/ports/store.ts";
import { delivery, RecordedReplies, redelivered, testDeps, UNLIMITED } from "./fixtures.ts";

class Ledger extends StatefulActor<unknown> {
  async append(entry: number) {
    const entries = (await this.ctx.storage.get<number[]>("entries")) ?? [];
    await this.ctx.storage.put("entries", [...entries, entry]);
    if (entry % 7 === 0) throw new Error("refused");
    return entries.length;
  }
  async length() {
    return ((await this.ctx.storage.get<number[]>("entries")) ?? []).length;
  }
}

const ledger = { type: "Ledger", name: "one" };
type Fault = "none" | "lost" | "unknown" | "reply lost" | "rival" | "crash";
const fault = fc.constantFrom<Fault>(
  "none",
  "none",
  "none",
  "lost",
  "unknown",
  "reply lost",
  "rival",
  "crash",
);

/** A commit that fails, lands unseen, or meets a rival with the same batch, as `faults` say. */
function faulty(store: Store, faults: Fault[], rival: () => Promise<unknown>): Store {
  return {
    ...store,
    async commit(commit) {
      const next = faults.shift();
      if (next === "lost" || next === "crash") throw new Error(next);
      if (next === "rival") await rival();
      const result = await store.commit(commit);
      if (next === "unknown") throw new Error("unknown");
      return result;
    },
  };
}

test("I1 I2 I3 I4 I5: under lost, unknown and rival commits and lost replies, every append is applied once, in order, and answered truly", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
      fc.array(fault, { maxLength: 12 }),
      async (entries, cuts, faults) => {
        const store = createMemoryStore();
        const replies = new RecordedReplies();
        const sent = entries.map((entry, index) =>
          index % 3 === 2 ? delivery(ledger, "length") : delivery(ledger, "append", entry),
        );
        let queue: Delivery[] = sent;
        const script = [...faults];
        const worker = (batch: Delivery[]) => {
          const deps = { ...testDeps({ Ledger }), replies };
          const rival = { ...testDeps({ Ledger }), replies, store };
          replies.failures = script[0] === "reply lost" ? 1 : 0;
          return runBatch(ledger, batch, {
            times: UNLIMITED,
            deps: {
              ...deps,
              store: faulty(store, script, () => runBatch(ledger, batch, { times: UNLIMITED, deps: rival })),
            },
          });
        };
        for (let round = 0; queue.length > 0; round++) {
          const batch = queue.slice(0, cuts[round % cuts.length]);
          const unfinished = await worker(batch);
          // A worker that dies after its work loses its deletes: everything it held comes again.
          const crashed = script[0] === "crash" && script.shift() === "crash";
          const back = crashed ? batch : unfinished;
          queue = [...back.map(redelivered), ...queue.slice(batch.length)];
        }

        const applied: number[] = [];
        for (const { envelope } of sent) {
          const outcome = replies.outcome(envelope.id);
          if (envelope.call.method === "length") {
            expect(outcome).toEqual({
              ok: true,
              result: applied.length === 0 ? "[0]" : `[${applied.length}]`,
            });
            continue;
          }
          const [[index], value] = JSON.parse(envelope.call.args);
          const entry = index === 1 ? value : Number.NaN;
          if (entry % 7 === 0) {
            expect(outcome).toMatchObject({ ok: false, error: { message: "refused" } });
            continue;
          }
          expect(outcome).toEqual({ ok: true, result: `[${applied.length}]` });
          applied.push(entry);
        }
        const text = (await store.hydrate(ledger))?.inline.get("entries");
        const stored: number[] = text === undefined ? [] : decodeList(text);
        expect(stored).toEqual(applied);
      },
    ),
    { numRuns: 2000 },
  );
});

/** `[[1,2,1],5,6]`: the codec lists each distinct value once. */
function decodeList(text: string): number[] {
  const [indexes, ...values] = JSON.parse(text) as [number[], ...number[]];
  return indexes.map((index) => values[index - 1] ?? Number.NaN);
}
