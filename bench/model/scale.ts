import { MEASURED } from "../requests/measured.ts";
import { debitUsage, monthlyDollars, perMonth } from "./cost.ts";
import { FUNCTIONS, LATENCY } from "./figures.ts";
import { callTimes, type Door } from "./latency.ts";
import { QUOTAS, type QuotaName } from "./quotas.ts";

/*
 * Which quota binds first, and what is turned then. Everything is counted for debits that are spread over many instances and come in batches
 * of one, the dearest case: a batch that holds more needs fewer invocations, requests and units for each call.
 */

const RATES = [1e3, 1e4, 1e5] as const;
const INSTANCES = [1e6, 1e8, 1e10] as const;

/** Buckets of the index of names of a type (`runtime/adapters/aws/actor-table.ts`): each is a partition key. */
const INDEX_BUCKETS = 8;
/** An entry in the index of names, with DynamoDB's 100 bytes, in KB; assumed for names of 40 bytes. */
const NAME_KB = 0.2;
/** Which part of all instances has an alarm that is more than 15 minutes ahead; assumed. */
const FAR_ALARMS = 0.01;
const KB_IN_GB = 1024 ** 2;

/** How much of a quota a call a second takes. */
export interface Ceiling {
  readonly quota: QuotaName;
  readonly what: string;
  /** Of one call a second. */
  readonly each: number;
  /** The most calls a second under the quota as it is. */
  readonly callsPerSecond: number;
  /** What is turned when it binds. */
  readonly turn: string;
}

/** What each quota allows, the lowest first. */
export function ceilings(door: Door): Ceiling[] {
  const { routerMs, workerMs, looks } = callTimes(door);
  const routed = door === "none" ? 0 : 1;
  const { stateWriteUnits, replyWriteUnits, headReads } = MEASURED.debit;
  const all: Omit<Ceiling, "callsPerSecond">[] = [
    {
      quota: "invocationsPerSecond",
      what: "invocations of router and worker",
      each: routed + 1,
      turn: 'the quota "Concurrent executions", ten for each; callers that are bound functions need no router',
    },
    {
      quota: "functionsAtOnce",
      what: "routers that wait and workers that run",
      each: (routed * routerMs + workerMs) / 1000,
      turn: 'the quota "Concurrent executions"',
    },
    ...(door === "HTTP API"
      ? [
          {
            quota: "throttling" as const,
            what: "requests that the construct lets through",
            each: 1,
            turn: "`throttling` of the construct",
          },
          {
            quota: "httpRequestsPerSecond" as const,
            what: "requests of the HTTP API",
            each: 1,
            turn: 'the quota "Throttle rate", or frontDoor: "function-url"',
          },
        ]
      : []),
    {
      quota: "tableWriteUnits",
      what: "heads written, and as many replies in the other table",
      each: Math.max(stateWriteUnits, replyWriteUnits),
      turn: 'the quota "Table-level write throughput limit", of both tables',
    },
    {
      quota: "tableReadUnits",
      what: "heads read, or looks for replies",
      each: Math.max(headReads, looks * 0.5),
      turn: 'the quota "Table-level read throughput limit", of both tables',
    },
    {
      quota: "batchesAtOnce",
      what: "batches that workers run",
      each: workerMs / 1000,
      turn: "one more of shards for each",
    },
    { quota: "queueRequestsPerSecond", what: "messages sent", each: 1, turn: "one more of shards for each" },
    {
      quota: "messagesInFlight",
      what: "messages from being received to being deleted",
      each: (workerMs + LATENCY.nextBatch.p50) / 1000,
      turn: "one more of shards for each",
    },
  ];
  return all
    .map((each) => ({ ...each, callsPerSecond: QUOTAS[each.quota].limit / each.each }))
    .sort((a, b) => a.callsPerSecond - b.callsPerSecond);
}

/** What a rate of calls takes. */
export interface RatePlan {
  readonly rate: number;
  /** "Concurrent executions" to ask for: also a tenth of the invocations a second. */
  readonly concurrency: number;
  readonly shards: number;
  /** Of each table. */
  readonly writeUnits: number;
  /** How long Lambda takes until it has started so many, in seconds: a limit of each function, which no quota raises. */
  readonly rampSeconds: number;
  /** Quotas that do not allow it, the lowest first. */
  readonly binding: readonly Ceiling[];
}

export function ratePlan(rate: number, door: Door): RatePlan {
  const known = ceilings(door);
  const need = (quota: QuotaName) => rate * (known.find((each) => each.quota === quota)?.each ?? 0);
  const { routerMs, workerMs } = callTimes(door);
  const perQueue = ["batchesAtOnce", "queueRequestsPerSecond", "messagesInFlight"] as const;
  const most = (rate * Math.max(door === "none" ? 0 : routerMs, workerMs)) / 1000;
  return {
    rate,
    concurrency: Math.ceil(Math.max(need("functionsAtOnce"), need("invocationsPerSecond") / 10)),
    shards: Math.ceil(Math.max(...perQueue.map((quota) => need(quota) / QUOTAS[quota].limit))),
    writeUnits: need("tableWriteUnits"),
    // Of one function, by how many run and by how often it is invoked: ten times a second each.
    rampSeconds: (10 * Math.max(most, rate / 10)) / QUOTAS.functionsStarted.limit,
    binding: known.filter(({ callsPerSecond }) => callsPerSecond <= rate),
  };
}

