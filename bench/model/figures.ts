/*
 * Every figure of the model that this project has not measured: latencies in ms, prices in dollars, limits. us-east-1, as known in
 * November 2026, without free tiers, reservations and savings plans. Each names its source; what none could be found for says that it is
 * assumed. Change one here, and `npm run bench:model` makes the tables and plots anew.
 */

/** Points of a distribution, in ms. */
export interface Latency {
  readonly p10?: number;
  readonly p50: number;
  readonly p90?: number;
  readonly p99: number;
  readonly source: string;
}

export const LATENCY = {
  /** What an HTTP API adds to request and answer together. */
  httpApi: {
    p50: 6,
    p99: 10,
    source:
      '"Building faster, lower cost, better APIs – HTTP APIs now generally available" (AWS Compute Blog, March 2020): 99% of requests under 10 ms; the median is assumed',
  },
  /** Invoking a warm function and taking its answer, without its own work. */
  invoke: {
    p50: 8,
    p99: 25,
    source: "assumed: what a synchronous invocation of a warm function adds in its region",
  },
  sqsSend: {
    p50: 10,
    p99: 40,
    source:
      'assumed; "Cloud Performance Benchmark Series: Amazon SQS" (revised July 2012, with results by Amazon) has 16 ms for a message of 1 KB',
  },
  /** From right before a message is sent to a FIFO queue until the handler of a warm function behind an event source runs. */
  fifoToFunction: {
    p10: 21.9,
    p50: 28.1,
    p90: 61.2,
    p99: 645,
    source:
      '"Serverless Messaging: Latency Compared" (Bite-Sized Serverless, measured September 2022 in eu-west-1)',
  },
  dynamoRead: {
    p50: 4,
    p99: 10,
    source:
      'assumed within the "single-digit millisecond" of "Amazon DynamoDB: A Scalable, Predictably Performant, and Fully Managed NoSQL Database Service" (USENIX ATC 2022)',
  },
  dynamoWrite: { p50: 6, p99: 15, source: "assumed, as for reads; a write waits for two of three replicas" },
  /** The event source deletes a batch, receives the next one of the same group and invokes the function. */
  nextBatch: {
    p50: 28,
    p99: 100,
    source: "assumed: a delete and a receive of 10 ms each, and an invocation, one after the other",
  },
  /** From a Worker to a Durable Object nearby and back, with a write that its output gate waits for. */
  durableObject: {
    p50: 15,
    p99: 60,
    source:
      'assumed; "Zero-latency SQLite storage in every Durable Object" (Cloudflare blog, September 2024): a write is confirmed when three of five followers have it',
  },
  durableCheckpoint: {
    p50: 20,
    p99: 80,
    source: "assumed: a call of the Lambda API that stores a checkpoint; nothing is published",
  },
} as const satisfies Record<string, Latency>;

const MILLION = 1e6;
const BILLION = 1e9;

/** A price by volume: what a unit costs up to a monthly volume, the last one for all above. */
export interface Price {
  readonly tiers: readonly (readonly [upTo: number, dollars: number])[];
  readonly source: string;
}

