import type { DescribedFunction, StackDescription } from "../../../../cli/doctor/description.ts";
import type { EventSourceState, FunctionState } from "../../../../runtime/adapters/aws/deployed/functions.ts";
import type { QueueState } from "../../../../runtime/adapters/aws/deployed/queues.ts";
import type { TableState } from "../../../../runtime/adapters/aws/deployed/tables.ts";

/** When it is looked at. */
export const NOW = Date.UTC(2026, 10, 27);

const ARN = "arn:aws:sqs:us-east-1:000000000000:";

export const outputs: Readonly<Record<string, string>> = {
  Auth: "iam",
  ActorTable: "actors",
  ReplyTable: "replies",
  MailboxUrl: "https://sqs/0/m.fifo",
  MailboxShards: "1",
  DeadLetterUrl: "https://sqs/0/d.fifo",
  DelayUrl: "https://sqs/0/delay",
  DelayDeadLetterUrl: "https://sqs/0/delay-dead",
  ScheduleGroup: "schedules",
  WorkerName: "worker",
  RouterName: "router",
  WorkerLogs: "worker-logs",
  RouterLogs: "router-logs",
  ForwarderLogs: "forwarder-logs",
};

export const mailboxQueue: QueueState = {
  url: "https://sqs/0/m.fifo",
  arn: `${ARN}m.fifo`,
  name: "m.fifo",
  fifo: true,
  visibilitySeconds: 390,
  retentionSeconds: 345_600,
  delaySeconds: 0,
  throughputLimit: "perMessageGroupId",
  deduplicationScope: "messageGroup",
  contentBasedDeduplication: false,
  ownKey: true,
  redrive: { targetArn: `${ARN}d.fifo`, maxReceives: 30 },
  waiting: 3,
  inFlight: 2,
  delayed: 0,
};

export const deadQueue: QueueState = {
  ...mailboxQueue,
  url: "https://sqs/0/d.fifo",
  arn: `${ARN}d.fifo`,
  name: "d.fifo",
  retentionSeconds: 1_209_600,
  redrive: undefined,
  waiting: 0,
  inFlight: 0,
};

export const delayQueue: QueueState = {
  ...mailboxQueue,
  url: "https://sqs/0/delay",
  arn: `${ARN}delay`,
  name: "delay",
  fifo: false,
  visibilitySeconds: 60,
  throughputLimit: undefined,
  deduplicationScope: undefined,
  redrive: { targetArn: `${ARN}delay-dead`, maxReceives: 100 },
};

export const source: EventSourceState = {
  id: "s-1",
  queueArn: `${ARN}m.fifo`,
  functionArn: "arn:aws:lambda:us-east-1:000000000000:function:worker",
  state: "Enabled",
  batchSize: 10,
  windowSeconds: 0,
  responseTypes: ["ReportBatchItemFailures"],
  maximumConcurrency: undefined,
  filters: 0,
};

export const delaySource: EventSourceState = {
  ...source,
  id: "s-2",
  queueArn: `${ARN}delay`,
  functionArn: "arn:aws:lambda:us-east-1:000000000000:function:forwarder",
  maximumConcurrency: 20,
};

export const table: TableState = {
  name: "actors",
  status: "ACTIVE",
  keys: ["actor", "entry"],
  billingMode: "PAY_PER_REQUEST",
  maxReadUnits: undefined,
  maxWriteUnits: undefined,
  deletionProtection: false,
  items: 1_000,
  bytes: 500_000,
  replicas: [],
};

const worker: FunctionState = {
  name: "worker",
  arn: "arn:aws:lambda:us-east-1:000000000000:function:worker",
  timeoutSeconds: 360,
  memoryMib: 512,
  runtime: "nodejs24.x",
  environment: {
    ACTOR_TABLE: "actors",
    REPLY_TABLE: "replies",
    MAILBOX_URL: "https://sqs/0/m.fifo",
    DELAY_URL: "https://sqs/0/delay",
    DEAD_LETTER_URL: "https://sqs/0/d.fifo",
    SCHEDULE_GROUP: "schedules",
    LEASE_SECONDS: "390",
    SECRET: "hunter2",
  },
  codeHash: "abc",
  modifiedAt: NOW - 3_600_000,
  state: "Active",
  lastUpdate: "Successful",
  logGroup: "worker-logs",
};

export function described(
  changes: Partial<FunctionState>,
  more: Partial<DescribedFunction> = {},
): DescribedFunction {
  return {
    function: { seen: { ...worker, ...changes } },
    alias: { seen: undefined },
    recursiveLoop: { seen: "Allow" },
    reserved: { seen: undefined },
    ...more,
  };
}

