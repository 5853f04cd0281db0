import type { SQSRecord } from "aws-lambda";
import { expect, inject, test } from "vitest";
import { serveRecords } from "../../handlers/serve-records.ts";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsLease } from "../../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { Activations } from "../../runtime/core/activation.ts";
import { StatefulActor } from "../../runtime/index.ts";
import type { Replies } from "../../runtime/ports/replies.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable, makeReplyTable } from "../stores/dynamo-table.ts";
import { makeMailbox, receiveBatch, sqsAt } from "./event-source.ts";

let turns = 0;

class Account extends StatefulActor<unknown> {
  async deposit(amount: number) {
    turns++;
    const balance = ((await this.ctx.storage.get<number>("balance")) ?? 0) + amount;
    await this.ctx.storage.put("balance", balance);
    return balance;
  }
}

const alice = { type: "Account", name: "alice" };

const FINGERPRINT = "0123456789ab";

describeWith(inject("aws"), "redelivery on the real adapters", ({ url }) => {
  const sqs = sqsAt(url);
  const dynamo = dynamoAt(url);

  const start = async (visibilitySeconds: number) => {
    const queueUrl = await makeMailbox(sqs, { visibilitySeconds });
    const replyTable = await makeReplyTable(dynamo);
    const replies = createDynamoReplies({
      client: dynamo,
      table: replyTable,
      clock: systemClock,
      ids: randomIds,
      retentionMs: 3_600_000,
    });
    const store = createDynamoStore({ client: dynamo, table: await makeActorTable(dynamo), ids: randomIds });
    const mailbox = createSqsMailbox({
      client: sqs,
      mailboxUrl: queueUrl,
      delayUrl: "none",
      clock: systemClock,
    });
    /** A worker with a memory of its own; `dying` ones end at the given step, as a killed process does. */
    const worker = (records: SQSRecord[], dying: Partial<Replies> = {}) =>
      serveRecords(records, {
        endsBy: Date.now() + 60_000,
        deps: {
          actors: new Map([["Account", Account]]),
          env: {},
          store,
          replies: { ...replies, ...dying },
          clock: systemClock,
          telemetry: { problem: () => {} },
          mailbox,
          methodBudgetMs: 30_000,
          exposeStacks: false,
          activations: new Activations(10),
          lease: createSqsLease(sqs, queueUrl),
          leaseMs: 60_000,
        },
      });
    const deposit = async (id: string) => {
      const deadline = Date.now() + 60_000;
      await mailbox.send({
        id,
        attempt: undefined,
        to: alice,
        call: { kind: "method", method: "deposit", args: "[[1],10]" },
        fingerprint: FINGERPRINT,
        awaited: true,
        due: undefined,
        deadline,
        chain: [],
      });
    };
    const receive = async (): Promise<SQSRecord[]> => {
      const deadline = Date.now() + 20_000;
      for (;;) {
        const records = await receiveBatch(sqs, queueUrl);
        if (records.length > 0 || Date.now() > deadline) return records;
      }
    };
    return { store, replies, worker, deposit, receive };
  };

  test("I4: a worker that dies after its commit and before its reply: the redelivery rewrites the reply and runs nothing", async () => {
    const { store, replies, worker, deposit, receive } = await start(1);
    turns = 0;
    await deposit("first-envelope");
    const death = new Promise<never>(() => {});
    let died = () => {};
    const dead = new Promise<void>((resolve) => {
      died = resolve;
    });
    const write = () => {
      died();
      return death;
    };
    void worker(await receive(), { write });
    await dead;
    expect((await store.hydrate(alice))?.version).toBe(1);
    expect((await replies.filed(["first-envelope"])).size).toBe(0);

    // Nobody deleted the message: its lease runs out and the queue hands it over again.
    const again = await receive();
    expect(again.map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(["2"]);
    expect(await worker(again)).toEqual({ batchItemFailures: [] });
    expect(await replies.wait(["first-envelope"], Date.now() + 10_000)).toBe(`${FINGERPRINT}+[10]`);
    expect((await store.hydrate(alice))?.version).toBe(1);
    expect(turns).toBe(1);
  });

  test("I1: two workers that hold the same batch: one commit lands, both see the same answers", async () => {
    const { store, replies, worker, deposit, receive } = await start(60);
    await deposit("one");
    await deposit("two");
    const records = await receive();
    expect(records.length).toBe(2);
    const results = await Promise.all([worker(records), worker(records), worker(records)]);
    expect(results).toEqual(Array(3).fill({ batchItemFailures: [] }));
    expect((await store.hydrate(alice))?.inline.get("balance")).toBe("[20]");
    const soon = Date.now() + 10_000;
    expect(await Promise.all([replies.wait(["one"], soon), replies.wait(["two"], soon)])).toEqual([
      `${FINGERPRINT}+[10]`,
      `${FINGERPRINT}+[20]`,
    ]);
  });

  test("an unfinished message is back within seconds, not after its visibility timeout", async () => {
    const { store, worker, deposit, receive } = await start(600);
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
});
