import { describe, expect, test } from "vitest";
import type { StackDescription } from "../../../../cli/doctor/description.ts";
import { examine } from "../../../../cli/doctor/examine.ts";
import { inOrder, type Severity } from "../../../../cli/doctor/finding.ts";
import type { EventSourceState } from "../../../../runtime/adapters/aws/deployed/functions.ts";
import type { QueueState } from "../../../../runtime/adapters/aws/deployed/queues.ts";
import type { TableState } from "../../../../runtime/adapters/aws/deployed/tables.ts";
import {
  deadQueue,
  delayQueue,
  delaySource,
  described,
  healthy,
  mailboxQueue,
  NOW,
  outputs,
  source,
  table,
} from "./healthy.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test("a healthy stack has no findings, and nothing is unknown", () => {
  expect(examine(healthy)).toEqual([]);
});

test("every finding says what the rule is and how to mend it", () => {
  for (const [, , , change] of BROKEN) {
    for (const verdict of examine({ ...healthy, ...change })) {
      if (!("severity" in verdict)) continue;
      for (const text of [verdict.of, verdict.found, verdict.rule, verdict.fix])
        expect(text.length).toBeGreaterThan(3);
      expect(`${verdict.found}${verdict.rule}${verdict.fix}`).not.toMatch(/undefined|NaN|\[object/);
    }
  }
});

const mailbox = (changes: Partial<QueueState>): Partial<StackDescription> => ({
  mailboxes: [
    {
      number: 0,
      name: "m.fifo",
      queue: { seen: { ...mailboxQueue, ...changes } },
      sources: { seen: [source] },
    },
  ],
});
const sources = (...changes: Partial<EventSourceState>[]): Partial<StackDescription> => ({
  mailboxes: [
    {
      number: 0,
      name: "m.fifo",
      queue: { seen: mailboxQueue },
      sources: { seen: changes.map((each) => ({ ...source, ...each })) },
    },
  ],
});
const further = (changes: Partial<QueueState>, worked: boolean): Partial<StackDescription> => ({
  mailboxes: [
    ...healthy.mailboxes,
    {
      number: 1,
      name: "m-1.fifo",
      queue: { seen: { ...mailboxQueue, name: "m-1.fifo", url: "https://sqs/0/m-1.fifo", ...changes } },
      sources: { seen: worked ? [{ ...source, id: "s-3" }] : [] },
    },
  ],
});
const actorTable = (changes: Partial<TableState>): Partial<StackDescription> => ({
  actorTable: { ...healthy.actorTable, table: { seen: { ...table, ...changes } } },
});
type Schedule = NonNullable<
  Extract<StackDescription["schedules"], { seen: unknown }>["seen"]
>["found"][number];
const schedule = (changes: Partial<Schedule>): Partial<StackDescription> => {
  const group = "seen" in healthy.schedules ? healthy.schedules.seen : undefined;
  return {
    schedules: { seen: { found: group?.found.map((each) => ({ ...each, ...changes })) ?? [], more: false } },
  };
};
type Unfinished = Extract<StackDescription["unfinished"], { seen: unknown }>["seen"];
const unfinished = (changes: Partial<Unfinished>): Partial<StackDescription> => ({
  unfinished: {
    seen: { items: 1, all: true, journals: [], strayParts: [], overdue: [], trials: [], ...changes },
  },
});
type Metrics = Extract<StackDescription["metrics"], { seen: unknown }>["seen"];
const metrics = (changes: Partial<Metrics>): Partial<StackDescription> => {
  const known = "seen" in healthy.metrics ? healthy.metrics.seen : ({} as Metrics);
  return { metrics: { seen: { ...known, ...changes } } };
};
const without = (name: string): Partial<StackDescription> => ({
  outputs: new Map(Object.entries(outputs).filter(([each]) => each !== name)),
});
const state = (status: string, drift = "IN_SYNC"): Partial<StackDescription> => ({
  state: { seen: { status, drift, driftCheckedAt: NOW - HOUR_MS } },
});
const id = { type: "Account", name: "ann" };

/** One thing broken at a time: what is found, how bad it is, about what, and the change. */
const BROKEN: readonly (readonly [found: RegExp, Severity, of: string, Partial<StackDescription>])[] = [
  [/no output WorkerLogs$/, "error", "stack bank", without("WorkerLogs")],
  [/no output Auth, /, "warning", "stack bank", without("Auth")],
  [
    /lets in everybody who knows the URL/,
    "note",
    "stack bank",
    { outputs: new Map(Object.entries({ ...outputs, Auth: "none" })) },
  ],

  [/ended in UPDATE_ROLLBACK_FAILED/, "error", "stack bank", state("UPDATE_ROLLBACK_FAILED")],
  [/under way: UPDATE_IN_PROGRESS/, "warning", "stack bank", state("UPDATE_IN_PROGRESS")],
  [/taken back: UPDATE_ROLLBACK_COMPLETE/, "note", "stack bank", state("UPDATE_ROLLBACK_COMPLETE")],
  [/changed by hand, 60 min ago/, "warning", "stack bank", state("UPDATE_COMPLETE", "DRIFTED")],

  [/it is no FIFO queue/, "error", "queue m.fifo", mailbox({ fifo: false })],
  [/FifoThroughputLimit is perQueue/, "error", "queue m.fifo", mailbox({ throughputLimit: "perQueue" })],
  [/DeduplicationScope is queue/, "error", "queue m.fifo", mailbox({ deduplicationScope: "queue" })],
  [/equal content/, "warning", "queue m.fifo", mailbox({ contentBasedDeduplication: true })],
  [/every call waits for 5 s/, "error", "queue m.fifo", mailbox({ delaySeconds: 5 })],
  [/visibility timeout is 389 s/, "error", "queue m.fifo", mailbox({ visibilitySeconds: 389 })],
  [/no dead-letter queue/, "error", "queue m.fifo", mailbox({ redrive: undefined })],
  [
    /go to arn:elsewhere/,
    "error",
    "queue m.fifo",
    mailbox({ redrive: { targetArn: "arn:elsewhere", maxReceives: 30 } }),
  ],
  [
    /after 3 receives/,
    "error",
    "queue m.fifo",
    mailbox({ redrive: { targetArn: deadQueue.arn, maxReceives: 3 } }),
  ],
  [/100,000 messages wait/, "warning", "queue m.fifo", mailbox({ waiting: 100_000 })],
  [/120,000 are in flight/, "error", "queue m.fifo", mailbox({ inFlight: 120_000 })],
  [
    /^it is not there/,
    "error",
    "queue m.fifo",
    {
      mailboxes: [
        {
          ...healthy.mailboxes[0],
          number: 0,
          name: "m.fifo",
          queue: { seen: undefined },
          sources: { seen: [source] },
        },
      ],
    },
  ],
  [/5 messages lie in it.*nothing works it off/, "error", "queue m-1.fifo", further({}, false)],
  [/none of the 1 shards, and empty/, "note", "queue m-1.fifo", further({ waiting: 0, inFlight: 0 }, true)],
  [/none of the 1 shards, and empty/, "note", "queue m-1.fifo", further({ waiting: 0, inFlight: 0 }, false)],

  [
    /visibility timeout is 29 s/,
    "error",
    "queue delay",
    { delayQueue: { seen: { ...delayQueue, visibilitySeconds: 29 } } },
  ],
  [
    /no dead-letter queue/,
    "error",
    "queue delay",
    { delayQueue: { seen: { ...delayQueue, redrive: undefined } } },
  ],
  [/^it is not there/, "error", "the delay queue", { delayQueue: { seen: undefined } }],

  [
    /about 2 dead letters, the oldest to be seen from 2026-11-26T23:00:00.000Z \(60 min ago\)/,
    "error",
    "queue d.fifo",
    { deadLetters: { queue: { seen: { ...deadQueue, waiting: 2 } }, oldest: { seen: NOW - HOUR_MS } } },
  ],
  [
    /about 1 dead letter$/,
    "error",
    "queue d.fifo",
    { delayDeadLetters: { queue: { seen: { ...deadQueue, inFlight: 1 } }, oldest: { seen: undefined } } },
  ],
  [
    /kept for 4.0 days/,
    "warning",
    "queue d.fifo",
    {
      deadLetters: {
        queue: { seen: { ...deadQueue, retentionSeconds: 345_600 } },
        oldest: { seen: undefined },
      },
    },
  ],

  [
    /^it is not there/,
    "error",
    "the actor table",
    { actorTable: { ...healthy.actorTable, table: { seen: undefined } } },
  ],
  [/it is ARCHIVED/, "error", "table actors", actorTable({ status: "ARCHIVED" })],
  [/its keys are id/, "error", "table actors", actorTable({ keys: ["id"] })],
  [/capacity is PROVISIONED/, "warning", "table actors", actorTable({ billingMode: "PROVISIONED" })],
  [/at most 50 write units/, "note", "table actors", actorTable({ maxWriteUnits: 50 })],
  [/take writes in eu-west-1/, "error", "table actors", actorTable({ replicas: ["eu-west-1"] })],
  [
    /PointInTimeRecoveryEnabled is false/,
    "warning",
    "table actors",
    { actorTable: { ...healthy.actorTable, recoverable: { seen: false } } },
  ],
  [
    /items expire by mood/,
    "error",
    "table actors",
    { actorTable: { ...healthy.actorTable, expiry: { seen: "mood" } } },
  ],
  [
    /its items do not expire/,
    "error",
    "table replies",
    { replyTable: { ...healthy.replyTable, expiry: { seen: undefined } } },
  ],

  [/nothing takes messages out of it/, "error", "queue m.fifo", sources()],
  [/it is Disabled/, "error", "event source s-1 of queue m.fifo", sources({ state: "Disabled" })],
  [/hands out 1 messages/, "warning", "event source s-1 of queue m.fifo", sources({ batchSize: 1 })],
  [/waits up to 3 s/, "warning", "event source s-1 of queue m.fifo", sources({ windowSeconds: 3 })],
  [/which messages have failed/, "error", "event source s-1 of queue m.fifo", sources({ responseTypes: [] })],
  [/1 filters/, "error", "event source s-1 of queue m.fifo", sources({ filters: 1 })],
  [
    /^stranger takes messages/,
    "error",
    "queue m.fifo",
    sources({}, { id: "s-9", functionArn: source.functionArn.replace("worker", "stranger") }),
  ],
  [/2 event sources/, "warning", "queue m.fifo", sources({}, { id: "s-9" })],
  [
    /ScalingConfig.MaximumConcurrency is 2/,
    "warning",
    "event source s-2 of queue delay",
    { delaySources: { seen: [{ ...delaySource, maximumConcurrency: 2 }] } },
  ],
  [/nothing takes messages/, "error", "queue delay", { delaySources: { seen: [] } }],

  [/last update Failed/, "error", "worker worker", { worker: described({ lastUpdate: "Failed" }) }],
  [
    /loop detection is Terminate/,
    "error",
    "worker worker",
    { worker: described({}, { recursiveLoop: { seen: "Terminate" } }) },
  ],
  [
    /reserved concurrency is 0/,
    "error",
    "worker worker",
    { worker: described({}, { reserved: { seen: 0 } }) },
  ],
  [
    /reserved concurrency is 10/,
    "note",
    "worker worker",
    { worker: described({}, { reserved: { seen: 10 } }) },
  ],
  [/^it is not there/, "error", "the router", { router: described({}, { function: { seen: undefined } }) }],
  [
    /MAILBOX_SHARDS is 1/,
    "error",
    "router router",
    { outputs: new Map([...healthy.outputs, ["MailboxShards", "2"]]) },
  ],
  [
    /SCHEDULE_GROUP is not set/,
    "error",
    "worker worker",
    {
      worker: described({
        environment: { ...variablesOf(), SCHEDULE_GROUP: undefined as unknown as string },
      }),
    },
  ],
  [/Timeout is 60/, "warning", "worker worker", { worker: described({ timeoutSeconds: 60 }) }],
  [
    /LEASE_SECONDS is 30/,
    "warning",
    "worker worker",
    { worker: described({ environment: { ...variablesOf(), LEASE_SECONDS: "30" } }) },
  ],

  [/by no deployment/, "warning", "worker worker", { worker: described({ modifiedAt: NOW - 60_000 }) }],
  [
    /version 7 gets 90% of the batches, version 8 10%/,
    "note",
    "alias live of the worker",
    {
      worker: described(
        {},
        { alias: { seen: { name: "live", version: "7", other: { version: "8", share: 0.1 } } } },
      ),
    },
  ],
  [
    /the latest code and live/,
    "warning",
    "event sources of the mailboxes",
    sources({}, { id: "s-9", functionArn: `${source.functionArn}:live` }),
  ],

  [
    /log group is not there/,
    "warning",
    "log of the worker",
    { logs: { ...healthy.logs, worker: { seen: undefined } } },
  ],
  [
    /kept for ever/,
    "warning",
    "log of the router",
    { logs: { ...healthy.logs, router: { seen: { name: "router-logs", retentionDays: undefined } } } },
  ],
  [/writes to elsewhere/, "warning", "log of the worker", { worker: described({ logGroup: "elsewhere" }) }],
  [
    /RetentionInDays is 1/,
    "warning",
    "log of the worker",
    { logs: { ...healthy.logs, worker: { seen: { name: "worker-logs", retentionDays: 1 } } } },
  ],

  [/50 are left/, "warning", "Lambda", { concurrency: { seen: { limit: 1_000, unreserved: 50 } } }],
  [/900 functions ran at once/, "warning", "Lambda", metrics({ functionsAtOnce: { peak: 900, sum: 900 } })],
  [/throttled 3 times/, "warning", "the worker", metrics({ workerThrottles: { peak: 3, sum: 3 } })],
  [/throttled 4 times/, "warning", "the router", metrics({ routerThrottles: { peak: 3, sum: 4 } })],
  [/2 invocations failed/, "warning", "the worker", metrics({ workerErrors: { peak: 1, sum: 2 } })],
  [/5 of its requests/, "warning", "the actor table", metrics({ tableReadThrottles: { peak: 5, sum: 5 } })],
  [
    /40000 write units/,
    "warning",
    "the actor table",
    metrics({ tableWriteUnits: { peak: 2_400_000, sum: 1 } }),
  ],
  [/waited for 90 s/, "warning", "stack bank", metrics({ oldestMessage: { peak: 90, sum: 90 } })],

  [/^it is not there/, "error", "schedule group schedules", { schedules: { seen: undefined } }],
  [/more than a day ago/, "warning", "schedule group schedules", schedule({ at: NOW - 2 * DAY_MS })],
  [/1 are disabled/, "error", "schedule group schedules", schedule({ enabled: false })],
  [/another queue/, "error", "schedule group schedules", schedule({ targetArn: "arn:elsewhere" })],
  [/hold no wake/, "warning", "schedule group schedules", schedule({ wake: undefined })],
  [/does not count on it/, "note", "schedule group schedules", schedule({ head: { seen: undefined } })],
  [
    /does not count on it/,
    "note",
    "schedule group schedules",
    schedule({ head: { seen: { version: 7, wake: undefined } } }),
  ],

  [
    /2 large commits are not applied, the oldest from 2 h ago: Account ann, Account ann/,
    "warning",
    "table actors",
    unfinished({
      journals: [
        { id, since: NOW - HOUR_MS },
        { id, since: NOW - 2 * HOUR_MS },
      ],
    }),
  ],
  [/do not say since when/, "note", "table actors", unfinished({ journals: [{ id, since: undefined }] })],
  [/belong to none/, "note", "table actors", unfinished({ strayParts: [{ id, since: NOW - DAY_MS }] })],
  [
    /1 alarms are overdue, the oldest by 60 min/,
    "warning",
    "table actors",
    unfinished({ overdue: [{ id, alarm: { at: NOW - HOUR_MS, retries: 0 }, wake: undefined }] }),
  ],
  [/under suspicion/, "note", "table actors", unfinished({ trials: [{ id, starts: 2 }] })],
];

function variablesOf(): Record<string, string> {
  const look = healthy.worker.function;
  return "seen" in look ? { ...look.seen?.environment } : {};
}

describe("each thing that is broken is found", () => {
  test.each(BROKEN.map(([found, severity, of, change]) => ({ found, severity, of, change })))(
    "$found of $of",
    ({ found, severity, of, change }) => {
      const { findings } = inOrder(examine({ ...healthy, ...change }));
      const named = findings.filter((each) => each.of === of && found.test(each.found));
      expect(named, JSON.stringify(findings, null, 2)).toMatchObject([{ severity, of }]);
    },
  );
});

describe("what is no fault is not found", () => {
  test.each<[string, Partial<StackDescription>]>([
    ["a longer visibility timeout than needed", mailbox({ visibilitySeconds: 900 })],
    ["a schedule whose commit may still land", schedule({ head: { seen: { version: 6, wake: undefined } } })],
    ["a schedule that is a little late", schedule({ at: NOW - HOUR_MS })],
    ["parts of a commit that is being made", unfinished({ strayParts: [{ id, since: NOW - 1_000 }] })],
    ["a worker behind an alias", sources({ functionArn: `${source.functionArn}:live` })],
    ["messages in a shard that is drained", further({}, true)],
    [
      "the settings of a queue that was left behind",
      further({ waiting: 0, inFlight: 0, delaySeconds: 9 }, false),
    ],
  ])("%s", (_, change) => {
    const errors = inOrder(examine({ ...healthy, ...change })).findings.filter(
      // That it is longer than deployed is drift, and no fault.
      ({ severity, setting }) => severity === "error" || (severity === "warning" && setting === undefined),
    );
    expect(errors).toEqual([]);
  });
});

describe("what is unknown", () => {
  test("is no finding where an emulator says so, and one where AWS does", () => {
    const forgetful: Partial<StackDescription> = {
      ...mailbox({ redrive: undefined, throughputLimit: undefined, deduplicationScope: undefined }),
      actorTable: { ...healthy.actorTable, recoverable: { seen: false } },
      replyTable: { ...healthy.replyTable, expiry: { seen: undefined } },
      worker: described({}, { recursiveLoop: { seen: "Terminate" } }),
    };
    const emulated = inOrder(examine({ ...healthy, ...forgetful, isAws: false }));
    expect(emulated.findings).toEqual([]);
    expect(new Set(emulated.untold.map(({ of }) => of))).toEqual(
      new Set(["queue m.fifo", "table actors", "table replies", "worker worker"]),
    );
    const settings = inOrder(examine({ ...healthy, ...forgetful })).findings.map(({ setting }) => setting);
    expect(settings).toEqual(
      expect.arrayContaining(["RedrivePolicy", "PointInTimeRecovery", "TimeToLive", "RecursiveLoop"]),
    );
  });

  test("is told of each thing that could not be looked at, and stops nothing else", () => {
    const refused = { unseen: "it takes the right x" };
    const nothing = { function: refused, alias: refused, recursiveLoop: refused, reserved: refused };
    const blind: StackDescription = {
      ...healthy,
      state: refused,
      deployed: refused,
      mailboxes: [{ number: 0, name: "m.fifo", queue: refused, sources: refused }],
      queueNames: refused,
      delayQueue: refused,
      delaySources: refused,
      deadLetters: { queue: refused, oldest: refused },
      delayDeadLetters: { queue: refused, oldest: refused },
      actorTable: { table: refused, expiry: refused, recoverable: refused },
      replyTable: { table: refused, expiry: refused, recoverable: refused },
      worker: nothing,
      router: nothing,
      forwarder: nothing,
      logs: { worker: refused, router: refused, forwarder: refused },
      concurrency: refused,
      metrics: refused,
      schedules: refused,
      unfinished: refused,
    };
    const { findings, untold } = inOrder(examine(blind));
    expect(findings).toEqual([]);
    expect(new Set(untold.map(({ check }) => check))).toEqual(
      new Set([
        "stack",
        "mailboxes",
        "delay line",
        "dead letters",
        "tables",
        "event sources",
        "functions",
        "logs",
        "quotas",
        "schedules",
        "unfinished",
      ]),
    );
  });
});

describe("findings are told", () => {
  test("once for a setting, as the worse of the two", () => {
    const { findings } = inOrder(examine({ ...healthy, ...mailbox({ visibilitySeconds: 10 }) }));
    expect(findings).toMatchObject([{ severity: "error", setting: "VisibilityTimeout" }]);
  });

  test("the worst first", () => {
    const { findings } = inOrder(
      examine({
        ...healthy,
        ...unfinished({
          trials: [{ id, starts: 1 }],
          overdue: [{ id, alarm: { at: 0, retries: 0 }, wake: undefined }],
        }),
        ...mailbox({ delaySeconds: 1 }),
      }),
    );
    expect(findings.map(({ severity }) => severity)).toEqual(["error", "warning", "note"]);
  });

  test("no value of a variable of the project's own", () => {
    const changed = described({ environment: { ...variablesOf(), SECRET: "changed", LEASE_SECONDS: "1" } });
    const text = JSON.stringify(examine({ ...healthy, worker: changed }));
    expect(text).toContain("LEASE_SECONDS");
    expect(text).not.toMatch(/hunter2|changed"|SECRET/);
  });
});
