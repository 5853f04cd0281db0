import type { SQSRecord } from "aws-lambda";
import { forwardRecords } from "../../../handlers/forwarder.ts";
import { createFrontDoor } from "../../../handlers/front-door.ts";
import { serveRecords } from "../../../handlers/serve-records.ts";
import { Activations } from "../../../runtime/core/activation.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { methodRequest } from "../../../runtime/core/call-request.ts";
import { createCaller, onlyRoute } from "../../../runtime/core/caller.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import type { ProblemMetric, Telemetry } from "../../../runtime/ports/telemetry.ts";
import { delivery, redelivered, testDeps, UNLIMITED } from "../core/fixtures.ts";

const id = { type: "Account", name: "ann" };

/** Called when the turn runs that its worker does not survive, or in which a rival commits. */
let during = async () => {};

class Account extends StatefulActor<unknown> {
  async deposit(amount: number) {
    await this.ctx.storage.put("balance", amount);
    await during();
  }
  async overdraw() {
    throw new RangeError("not enough");
  }
  async remind(at: number) {
    await this.ctx.storage.setAlarm(at);
  }
  override async alarm() {
    throw new Error("no");
  }
}

function start(telemetry: Telemetry) {
  during = async () => {};
  const deps = { ...testDeps({ Account }), telemetry };
  return { deps, run: (each: Delivery) => runBatch(id, [each], { times: UNLIMITED, deps }) };
}

/** What the worker is made of around its batches, with a queue that grants all that it is asked for. */
function served(telemetry: Telemetry, records: readonly SQSRecord[]) {
  const { deps } = start(telemetry);
  const lease = {
    renew: async (receipts: readonly string[]) => new Set(receipts),
    release: async () => {},
    returnAfter: async () => {},
  };
  const endsBy = deps.clock.now() + 90_000;
  return serveRecords(records, {
    endsBy,
    deps: { ...deps, lease, queueLeaseMs: 95_000, shortLeaseMs: 30_000 },
  });
}

function record(body: string, receives: number): SQSRecord {
  const attributes = {
    ApproximateReceiveCount: `${receives}`,
    SentTimestamp: "999999",
    SenderId: "x",
    ApproximateFirstReceiveTimestamp: "1000000",
  };
  const queue = {
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:0:q.fifo",
    awsRegion: "us-east-1",
  };
  return {
    messageId: "m",
    receiptHandle: "r",
    body,
    attributes,
    messageAttributes: {},
    md5OfBody: "",
    ...queue,
  };
}

async function alarmFails(telemetry: Telemetry): Promise<void> {
  const { deps, run } = start(telemetry);
  await run(delivery(id, "remind", deps.clock.now() + 1));
  for (let attempt = 1; attempt <= 4; attempt++) {
    const wake = deps.armed.at(-1)?.wake ?? { at: 0, version: 0 };
    await deps.clock.advance(2_000);
    await run({ ...delivery(id, "deposit", 1), envelope: wakeEnvelope(id, wake) });
  }
}

/** For each thing that is counted: what makes it happen, as often as an alarm on it takes. */
export const FAULTS: Readonly<Record<ProblemMetric, (telemetry: Telemetry) => Promise<unknown>>> = {
  AlarmsFailed: alarmFails,
  AlarmsDropped: alarmFails,

  async BatchesInterrupted(telemetry) {
    const { deps, run } = start(telemetry);
    deps.store.commit = () => Promise.reject(new Error("the table is out of reach"));
    await run(delivery(id, "deposit", 1));
  },

  async CallsUnanswered(telemetry) {
    const { deps } = start(telemetry);
    const route = { mailbox: deps.mailbox, replies: { wait: async () => undefined } };
    const caller = createCaller({
      actors: deps.actors,
      routeTo: onlyRoute(route, new Set(["Account"])),
      clock: deps.clock,
      ids: { next: () => "call" },
      callWaitMs: 1_000,
      telemetry,
    });
    const call = methodRequest(id, { method: "deposit", args: [1], options: {} });
    for (let n = 0; n < 5; n++) await caller.call(call).catch(() => {});
  },

  async Conflicts(telemetry) {
    const { deps, run } = start(telemetry);
    for (let n = 0; n < 10; n++) {
      during = async () => {
        during = async () => {};
        const rival = { ...deps, activations: new Activations(1) };
        await runBatch(id, [delivery(id, "deposit", 2)], { times: UNLIMITED, deps: rival });
      };
      await run(delivery(id, "deposit", 1));
    }
  },

  async EnvelopesCrashed(telemetry) {
    const { deps, run } = start(telemetry);
    let poison = delivery(id, "deposit", 1);
    for (let death = 1; death <= 6; death++) {
      const dead = new Promise<void>((resolve) => {
        during = () => {
          resolve();
          return new Promise(() => {});
        };
      });
      const own = { ...deps, activations: new Activations(1) };
      await Promise.race([runBatch(id, [poison], { times: UNLIMITED, deps: own }), dead]);
      poison = redelivered(poison);
    }
    await run(poison);
  },

  EnvelopesRefused: (telemetry) => served(telemetry, [record("no envelope", 1)]),

  async MessagesNotForwarded(telemetry) {
    const records = Array.from({ length: 5 }, () =>
      record(encodeEnvelope(delivery(id, "deposit").envelope), 1),
    );
    const mailbox = { send: () => Promise.reject(new Error("the queue is out of reach")) };
    await forwardRecords(records, { mailbox, telemetry });
  },

  Redeliveries: (telemetry) =>
    served(telemetry, [record(encodeEnvelope(delivery(id, "deposit", 1).envelope), 2)]),

  NewerFormats: (telemetry) =>
    served(telemetry, [
      record(
        JSON.stringify({ ...JSON.parse(encodeEnvelope(delivery(id, "deposit", 1).envelope)), v: 99 }),
        1,
      ),
    ]),

  async RequestsFailed(telemetry) {
    const { deps } = start(telemetry);
    const unused = { call: () => Promise.reject(), send: () => Promise.reject() };
    const door = createFrontDoor({
      handler: () => Promise.reject(new Error("a bug")),
      env: {},
      types: new Set(),
      caller: unused,
      envelopes: undefined,
      requestWaitMs: 1_000,
      clock: deps.clock,
      telemetry,
    });
    await door.fetch(new Request("http://door/"));
  },

  async TurnsFailed(telemetry) {
    const { run } = start(telemetry);
    await run(delivery(id, "overdraw"));
  },
};
