import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { debitUsage, perMillion, storagePerMillion } from "../../../bench/model/cost.ts";
import { draw, seeded, summarize } from "../../../bench/model/distribution.ts";
import { FUNCTIONS, LATENCY } from "../../../bench/model/figures.ts";
import { callTimes, hotInstancePerSecond, sentToOnePerSecond } from "../../../bench/model/latency.ts";
import { measuredUsage } from "../../../bench/model/metrics.ts";
import { QUOTAS } from "../../../bench/model/quotas.ts";
import { ceilings, ratePlan, scaleTables } from "../../../bench/model/scale.ts";
import { THROTTLING } from "../../../cdk/throttling.ts";
import { PACK_ENVELOPES } from "../../../runtime/core/message.ts";

const alone = { batch: 1, sentTogether: 1, routerGb: FUNCTIONS.routerGb, shortLease: true } as const;

test("a volume is charged tier by tier", () => {
  // 2,629.8 million requests a month, of which 300 million at $1.00 and the rest at $0.90.
  expect(perMillion({ httpApiRequest: 1 }, 1_000).total).toBeCloseTo((300 + 2_329.8 * 0.9) / 2_629.8, 6);
});

test("draws have the points that their distribution is given by", () => {
  const random = seeded(7);
  const { p50, p99 } = summarize(Array.from({ length: 50_000 }, () => draw(LATENCY.fifoToFunction, random)));
  expect(p50).toBeCloseTo(LATENCY.fifoToFunction.p50, 0);
  expect(Math.abs(p99 / LATENCY.fifoToFunction.p99 - 1)).toBeLessThan(0.1);
});

describe("what docs/performance.md claims of a debit", () => {
  test("a bound function pays less than $4.50 a million, and so does a function URL with a small router", () => {
    const ways = [
      debitUsage({ ...alone, door: "none" }),
      debitUsage({ ...alone, door: "function URL", routerGb: 0.25 }),
    ];
    for (const usage of ways)
      for (const rate of [1, 1e2, 1e4, 1e6]) {
        expect(perMillion(usage, rate).total).toBeLessThan(4.5);
      }
  });

  test("the default front door pays $5.96, the access log included, which is 14 cents of it", () => {
    const of = (accessLog: boolean) =>
      perMillion(debitUsage({ ...alone, door: "HTTP API", accessLog }), 100).total;
    const page = readFileSync(join(import.meta.dirname, "../../../docs/performance.md"), "utf8");
    expect(page).toContain(`| HTTP API → router (default) | ${of(true).toFixed(2)} |`);
    expect(of(true) - of(false)).toBeCloseTo(0.14, 2);
    const url = (accessLog: boolean) =>
      perMillion(debitUsage({ ...alone, door: "function URL", accessLog }), 100);
    expect(url(true)).toEqual(url(false));
  });

  test("its median is within 1.3 times the hops that cannot be left out", () => {
    for (const door of ["HTTP API", "function URL", "none"] as const) {
      const { total, floor } = callTimes(door);
      expect(total.p50 / floor.p50).toBeLessThanOrEqual(1.3);
    }
  });

  test("work that is measured costs what docs/incidents.md says, and nothing unless it is asked for", async () => {
    const price = async (metrics: "problems" | "sampled" | "all") =>
      perMillion(await measuredUsage(metrics, { door: "HTTP API", batch: 1 }), 100).total;
    expect(await price("problems")).toBe(0);
    expect(await price("sampled")).toBeCloseTo(0.017, 3);
    expect(await price("all")).toBeCloseTo(0.34, 2);
    const call = perMillion(debitUsage({ ...alone, door: "HTTP API" }), 100).total;
    expect((await price("all")) / call).toBeCloseTo(0.06, 2);
  });

  test("one hot instance works off 1,500 calls a second and more of a process that packs them, with 1,280 MB and more", () => {
    const packed = PACK_ENVELOPES;
    expect(hotInstancePerSecond({ packed, workerMb: 1_280 })).toBeGreaterThan(1_500);
    expect(hotInstancePerSecond({ packed, workerMb: 1_769 })).toBeGreaterThan(1_800);
    // More memory than that is no second processor for one instance.
    expect(hotInstancePerSecond({ packed, workerMb: 3_008 })).toBe(
      hotInstancePerSecond({ packed, workerMb: 1_769 }),
    );
    expect(sentToOnePerSecond(packed)).toBeGreaterThan(1_500);
    // Ten in each would not do, whatever the memory.
    expect(hotInstancePerSecond({ packed: 10, workerMb: 1_769 })).toBeLessThan(1_500);
    expect(Math.round(hotInstancePerSecond({ packed: 1, workerMb: 512 }))).toBe(178);
  });

  test("a hundred million instances that nobody calls change its price by cents", () => {
    expect(storagePerMillion(1e8, 100)).toBeLessThan(0.1);
  });
});

describe("what docs/scale.md says", () => {
  test("is what the model says", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/scale.md"), "utf8");
    for (const [name, table] of Object.entries(scaleTables()))
      expect(page.includes(table), `the table ${name} of docs/scale.md: npm run bench:model prints it`).toBe(
        true,
      );
  });

  test("a call is under every quota below the lowest ceiling, and over one above it", () => {
    const [first] = ceilings("HTTP API");
    const lowest = first?.callsPerSecond ?? 0;
    expect(ratePlan(lowest * 0.99, "HTTP API").binding).toEqual([]);
    expect(ratePlan(lowest * 1.01, "HTTP API").binding.map(({ quota }) => quota)).toEqual([first?.quota]);
  });

  test("what the construct lets through is what it does let through", () => {
    expect(QUOTAS.throttling.limit).toBe(THROTTLING.rate);
  });

  test("bound functions need half the invocations and no front door", () => {
    const quotas = ceilings("none");
    expect(quotas.find(({ quota }) => quota === "invocationsPerSecond")?.callsPerSecond).toBe(10_000);
    expect(quotas.some(({ quota }) => quota === "httpRequestsPerSecond")).toBe(false);
    expect(ratePlan(1e5, "none").concurrency).toBe(10_000);
  });

  test("shards are as many as the queue's own limits ask for", () => {
    expect(ratePlan(1e4, "HTTP API").shards).toBe(1);
    expect(ratePlan(1e6, "HTTP API").shards).toBe(20);
  });
});
