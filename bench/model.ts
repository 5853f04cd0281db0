// What a call costs and how long it takes in the cloud, from counted requests and published figures: `npm run bench:model`. It asks
// nobody; it prints tables, and writes the plots of docs/performance.md.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACK_ENVELOPES } from "../runtime/core/message.ts";
import {
  debitUsage,
  durableFunctionUsage,
  durableObjectUsage,
  optimisticLockUsage,
  perMillion,
  type Setup,
  storagePerMillion,
  type Usage,
} from "./model/cost.ts";
import { FUNCTIONS, LATENCY, LIMITS, type PriceName } from "./model/figures.ts";
import { callTimes, type Door, hotInstancePerSecond, sentToOnePerSecond, sumOf } from "./model/latency.ts";
import { measuredUsage } from "./model/metrics.ts";
import { plot } from "./model/plot.ts";
import { QUOTAS } from "./model/quotas.ts";
import { scaleTables } from "./model/scale.ts";

const RATES = [1, 1e2, 1e4, 1e6];
const INSTANCES = [1e2, 1e4, 1e6, 1e8];
const DOCS = join(import.meta.dirname, "../docs");

/** Prices in the words of the plot; those of one service are one part. */
const NAMES: Partial<Record<PriceName, string>> = {
  httpApiRequest: "HTTP API",
  functionRequest: "Lambda, requests",
  functionGbSecond: "Lambda, running",
  fifoRequest: "SQS",
  readUnit: "DynamoDB, reads",
  writeUnit: "DynamoDB, writes",
  loggedGb: "CloudWatch Logs",
  durableOperation: "durable operations",
};

const alone: Setup = {
  door: "HTTP API",
  batch: 1,
  sentTogether: 1,
  routerGb: FUNCTIONS.routerGb,
  shortLease: true,
};
const usages: Readonly<Record<string, Usage>> = {
  "HTTP API → router": debitUsage(alone),
  "function URL → router": debitUsage({ ...alone, door: "function URL" }),
  "function URL → router of 256 MiB": debitUsage({ ...alone, door: "function URL", routerGb: 0.25 }),
  "bound function, alone": debitUsage({ ...alone, door: "none" }),
  "bound function, ten at once": debitUsage({ ...alone, door: "none", batch: 10, sentTogether: 10 }),
  "bound function, 200 at once": debitUsage({ ...alone, door: "none", batch: 200, sentTogether: 200 }),
  "Lambda, optimistic lock": optimisticLockUsage(),
  "Lambda durable function": durableFunctionUsage(),
  "Cloudflare Durable Object": durableObjectUsage(),
};

console.log("Dollars for a million debits, all in, by calls a second");
console.table(
  tableOf(usages, (usage) =>
    Object.fromEntries(
      RATES.map((rate) => [rate.toLocaleString("en"), money(perMillion(usage, rate).total)]),
    ),
  ),
);
console.log("… of which, at 100 calls a second");
console.table(
  tableOf(usages, (usage) =>
    Object.fromEntries(
      Object.entries(perMillion(usage, 100).parts).map(([name, part]) => [name, money(part)]),
    ),
  ),
);
console.log("… and on top for work that is measured, at 100 calls a second");
const choices = ["problems", "sampled", "all"] as const;
const measured: Record<string, Record<string, string>> = {};
for (const choice of choices) {
  const ways = { "HTTP API → router": alone, "bound function, alone": { ...alone, door: "none" } } as const;
  for (const [way, setup] of Object.entries(ways)) {
    measured[way] = {
      ...measured[way],
      [choice]: money(perMillion(await measuredUsage(choice, setup), 100).total),
    };
  }
}
console.table(measured);
console.log("… and on top for instances that exist, at 100 calls a second");
console.table({
  "dollars a million calls": Object.fromEntries(
    INSTANCES.map((count) => [count.toLocaleString("en"), money(storagePerMillion(count, 100))]),
  ),
});