/** What so many instances take, whether or not anybody calls them. */
export interface InstancePlan {
  readonly instances: number;
  readonly gb: number;
  /** Dollars a month for storage, and for point-in-time recovery. */
  readonly storageDollars: number;
  readonly recoveryDollars: number;
  /** How long it takes to make them all, if they are of one type, in hours. */
  readonly creationHours: number;
  /** What it costs to list them all once, in dollars. */
  readonly listDollars: number;
  /** Alarms more than 15 minutes ahead. */
  readonly farAlarms: number;
}

function instancePlan(instances: number): InstancePlan {
  const gb = (instances * (FUNCTIONS.headKb + NAME_KB)) / KB_IN_GB;
  const perSecond = INDEX_BUCKETS * QUOTAS.partitionWriteUnits.limit;
  // A read unit for each head, and one for each 4 KB of names.
  const readUnits = instances * (1 + NAME_KB / 4);
  return {
    instances,
    gb,
    storageDollars: monthlyDollars("storedGbMonth", gb),
    recoveryDollars: monthlyDollars("recoverableGbMonth", gb),
    creationHours: instances / perSecond / 3600,
    listDollars: monthlyDollars("readUnit", readUnits),
    farAlarms: instances * FAR_ALARMS,
  };
}

/** Dollars a month, all in. */
function dollarsPerMonth(rate: number, instances: number): number {
  const usage = debitUsage({
    door: "HTTP API",
    batch: 1,
    sentTogether: 1,
    routerGb: FUNCTIONS.routerGb,
    shortLease: true,
  });
  const { storageDollars, recoveryDollars } = instancePlan(instances);
  return perMonth(usage, rate) + storageDollars + recoveryDollars;
}

/** The tables of docs/scale.md, as they stand there. */
export function scaleTables(): Readonly<Record<"ceilings" | "rates" | "instances" | "both", string>> {
  return {
    ceilings: markdown(
      ["quota", "of each", "as it is", "a call takes", "calls a second", "what is turned"],
      ceilings("HTTP API").map(({ quota, what, each, callsPerSecond, turn }) => [
        what,
        QUOTAS[quota].of,
        whole(QUOTAS[quota].limit),
        short(each),
        whole(Math.floor(callsPerSecond)),
        turn,
      ]),
    ),
    rates: markdown(
      [
        "calls a second",
        "concurrent executions to ask for",
        "`shards`",
        "write units a second, each table",
        "started from nothing in",
        "what binds, the first one first",
      ],
      RATES.map((rate) => {
        const plan = ratePlan(rate, "HTTP API");
        return [
          whole(rate),
          whole(plan.concurrency),
          whole(plan.shards),
          whole(plan.writeUnits),
          `${whole(Math.ceil(plan.rampSeconds))} s`,
          plan.binding.length === 0 ? "nothing" : plan.binding.map(({ what }) => what).join("; "),
        ];
      }),
    ),
    instances: markdown(
      [
        "instances",
        "state",
        "storage a month",
        "point-in-time recovery a month",
        "to make them all",
        "to list them all",
        "far alarms of one in a hundred",
      ],
      INSTANCES.map((count) => {
        const plan = instancePlan(count);
        const over = plan.farAlarms > QUOTAS.schedules.limit;
        return [
          whole(count),
          `${short(plan.gb)} GB`,
          dollars(plan.storageDollars),
          dollars(plan.recoveryDollars),
          plan.creationHours < 1 ? `${short(plan.creationHours * 60)} min` : `${short(plan.creationHours)} h`,
          dollars(plan.listDollars),
          `${whole(plan.farAlarms)}${over ? ", **over the quota**" : ""}`,
        ];
      }),
    ),
    both: markdown(
      ["", ...INSTANCES.map((count) => `${whole(count)} instances`)],
      RATES.map((rate) => [
        `${whole(rate)} calls a second`,
        ...INSTANCES.map((count) => {
          const [first] = ratePlan(rate, "HTTP API").binding;
          const alarms = instancePlan(count).farAlarms > QUOTAS.schedules.limit ? "schedules" : undefined;
          const binds = [first === undefined ? undefined : SHORT[first.quota], alarms].filter(
            (each) => each !== undefined,
          );
          return `${binds.length === 0 ? "nothing" : binds.join(", ")}; ${dollars(dollarsPerMonth(rate, count))}`;
        }),
      ]),
    ),
  };
}

/** In a table there is room for a word. */
const SHORT: Partial<Record<QuotaName, string>> = {
  throttling: "`throttling`",
  invocationsPerSecond: "invocations",
  functionsAtOnce: "functions at once",
  httpRequestsPerSecond: "HTTP API",
  tableWriteUnits: "write units",
};

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function short(value: number): string {
  return value >= 100 ? whole(value) : String(Number(value.toPrecision(2)));
}

function dollars(value: number): string {
  return value >= 10 ? `$${whole(value)}` : `$${value.toFixed(2)}`;
}
