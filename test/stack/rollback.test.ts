import { ChangeMessageVisibilityBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { afterEach, expect, inject, onTestFinished, test, vi } from "vitest";
import { createForwarderHandler } from "../../handlers/forwarder.ts";
import { createWorkerHandler } from "../../handlers/worker.ts";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { encode } from "../../runtime/core/codec.ts";
import { ENVELOPE_FORMAT } from "../../runtime/core/envelope.ts";
import { StatefulActor } from "../../runtime/index.ts";
import type { Envelope } from "../../runtime/ports/mailbox.ts";
import { sdkOptions } from "../endpoints/aws.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt } from "../stores/dynamo-table.ts";
import { sqsAt, startEventSource } from "./event-source.ts";
import { makeFunctionEnvironment } from "./function-environment.ts";

const SOON = { timeout: 120_000, interval: 100 };
const FINGERPRINT = "0123456789ab";
const NEXT = ENVELOPE_FORMAT.newest + 1;

class Ledger extends StatefulActor<unknown> {
  async note(step: number) {
    const steps = (await this.ctx.storage.get<number[]>("steps")) ?? [];
    await this.ctx.storage.put("steps", [...steps, step]);
    return step;
  }
}

/** As the next version would write it. */
const ahead = (text: string) => JSON.stringify({ ...JSON.parse(text), v: NEXT, toCome: 1 });
/** As a worker or forwarder of the next version takes it: it reads both. */
const upToDate = ({ Records }: SQSEvent): SQSEvent => ({
  Records: Records.map((record) => ({
    ...record,
    body: record.body.replace(`"v":${NEXT}`, `"v":${ENVELOPE_FORMAT.written}`),
  })),
});

describeWith(
  inject("aws"),
  "a deployment rolled back, with messages of both versions under way",
  ({ url }) => {
    afterEach(() => {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
    });

    const start = async () => {
      const sqs = sqsAt(url);
      const dynamo = dynamoAt(url);
      const environment = await makeFunctionEnvironment(url, { delayVisibilitySeconds: 2 });
      const { MAILBOX_URL: mailboxUrl, DELAY_URL: delayUrl } = environment;
      for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
      const lines: string[] = [];
      vi.spyOn(process.stdout, "write").mockImplementation((line) => lines.push(String(line)) > 0);

      const options = { table: environment.REPLY_TABLE, clock: systemClock, ids: randomIds };
      const replies = createDynamoReplies({ ...options, client: dynamo, retentionMs: 3_600_000 });
      const store = createDynamoStore({ ...options, client: dynamo, table: environment.ACTOR_TABLE });
      const mailboxes = { old: sqs, newer: newerSender(url) };
      const sender = (client: SQSClient) =>
        createSqsMailbox({ client, mailboxUrl, delayUrl, clock: systemClock });
      const send = { old: sender(mailboxes.old), newer: sender(mailboxes.newer) };

      /** How long what was refused was to be hidden, in seconds. The queue hides it for two. */
      const hidden: (number | undefined)[] = [];
      const clients = { sqs: hurried(url, hidden), dynamo };
      const project = { module: { Ledger }, actors: [{ binding: "LEDGER", type: "Ledger" }] };
      /** All functions of one version behind their queues, until it is replaced by another one. */
      const deploy = (version: "old" | "newer") => {
        const taken = (event: SQSEvent) => (version === "newer" ? upToDate(event) : event);
        const worker = createWorkerHandler(project, clients);
        const forwarder = createForwarderHandler();
        const sources = [
          startEventSource(sqs, {
            queueUrl: mailboxUrl,
            worker: (event) => worker(taken(event), { getRemainingTimeInMillis: () => 60_000 }),
          }),
          startEventSource(sqs, { queueUrl: delayUrl, worker: (event) => forwarder(taken(event)) }),
        ];
        const stop = async () => void (await Promise.all(sources.map((source) => source.stop())));
        onTestFinished(stop);
        return stop;
      };
      const refusals = () => lines.filter((line) => line.includes('"newer format"')).length;
      return { send, deploy, replies, store, hidden, refusals };
    };

    const note = (name: string, step: number, due?: number): Envelope => ({
      id: `=${name}-${step}-${randomIds.next()}`.slice(0, 36),
      attempt: randomIds.next(),
      to: { type: "Ledger", name },
      call: { kind: "method", method: "note", args: encode([step], "args") },
      fingerprint: FINGERPRINT,
      awaited: true,
      due,
      deadline: Number.MAX_SAFE_INTEGER,
      chain: [],
    });

    test("I25: nothing is lost, nothing twice, order kept, and all is answered once the newer version is back", async () => {
      const { send, deploy, replies, store, hidden, refusals } = await start();
      const stopOld = deploy("old");
      const steps = async (name: string) =>
        (await store.hydrate({ type: "Ledger", name }))?.inline.get("steps");
      // Of one instance: old, old, newer, old, newer, old. Of another: old alone. And what is due later.
      const mixed = [1, 2, 3, 4, 5, 6].map((step) => note("mixed", step));
      for (const [index, envelope] of mixed.entries())
        await send[index === 2 || index === 4 ? "newer" : "old"].send(envelope);
      const delayed = note("delayed", 1, Date.now() + 1_500);
      await send.newer.send(delayed);
      const plain = [1, 2, 3].map((step) => note("plain", step));
      for (const envelope of plain) await send.old.send(envelope);

      await expect.poll(() => steps("plain"), SOON).toBe("[[1,2,3],1,2,3]");
      await expect.poll(() => steps("mixed"), SOON).toBe("[[1,2],1,2]");
      // Refused more than once, and what is behind it still waits.
      await expect.poll(refusals, SOON).toBeGreaterThan(4);
      await expect.poll(() => Math.max(...hidden.map(Number)), SOON).toBeGreaterThan(60);
      expect(await steps("mixed")).toBe("[[1,2],1,2]");
      expect(await steps("delayed")).toBeUndefined();
      expect(hidden[0]).toBe(60);

      await stopOld();
      deploy("newer");
      await expect.poll(() => steps("mixed"), SOON).toBe("[[1,2,3,4,5,6],1,2,3,4,5,6]");
      await expect.poll(() => steps("delayed"), SOON).toBe("[[1],1]");
      for (const { id, call } of [...mixed, delayed, ...plain]) {
        expect([call.args, await replies.wait([id], Date.now() + 60_000)]).toEqual([
          call.args,
          `${FINGERPRINT}+${call.args.replace("[[1],", "[")}`,
        ]);
      }
    });
  },
);

/** Sends all envelopes in the form of the next version. */
function newerSender(url: string): SQSClient {
  const client = new SQSClient(sdkOptions(url));
  client.middlewareStack.add(
    (next) => (args) => {
      const input = args.input as { MessageBody?: string; Entries?: { MessageBody?: string }[] };
      for (const each of [input, ...(input.Entries ?? [])])
        if (each.MessageBody !== undefined) each.MessageBody = ahead(each.MessageBody);
      return next(args);
    },
    { step: "initialize" },
  );
  return client;
}

/** Notes for how long messages are hidden beyond a lease, and hides them for two seconds. */
function hurried(url: string, hidden: (number | undefined)[]): SQSClient {
  const client = new SQSClient(sdkOptions(url));
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        if (commandName === ChangeMessageVisibilityBatchCommand.name) {
          const { Entries = [] } = args.input as { Entries?: { VisibilityTimeout?: number }[] };
          const [first] = Entries;
          if ((first?.VisibilityTimeout ?? 0) > 30) {
            hidden.push(first?.VisibilityTimeout);
            for (const entry of Entries) entry.VisibilityTimeout = 2;
          }
        }
        return next(args);
      },
    { step: "initialize" },
  );
  return client;
}