const resource = (type: string, properties: Readonly<Record<string, unknown>>) => ({
  logicalId: "Some",
  type,
  updatedAt: NOW - 3_600_000,
  properties,
});

/** A stack with nothing wrong, on AWS. */
export const healthy: StackDescription = {
  stack: "bank",
  now: NOW,
  isAws: true,
  outputs: new Map(Object.entries(outputs)),
  state: { seen: { status: "UPDATE_COMPLETE", drift: "IN_SYNC", driftCheckedAt: NOW - 1_000 } },
  deployed: {
    seen: new Map([
      [
        "https://sqs/0/m.fifo",
        resource("AWS::SQS::Queue", {
          VisibilityTimeout: 390,
          MessageRetentionPeriod: 345_600,
          FifoThroughputLimit: "perMessageGroupId",
          RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": ["Dead", "Arn"] }, maxReceiveCount: 30 },
          SqsManagedSseEnabled: true,
        }),
      ],
      ["s-1", resource("AWS::Lambda::EventSourceMapping", { BatchSize: 10 })],
      ["s-2", resource("AWS::Lambda::EventSourceMapping", { ScalingConfig: { MaximumConcurrency: 20 } })],
      [
        "actors",
        resource("AWS::DynamoDB::Table", {
          BillingMode: "PAY_PER_REQUEST",
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        }),
      ],
      [
        "replies",
        resource("AWS::DynamoDB::Table", {
          TimeToLiveSpecification: { AttributeName: "expires", Enabled: true },
        }),
      ],
      [
        "worker",
        resource("AWS::Lambda::Function", {
          Timeout: 360,
          MemorySize: 512,
          RecursiveLoop: "Allow",
          Environment: {
            Variables: { LEASE_SECONDS: "390", SECRET: "other", ACTOR_TABLE: { Ref: "Table" } },
          },
        }),
      ],
      ["router", resource("AWS::Lambda::Function", { Timeout: 30 })],
      ["worker-logs", resource("AWS::Logs::LogGroup", { RetentionInDays: 30 })],
    ]),
  },
  mailboxes: [{ number: 0, name: "m.fifo", queue: { seen: mailboxQueue }, sources: { seen: [source] } }],
  queueNames: { seen: ["m.fifo"] },
  delayQueue: { seen: delayQueue },
  delaySources: { seen: [delaySource] },
  deadLetters: { queue: { seen: deadQueue }, oldest: { seen: undefined } },
  delayDeadLetters: {
    queue: {
      seen: { ...deadQueue, name: "delay-dead", arn: `${ARN}delay-dead`, url: "https://sqs/0/delay-dead" },
    },
    oldest: { seen: undefined },
  },
  actorTable: { table: { seen: table }, expiry: { seen: undefined }, recoverable: { seen: true } },
  replyTable: {
    table: { seen: { ...table, name: "replies", keys: ["id"] } },
    expiry: { seen: "expires" },
    recoverable: { seen: false },
  },
  worker: described({}),
  router: described({ name: "router", timeoutSeconds: 30, logGroup: "router-logs" }),
  forwarder: described({ name: "forwarder", timeoutSeconds: 30, logGroup: "forwarder-logs" }),
  logs: {
    worker: { seen: { name: "worker-logs", retentionDays: 30 } },
    router: { seen: { name: "router-logs", retentionDays: 30 } },
    forwarder: { seen: { name: "forwarder-logs", retentionDays: 30 } },
  },
  concurrency: { seen: { limit: 1_000, unreserved: 900 } },
  metrics: {
    seen: {
      functionsAtOnce: { peak: 100, sum: 1_000 },
      workerThrottles: undefined,
      workerErrors: { peak: 0, sum: 0 },
      routerThrottles: undefined,
      tableWriteThrottles: undefined,
      tableReadThrottles: undefined,
      tableWriteUnits: { peak: 6_000, sum: 100_000 },
      oldestMessage: { peak: 1, sum: 20 },
    },
  },
  schedules: {
    seen: {
      found: [
        {
          name: "Account-abc",
          at: NOW + 86_400_000,
          enabled: true,
          targetArn: `${ARN}delay`,
          input: "…",
          wake: { id: { type: "Account", name: "ann" }, wake: { at: NOW + 86_700_000, version: 7 } },
          head: { seen: { version: 9, wake: { at: NOW + 86_700_000, version: 7 } } },
        },
      ],
      more: false,
    },
  },
  unfinished: {
    seen: {
      items: 1_000,
      all: true,
      journals: [{ id: { type: "Account", name: "large" }, since: NOW - 1_000 }],
      strayParts: [],
      overdue: [],
      trials: [],
    },
  },
};
