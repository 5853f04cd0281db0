/*
 * What AWS allows an account in a region, as known in November 2026: us-east-1, an account that has asked for nothing yet. (A new account has
 * less of some, which AWS raises by itself as it is used.) Each names its source.
 */

export interface Quota {
  readonly limit: number;
  /** What there is one of for each: one account has one, a stack has as many as it has queues or tables. */
  readonly of: "account" | "stack" | "queue" | "event source" | "table" | "partition" | "group" | "function";
  /** How far AWS raises it when asked; `undefined`: not at all. */
  readonly raised: string | undefined;
  readonly source: string;
}

export const QUOTAS = {
  functionsAtOnce: {
    limit: 1_000,
    of: "account",
    raised: "tens of thousands and more",
    source: '"Lambda quotas", concurrent executions',
  },
  /** All functions together, whoever invokes them: ten a second for each that may run at once. */
  invocationsPerSecond: {
    limit: 10_000,
    of: "account",
    raised: "with the functions at once",
    source:
      '"Understanding Lambda function scaling": requests a second are limited to ten times the concurrency of the account',
  },
  /** Functions that are started beside those that run, in ten seconds. */
  functionsStarted: {
    limit: 1_000,
    of: "function",
    raised: undefined,
    source: '"Lambda scaling behavior": 1,000 execution environments every 10 seconds for each function',
  },
  batchesAtOnce: {
    limit: 1_250,
    of: "event source",
    raised: "provisioned mode",
    source:
      '"Configuring scaling behavior for SQS event source mappings": at most 1,250 invocations at once for each event source, said of standard queues, and taken for FIFO queues too',
  },
  /** Not AWS's: what the construct lets through unless told otherwise, so that one stack does not use up the account. */
  throttling: {
    limit: 1_000,
    of: "stack",
    raised: "by the construct's `throttling`",
    source: "`cdk/throttling.ts`",
  },
  httpRequestsPerSecond: {
    limit: 10_000,
    of: "account",
    raised: "yes",
    source: '"Amazon API Gateway quotas": 10,000 requests a second, all APIs together; 2,500 in some regions',
  },
  queueRequestsPerSecond: {
    limit: 70_000,
    of: "queue",
    raised: "yes",
    source:
      '"Amazon SQS message quotas", high throughput for FIFO queues: 70,000 requests a second of each action in N. Virginia, Oregon and Ireland, 19,000 in Ohio and Frankfurt, 9,000 and less elsewhere',
  },
  messagesInFlight: {
    limit: 120_000,
    of: "queue",
    raised: undefined,
    source: '"Amazon SQS message quotas": 120,000 messages in flight of a FIFO queue',
  },
  groupRequestsPerSecond: {
    limit: 300,
    of: "group",
    raised: undefined,
    source:
      '"Amazon SQS message quotas": 300 requests a second of each action for a partition; a group lies in one',
  },
  tableWriteUnits: {
    limit: 40_000,
    of: "table",
    raised: "yes",
    source:
      '"Quotas in Amazon DynamoDB": 40,000 write request units a second of an on-demand table; no quota of the account',
  },
  tableReadUnits: {
    limit: 40_000,
    of: "table",
    raised: "yes",
    source: '"Quotas in Amazon DynamoDB": 40,000 read request units a second of an on-demand table',
  },
  /** What a table that was never busy takes at once; twice the last peak from then on. */
  newTableWriteUnits: {
    limit: 4_000,
    of: "table",
    raised: "warm throughput",
    source: '"DynamoDB on-demand capacity mode", initial throughput: 4,000 writes and 12,000 reads a second',
  },
  partitionWriteUnits: {
    limit: 1_000,
    of: "partition",
    raised: undefined,
    source:
      '"Understanding DynamoDB warm throughput in different scenarios": 1,000 write units a second of a partition',
  },
  schedules: {
    limit: 10_000_000,
    of: "account",
    raised: "billions",
    source: '"Quotas for Amazon EventBridge Scheduler": number of schedules',
  },
  schedulesMadePerSecond: {
    limit: 5_000,
    of: "account",
    raised: "tens of thousands",
    source: '"Quotas for Amazon EventBridge Scheduler": CreateSchedule request rate in the large regions',
  },
  schedulesFiredPerSecond: {
    limit: 1_000,
    of: "account",
    raised: "tens of thousands",
    source:
      '"Quotas for Amazon EventBridge Scheduler": invocations in the large regions; what is more comes late',
  },
} as const satisfies Record<string, Quota>;

export type QuotaName = keyof typeof QUOTAS;
