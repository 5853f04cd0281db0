// A worker in a process of its own, on real queues and tables: `node bomb-worker.ts <settings as JSON>`. It says so on stdout when it
// begins. Its actor ends the process unless it is "fixed".
import { serveRecords } from "../../handlers/serve-records.ts";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsDeadLetters } from "../../runtime/adapters/aws/sqs-dead-letters.ts";
import { createSqsLease } from "../../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { Activations } from "../../runtime/core/activation.ts";
import { StatefulActor } from "../../runtime/index.ts";
import { dynamoAt } from "../stores/dynamo-table.ts";
import { sqsAt, startEventSource } from "./event-source.ts";

/** What a bomb worker is told. */
export interface BombSettings {
  readonly url: string;
  readonly mailboxUrl: string;
  readonly deadLetterUrl: string;
  readonly actorTable: string;
  readonly replyTable: string;
  readonly fixed: boolean;
}

/** A second of it is kept at its end. The rest must do for a run up to where it is written down, also on a busy machine. */
const LEASE_MS = 6_000;

const settings = JSON.parse(process.argv[2] ?? "") as BombSettings;
const { url, mailboxUrl, deadLetterUrl, actorTable, replyTable, fixed } = settings;

class Bomb extends StatefulActor<unknown> {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }

  async explode(amount: number) {
    const sum = await this.add(amount);
    if (!fixed) process.exit(9);
    return sum;
  }
}

const clock = systemClock;
const sqs = sqsAt(url);
const dynamo = dynamoAt(url);
const deps = {
  actors: new Map([["Bomb", Bomb]]),
  env: {},
  store: createDynamoStore({ client: dynamo, table: actorTable, ids: randomIds, clock: systemClock }),
  replies: createDynamoReplies({
    client: dynamo,
    table: replyTable,
    clock,
    ids: randomIds,
    retentionMs: 3_600_000,
  }),
  mailbox: createSqsMailbox({ client: sqs, mailboxUrl, delayUrl: "none", clock }),
  alarmClock: { arm: async () => {} },
  deadLetters: createSqsDeadLetters(sqs, deadLetterUrl),
  clock,
  telemetry: { problem: () => {}, count: () => {} },
  methodBudgetMs: 30_000,
  alarmBudgetMs: 20_000,
  exposeStacks: false,
  activations: new Activations(10),
  trial: { fromReceives: 2, starts: 2 },
  lease: createSqsLease(sqs, mailboxUrl),
  queueLeaseMs: LEASE_MS,
  shortLeaseMs: LEASE_MS,
};
const source = startEventSource(sqs, {
  queueUrl: mailboxUrl,
  worker: ({ Records }) => serveRecords(Records, { endsBy: clock.now() + 60_000, deps }).catch(end),
});
source.ended.catch(end);

/** Nobody stops this event source, and so nobody else is told. */
function end(error: unknown): never {
  console.error(error);
  process.exit(1);
}
