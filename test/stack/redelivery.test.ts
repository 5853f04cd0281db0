import type { SQSRecord } from "aws-lambda";
import { expect, test } from "vitest";
import { serveRecords } from "../../handlers/serve-records.ts";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsLease, type Lease } from "../../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { createMemoryDeadLetters } from "../../runtime/adapters/local/memory-dead-letters.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { Activations } from "../../runtime/core/activation.ts";
import { decodeMessage } from "../../runtime/core/message.ts";
import { StatefulActor } from "../../runtime/index.ts";
import type { Clock } from "../../runtime/ports/clock.ts";
import type { Replies } from "../../runtime/ports/replies.ts";
import { describeOnBoth } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable, makeReplyTable } from "../stores/dynamo-table.ts";
import { deleteBatch, makeMailbox, receiveBatch, sqsAt } from "./event-source.ts";

/** How long a message may take to come back when it comes back early; the queue's own timeout is far longer. */
const SOON_MS = 120_000;
const VISIBILITY_SECONDS = 600;

let turns = 0;
/** What a turn that works for long waits for. */
let work: Promise<void> = Promise.resolve();

class Account extends StatefulActor<unknown> {
  async deposit(amount: number) {
    turns++;
    const balance = ((await this.ctx.storage.get<number>("balance")) ?? 0) + amount;
    await this.ctx.storage.put("balance", balance);
    return balance;
  }

  async audit() {
    turns++;
    await work;
    await this.ctx.storage.put("audited", true);
    return "done";
  }
}

/**
 * What a worker does in a lease of a few seconds may take a busy machine longer. Then once more, from the start, with a longer one.
 *
 * @param attempt gets the length of the lease in seconds; resolves to undefined where it was over too soon
 */
async function inLease<T>(attempt: (leaseSeconds: number) => Promise<T | undefined>): Promise<T> {
  for (const leaseSeconds of [3, 10, 30]) {
    const result = await attempt(leaseSeconds);
    if (result !== undefined) return result;
  }
  throw new Error("the lease was over too soon, also one of 30 s");
}

/** Of a process that is dead: nothing happens in it any more. */
const stopped: Clock = { ...systemClock, after: () => () => {} };

const alice = { type: "Account", name: "alice" };

const FINGERPRINT = "0123456789ab";

