import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { keyedId } from "../../../runtime/core/envelope-id.ts";
import { createNamespace } from "../../../runtime/core/namespace.ts";
import { type ActorNamespace, StatefulActor } from "../../../runtime/index.ts";
import type { Delivery, Envelope } from "../../../runtime/ports/mailbox.ts";
import type { Store } from "../../../runtime/ports/store.ts";
import { delivery, RecordedReplies, redelivered, testDeps, UNLIMITED } from "./fixtures.ts";

class Book extends StatefulActor<unknown> {
  async enter(line: string) {
    const lines = (await this.ctx.storage.get<string>("lines")) ?? "";
    await this.ctx.storage.put("lines", `${lines}${line},`);
  }
}

class Till extends StatefulActor<{ BOOK: ActorNamespace<Book> }> {
  async sell(item: number) {
    const sold = (await this.ctx.storage.get<string>("sold")) ?? "";
    const book = this.env.BOOK.idFromName("book");
    await book.send.enter(`${item}a`);
    await this.ctx.storage.put("sold", `${sold}${item},`);
    await book.send.enter(`${item}b`);
    if (item % 5 === 0) throw new Error("not for sale");
  }
}

let workers = 0;

const till = { type: "Till", name: "one" };
const book = { type: "Book", name: "book" };

type Fault =
  | "none"
  | "lost"
  | "unknown"
  | "reply lost"
  | "send lost"
  | "send unknown"
  | "rival"
  | "crash"
  | "given up";
const fault = fc.constantFrom<Fault>(
  "none",
  "none",
  "none",
  "lost",
  "unknown",
  "reply lost",
  "send lost",
  "send unknown",
  "rival",
  "crash",
  "given up",
);

test("I11 I12: however often calls are asked for, and whatever is lost: each is applied once, and its messages arrive and are applied once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      // Items sold; each is asked for under a key of its own, several times over.
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
      fc.array(fault, { maxLength: 25 }),
      async (asked, cuts, faults) => {
        const store = createMemoryStore();
        const replies = new RecordedReplies();
        const script = [...faults];
        const arrived: Envelope[] = [];
        const keyed = (item: number): Delivery => {
          const plain = delivery(till, "sell", item);
          const { id } = plain.envelope;
          return {
            ...plain,
            envelope: { ...plain.envelope, id: keyedId(till, `sale ${item}`), attempt: `attempt of ${id}` },
          };
        };
        let queue = asked.map(keyed);

        const worker = (batch: Delivery[], own: Store) => {
          const env: Record<string, unknown> = {};
          const deps = testDeps({ Till, Book }, env);
          const mailbox = {
            send: async (envelope: Envelope) => {
              const next = script[0]?.startsWith("send") ? script.shift() : "none";
              if (next === "send lost") throw new Error(next);
              arrived.push(envelope);
              if (next === "send unknown") throw new Error(next);
            },
          };
          let ids = 0;
          const run = `${script.length}-${arrived.length}-${++workers}`;
          const caller = createCaller({
            ...deps,
            routeTo: () => ({ mailbox, replies }),
            ids: { next: () => `${run}-${++ids}` },
            callWaitMs: 1000,
          });
          env.BOOK = createNamespace("Book", { caller, ids: { next: () => "unused" } });
          return runBatch(till, batch, { times: UNLIMITED, deps: { ...deps, store: own, replies, mailbox } });
        };
        const faulty = (batch: Delivery[]): Store => ({
          ...store,
          async commit(commit) {
            const next = ["lost", "crash", "rival", "unknown", "none"].includes(script[0] ?? "send")
              ? script.shift()
              : "none";
            if (next === "lost" || next === "crash") throw new Error(next);
            if (next === "rival") await worker(batch, store);
            const result = await store.commit(commit);
            if (next === "unknown") throw new Error("unknown");
            return result;
          },
        });

        for (let round = 0; queue.length > 0; round++) {
          const batch = queue.slice(0, cuts[round % cuts.length]);
          replies.failures = script[0] === "reply lost" && script.shift() ? 2 : 0;
          const unfinished = await worker(batch, faulty(batch));
          replies.failures = 0;
          // The queue gives up what was received too often; whoever asked asks again, behind all others.
          const givenUp = script[0] === "given up" && script.shift() ? unfinished.splice(0, 1) : [];
          const crashed = script[0] === "crash" && script.shift();
          const back = crashed ? batch.filter((each) => !givenUp.includes(each)) : unfinished;
          const again = givenUp.map(({ envelope }) => keyed(JSON.parse(envelope.call.args)[1]));
          queue = [...back.map(redelivered), ...queue.slice(batch.length), ...again];
        }
        // What the last worker may still owe.
        await worker([], store);

        const sold = textOf(await store.hydrate(till), "sold");
        const wanted = [...new Set(asked)].filter((item) => item % 5 !== 0);
        expect([...sold].sort()).toEqual(wanted.map(String).sort());
        for (const item of new Set(asked)) {
          expect(replies.outcome(keyedId(till, `sale ${item}`))?.ok).toBe(item % 5 !== 0);
        }

        // The receiver gets them as a mailbox hands them over, one by one, twice over.
        const deps = { ...testDeps({ Till, Book }), store, replies: new RecordedReplies() };
        let sequence = 0;
        for (const envelope of [...arrived, ...arrived]) {
          const mark = { queue: "book", sequence: String(++sequence) };
          await runBatch(book, [{ envelope, mark, suspect: false, receives: 1 }], { times: UNLIMITED, deps });
        }
        expect(textOf(await store.hydrate(book), "lines")).toEqual(
          sold.flatMap((item) => [`${item}a`, `${item}b`]),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

function textOf(head: Awaited<ReturnType<Store["hydrate"]>>, key: string): string[] {
  const text = head?.inline.get(key);
  return text === undefined ? [] : JSON.parse(text)[0].split(",").slice(0, -1);
}