const { httpApi, invoke, dynamoRead, dynamoWrite, durableCheckpoint, durableObject } = LATENCY;
const doors: readonly Door[] = ["HTTP API", "function URL", "none"];
const times = Object.fromEntries(doors.map((door) => [door, callTimes(door)]));
const peers = {
  "Lambda, optimistic lock": sumOf([httpApi, invoke, dynamoRead, dynamoWrite]),
  "Lambda durable function": sumOf([
    httpApi,
    invoke,
    dynamoRead,
    dynamoWrite,
    durableCheckpoint,
    durableCheckpoint,
  ]),
  "Cloudflare Durable Object": sumOf([durableObject]),
};
console.log("A warm debit, in ms");
console.table({
  ...tableOf(times, ({ total, floor, looks }) => ({
    p50: Math.round(total.p50),
    p99: Math.round(total.p99),
    "hops alone, p50": Math.round(floor.p50),
    "p50 over hops": (total.p50 / floor.p50).toFixed(2),
    looks: looks.toFixed(2),
  })),
  ...tableOf(peers, ({ p50, p99 }) => ({ p50: Math.round(p50), p99: Math.round(p99) })),
});

const { batch, processor } = LIMITS;
const { groupRequestsPerSecond, queueRequestsPerSecond } = QUOTAS;
console.log("One hot instance, calls a second");
console.table({
  "what SQS takes, one call a request": { limit: groupRequestsPerSecond.limit },
  "what SQS takes, ten messages a request": { limit: groupRequestsPerSecond.limit * batch.messages },
  "what one process sends, ten full packs a request": {
    limit: Math.round(sentToOnePerSecond(PACK_ENVELOPES)),
  },
  "optimistic lock, one after the other": { limit: Math.round(1000 / (dynamoRead.p50 + dynamoWrite.p50)) },
  "Durable Object": { limit: LIMITS.durableObject.perSecond },
});
console.log("… worked off by event source and worker, by the worker's memory");
const memories = [FUNCTIONS.workerGb * 1024, 1_024, 1_280, processor.mb];
console.table(
  Object.fromEntries(
    [1, 10, PACK_ENVELOPES, 50].map((packed) => [
      packed === 1 ? "one call a message" : `${packed} a message`,
      Object.fromEntries(
        memories.map((workerMb) => [
          `${workerMb} MB`,
          Math.round(hotInstancePerSecond({ packed, workerMb })),
        ]),
      ),
    ]),
  ),
);
console.log("What it takes at each rate");
console.table(
  Object.fromEntries(
    RATES.map((rate) => [
      rate.toLocaleString("en"),
      {
        "routers running": Math.ceil((rate * (times["HTTP API"]?.routerMs ?? 0)) / 1000),
        "workers running": Math.ceil((rate * (times["HTTP API"]?.workerMs ?? 0)) / 1000),
        "mailbox queues": Math.ceil(rate / queueRequestsPerSecond.limit),
        "write units a second": rate * 2,
      },
    ]),
  ),
);
const scale = scaleTables();
console.log("Which quota binds at how many calls a second, behind an HTTP API\n");
console.log(`${scale.ceilings}\n`);
console.log("What it takes at each rate, and what binds\n");
console.log(`${scale.rates}\n`);
console.log("What instances take that exist\n");
console.log(`${scale.instances}\n`);
console.log("What binds first, and dollars a month, all in\n");
console.log(`${scale.both}\n`);

mkdirSync(DOCS, { recursive: true });
write("cost-in-the-cloud.svg", {
  title: "A million debits, all in",
  unit: "Dollars at 100 calls a second, us-east-1",
  groups: Object.entries(usages).map(([name, usage]) => ({
    name,
    parts: Object.entries(perMillion(usage, 100).parts).map(([part, value]) => ({
      name: NAMES[part as PriceName] ?? "Cloudflare and other",
      value,
    })),
  })),
});
write("latency-in-the-cloud.svg", {
  title: "A warm debit, as its caller sees it",
  unit: "Median in ms; modelled from published latencies",
  groups: [
    ...Object.entries(times).flatMap(([door, { total, floor }]) => [
      {
        name: `actors, ${door === "none" ? "bound function" : door}`,
        parts: [
          { name: "hops that cannot be left out", value: floor.p50 },
          { name: "waiting for the next look, own work", value: total.p50 - floor.p50 },
        ],
      },
    ]),
    ...Object.entries(peers).map(([name, { p50 }]) => ({
      name,
      parts: [{ name: "hops that cannot be left out", value: p50 }],
    })),
  ],
});

function write(file: string, bars: Parameters<typeof plot>[0]): void {
  writeFileSync(join(DOCS, file), plot(bars));
  console.log(`written: docs/${file}`);
}

function tableOf<T>(rows: Readonly<Record<string, T>>, columns: (row: T) => object): Record<string, object> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, columns(row)]));
}

function money(dollars: number): string {
  return dollars.toFixed(2);
}