export const PRICES = {
  httpApiRequest: {
    tiers: [
      [300 * MILLION, 1.0 / MILLION],
      [Number.POSITIVE_INFINITY, 0.9 / MILLION],
    ],
    source: '"Amazon API Gateway pricing", HTTP APIs: $1.00 a million up to 300 million a month, $0.90 above',
  },
  functionRequest: {
    tiers: [[Number.POSITIVE_INFINITY, 0.2 / MILLION]],
    source: '"AWS Lambda pricing": $0.20 a million requests; a function URL costs nothing more',
  },
  /** A GB-second on Arm. */
  functionGbSecond: {
    tiers: [
      [7.5 * BILLION, 0.0000133334],
      [18.75 * BILLION, 0.0000120001],
      [Number.POSITIVE_INFINITY, 0.0000106667],
    ],
    source: '"AWS Lambda pricing", Arm: $0.0000133334 a GB-second, less above 7.5 and 18.75 billion a month',
  },
  fifoRequest: {
    tiers: [
      [100 * BILLION, 0.5 / MILLION],
      [200 * BILLION, 0.4 / MILLION],
      [Number.POSITIVE_INFINITY, 0.35 / MILLION],
    ],
    source:
      '"Amazon SQS pricing", FIFO queues: $0.50 a million requests of up to 64 KB, less above 100 and 200 billion a month; an event source\'s requests are charged alike',
  },
  readUnit: {
    tiers: [[Number.POSITIVE_INFINITY, 0.125 / MILLION]],
    source: '"Amazon DynamoDB pricing for on-demand capacity", since November 2024: $0.125 a million',
  },
  writeUnit: {
    tiers: [[Number.POSITIVE_INFINITY, 0.625 / MILLION]],
    source: '"Amazon DynamoDB pricing for on-demand capacity", since November 2024: $0.625 a million',
  },
  storedGbMonth: {
    tiers: [[Number.POSITIVE_INFINITY, 0.25]],
    source: '"Amazon DynamoDB pricing for on-demand capacity", Standard table class: $0.25 a GB and month',
  },
  recoverableGbMonth: {
    tiers: [[Number.POSITIVE_INFINITY, 0.2]],
    source:
      '"Amazon DynamoDB pricing for on-demand capacity", continuous backups: $0.20 a GB and month; from memory, not read again',
  },
  loggedGb: {
    tiers: [[Number.POSITIVE_INFINITY, 0.5]],
    source:
      '"Amazon CloudWatch pricing": $0.50 a GB of logs taken in; access logs of an API are charged alike, and a tier for vended logs is left out',
  },
  durableOperation: {
    tiers: [[Number.POSITIVE_INFINITY, 8.0 / MILLION]],
    source:
      '"AWS Lambda pricing", durable functions: $8.00 a million operations (its worked example, read September 2026)',
  },
  durableWrittenGb: {
    tiers: [[Number.POSITIVE_INFINITY, 0.25]],
    source: '"AWS Lambda pricing", durable functions: $0.25 a GB written; from memory, not read again',
  },
  cloudflareWorkerRequest: {
    tiers: [[Number.POSITIVE_INFINITY, 0.3 / MILLION]],
    source: '"Cloudflare Workers pricing", Standard: $0.30 a million requests',
  },
  cloudflareCpuMs: {
    tiers: [[Number.POSITIVE_INFINITY, 0.02 / MILLION]],
    source: '"Cloudflare Workers pricing", Standard: $0.02 a million ms of CPU time',
  },
  durableObjectRequest: {
    tiers: [[Number.POSITIVE_INFINITY, 0.15 / MILLION]],
    source: '"Durable Objects pricing" (Cloudflare Docs): $0.15 a million requests',
  },
  durableObjectGbSecond: {
    tiers: [[Number.POSITIVE_INFINITY, 12.5 / MILLION]],
    source: '"Durable Objects pricing" (Cloudflare Docs): $12.50 a million GB-seconds, 128 MB an object',
  },
  durableObjectRowWritten: {
    tiers: [[Number.POSITIVE_INFINITY, 1.0 / MILLION]],
    source:
      '"Durable Objects pricing" (Cloudflare Docs), SQLite storage: $1.00 a million rows written, charged since January 2026',
  },
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof PRICES;

export const LIMITS = {
  /** Messages that an event source takes from a FIFO queue at once. */
  batch: { messages: 10, source: '"Using Lambda with Amazon SQS": at most 10 messages for FIFO queues' },
  /** Memory at which a function has a whole processor, in MB; below that its share. */
  processor: {
    mb: 1_769,
    source: '"Configure Lambda function memory" (AWS Lambda Developer Guide): one vCPU at 1,769 MB',
  },
  /** Requests a second that one Durable Object is made for. */
  durableObject: {
    perSecond: 1_000,
    source: '"Durable Objects limits" (Cloudflare Docs): a soft limit of 1,000 requests a second',
  },
} as const;

/** What the functions do besides waiting, and what they are given: of this project's stack. */
export const FUNCTIONS = {
  /** Own work of router and worker together for one call at their share of a processor, in ms. */
  workMs: 3,
  /** Processor time of each further call of a batch, its reply's request included, in ms: `npm run bench:start`. */
  furtherCallCpuMs: 0.3,
  routerGb: 0.5,
  workerGb: 0.5,
  /** What a head takes in the table, the key and DynamoDB's 100 bytes included, in KB. */
  headKb: 0.5,
  /** The access log's line for a request, in KB, with 26 bytes for the event: `test/unit/cdk/gateway.test.ts` counts it. */
  accessLogKb: 0.29,
  /** Lines that Lambda itself logs for an invocation, in KB: START, END and REPORT, with 26 bytes each. */
  platformLogKb: 0.42,
} as const;