describeOnBoth("redelivery on the real adapters", ({ url }) => {
  const sqs = sqsAt(url);
  const dynamo = dynamoAt(url);

  const start = async () => {
    const queueUrl = await makeMailbox(sqs, { visibilitySeconds: VISIBILITY_SECONDS });
    const replyTable = await makeReplyTable(dynamo);
    const replies = createDynamoReplies({
      client: dynamo,
      table: replyTable,
      clock: systemClock,
      ids: randomIds,
      retentionMs: 3_600_000,
    });
    const store = createDynamoStore({
      client: dynamo,
      table: await makeActorTable(dynamo),
      ids: randomIds,
      clock: systemClock,
    });
    const mailbox = createSqsMailbox({
      client: sqs,
      mailboxUrl: queueUrl,
      delayUrl: "none",
      clock: systemClock,
    });
    const lease = createSqsLease(sqs, queueUrl);
    /** A worker with a memory of its own; `dying` ones end at the given step, as a killed process does, and have no timers. */
    const worker = (
      records: SQSRecord[],
      {
        clock = systemClock,
        leaseSeconds = VISIBILITY_SECONDS,
        renew = lease.renew,
        ...dying
      }: Partial<Replies & Pick<Lease, "renew">> & { clock?: Clock; leaseSeconds?: number } = {},
    ) =>
      serveRecords(records, {
        endsBy: Date.now() + 600_000,
        deps: {
          actors: new Map([["Account", Account]]),
          env: {},
          store,
          replies: { ...replies, ...dying },
          clock,
          telemetry: { problem: () => {}, count: () => {} },
          mailbox,
          deadLetters: createMemoryDeadLetters(),
          methodBudgetMs: 300_000,
          alarmBudgetMs: 20_000,
          alarmClock: { arm: async () => {} },
          exposeStacks: false,
          activations: new Activations(10),
          lease: { ...lease, renew },
          queueLeaseMs: VISIBILITY_SECONDS * 1000,
          shortLeaseMs: leaseSeconds * 1000,
        },
      });
    const deposit = (id: string) => send(id, { method: "deposit", args: "[[1],10]" });
    const audit = (id: string) => send(id, { method: "audit", args: "[[]]" });
    const send = async (id: string, call: { method: string; args: string }) => {
      const deadline = Date.now() + 3_600_000;
      await mailbox.send({
        id,
        attempt: undefined,
        to: alice,
        call: { kind: "method", ...call },
        fingerprint: FINGERPRINT,
        awaited: true,
        due: undefined,
        deadline,
        chain: [],
      });
    };
    const receive = async (): Promise<SQSRecord[]> => {
      const deadline = Date.now() + SOON_MS;
      for (;;) {
        const records = await receiveBatch(sqs, queueUrl);
        if (records.length > 0 || Date.now() > deadline) return records;
      }
    };
    /** What the queue hands out in the given time. */
    const receiveFor = async (ms: number): Promise<SQSRecord[]> => {
      const end = Date.now() + ms;
      const records: SQSRecord[] = [];
      while (Date.now() < end) records.push(...(await receiveBatch(sqs, queueUrl)));
      return records;
    };
    /** What an event source does with what is settled: until then it holds back all behind it. */
    const remove = (records: readonly SQSRecord[]) => deleteBatch(sqs, queueUrl, records);
    return { store, replies, lease, worker, deposit, audit, receive, receiveFor, remove };
  };

  test("I4: a worker that dies after its commit and before its reply: the redelivery rewrites the reply and runs nothing", async () => {
    const { store, replies, worker, receive } = await inLease(async (leaseSeconds) => {
      const system = await start();
      turns = 0;
      await system.deposit("first-envelope");
      let died = () => {};
      const dead = new Promise<void>((resolve) => {
        died = resolve;
      });
      const write = () => {
        died();
        return new Promise<never>(() => {});
      };
      const served = system.worker(await system.receive(), { write, clock: stopped, leaseSeconds });
      return Promise.race([dead.then(() => system), served.then(() => undefined)]);
    });
    expect((await store.hydrate(alice))?.version).toBe(1);
    expect((await replies.filed(["first-envelope"])).size).toBe(0);

    // Nobody deleted the message: its lease runs out and the queue hands it over again.
    const again = await receive();
    expect(again.map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(["2"]);
    expect(await worker(again)).toEqual({ batchItemFailures: [] });
    expect(await replies.wait(["first-envelope"], Date.now() + 60_000)).toBe(`${FINGERPRINT}+[10]`);
    expect((await store.hydrate(alice))?.version).toBe(1);
    expect(turns).toBe(1);
  });

  test("I4: a worker that dies when it has answered one call of a message: the rest is answered, and nothing runs again", async () => {
    const ids = ["one", "two", "three"];
    const { store, replies, worker, deposit, receive, remove, records, leaseSeconds } = await inLease(
      async (leaseSeconds) => {
        const system = await start();
        turns = 0;
        await Promise.all(ids.map(system.deposit));
        const records = await system.receive();
        expect(records.map(({ body }) => decodeMessage(body).map(({ id }) => id))).toEqual([ids]);
        let died = () => {};
        const dead = new Promise<void>((resolve) => {
          died = resolve;
        });
        const write: Replies["write"] = async (id, outcome) => {
          if (id === "one") return system.replies.write(id, outcome);
          died();
          return new Promise(() => {});
        };
        const served = system.worker(records, { write, clock: stopped, leaseSeconds });
        const result = { ...system, records, leaseSeconds };
        return Promise.race([dead.then(() => result), served.then(() => undefined)]);
      },
    );
    const again = await receive();
    expect(again.map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(["2"]);
    expect(await worker(again)).toEqual({ batchItemFailures: [] });
    const soon = Date.now() + 60_000;
    expect(await Promise.all(ids.map((id) => replies.wait([id], soon)))).toEqual(
      [10, 20, 30].map((balance) => `${FINGERPRINT}+[${balance}]`),
    );
    expect((await store.hydrate(alice))?.mark?.index).toBe(2);
    expect(turns).toBe(3);

    // And by a worker that has had it all the time, when its outcomes have left the head: the mark is all that says so.
    await remove(again);
    await deposit("four");
    await worker(await receive());
    expect(await worker(records, { leaseSeconds })).toEqual({ batchItemFailures: [] });
    expect((await store.hydrate(alice))?.inline.get("balance")).toBe("[40]");
    expect(turns).toBe(4);
  });

  test("I1: two workers that hold the same batch: one commit lands, both see the same answers", async () => {
    const { store, replies, worker, deposit, receive } = await start();
    await deposit("one");
    await deposit("two");
    const records = await receive();
    expect(records.length).toBe(2);
    const results = await Promise.all([worker(records), worker(records), worker(records)]);
    expect(results).toEqual(Array(3).fill({ batchItemFailures: [] }));
    expect((await store.hydrate(alice))?.inline.get("balance")).toBe("[20]");
    const soon = Date.now() + 60_000;
    expect(await Promise.all([replies.wait(["one"], soon), replies.wait(["two"], soon)])).toEqual([
      `${FINGERPRINT}+[10]`,
      `${FINGERPRINT}+[20]`,
    ]);
  });

  test("an unfinished message is back within seconds, not after its visibility timeout", async () => {
    const { store, worker, deposit, receive } = await start();
    await deposit("late");
    const commit = store.commit;
    store.commit = () => Promise.reject(new Error("the store is out of reach"));
    const records = await receive();
    expect((await worker(records)).batchItemFailures.length).toBe(1);
    store.commit = commit;
    const again = await receive();
    expect(again.length).toBe(1);
    await worker(again);
    expect((await store.hydrate(alice))?.inline.get("balance")).toBe("[10]");
  });

  test("a worker that dies mid-turn holds its message for a short lease, not for the visibility timeout of the queue", async () => {
    const { store, worker, audit, receive } = await start();
    turns = 0;
    await audit("orphan");
    work = new Promise(() => {});
    void worker(await receive(), { clock: stopped, leaseSeconds: 3 });
    await expect.poll(() => turns, { timeout: SOON_MS }).toBe(1);

    const again = await receive();
    expect(again.map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(["2"]);
    work = Promise.resolve();
    expect(await worker(again)).toEqual({ batchItemFailures: [] });
    expect((await store.hydrate(alice))?.version).toBe(1);
  });

  test("a turn that works for longer than its lease keeps its message, and commits", async () => {
    const { store } = await inLease(async (leaseSeconds) => {
      const { lease, worker, audit, receive, receiveFor, ...system } = await start();
      turns = 0;
      await audit("patient");
      let finish = () => {};
      work = new Promise((resolve) => {
        finish = resolve;
      });
      let [longestMs, asked] = [0, Date.now()];
      const renew: Lease["renew"] = async (...messages) => {
        const now = Date.now();
        const granted = await lease.renew(...messages);
        longestMs = Math.max(longestMs, Date.now() - asked);
        asked = now;
        return granted;
      };
      const records = await receive();
      asked = Date.now();
      const serving = worker(records, { leaseSeconds, renew });
      const meanwhile = await receiveFor(3 * leaseSeconds * 1000);
      finish();
      const served = await serving;
      // A second of it is kept at its end.
      const heldMs = (leaseSeconds - 1) * 1000;
      if (Math.max(longestMs, Date.now() - asked) >= heldMs) return undefined;
      expect(meanwhile).toEqual([]);
      expect(served).toEqual({ batchItemFailures: [] });
      return system;
    });
    expect((await store.hydrate(alice))?.inline.get("audited")).toBe("[true]");
    expect(turns).toBe(1);
  });
});
