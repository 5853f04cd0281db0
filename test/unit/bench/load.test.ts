import { describe, expect, test } from "vitest";
import { type Ending, Ledger } from "../../../bench/load/ledger.ts";
import { LoadMistake, parseLoadTest } from "../../../bench/load/options.ts";
import { runAtPace } from "../../../bench/load/pace.ts";
import { plannedCalls } from "../../../bench/load/plan.ts";
import { summaryOf } from "../../../bench/load/summary.ts";
import { StepClock } from "../core/fixtures.ts";

const answered: Ending = { kind: "answered", applied: 10 };

/** A load on virtual time, against what takes so long for its n-th call. */
async function run(
  pace: { rate: number | undefined; concurrency: number; calls?: number; ms?: number },
  takes: (call: number) => number,
) {
  const clock = new StepClock();
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  let calls = 0;
  const running = runAtPace(
    { calls: 1_000, ms: 60_000, ...pace },
    {
      now: () => clock.now(),
      until: async (moment) => {
        if (moment > clock.now()) await wait(moment - clock.now());
      },
      async call() {
        await wait(takes(calls++));
        return answered;
      },
    },
  );
  await clock.advance(100_000);
  const { timed, took } = await running;
  return summaryOf(timed, took);
}

describe("the pace of a load", () => {
  test("an open loop calls on, however slow the answers are", async () => {
    const { calls, seconds, latency } = await run({ rate: 10, concurrency: 100, ms: 5_000 }, () => 3_000);
    expect(calls).toBe(50);
    expect(seconds).toBeCloseTo(4.9 + 3);
    expect(latency).toMatchObject({ p50: 3_000, max: 3_000 });
  });

  test("a stall counts for every call that should have been made meanwhile, not only for the one that met it", async () => {
    const stall = (call: number) => (call === 10 ? 2_000 : 1);
    const open = await run({ rate: 100, concurrency: 1, calls: 400 }, stall);
    // Two hundred calls were to be made in these two seconds.
    expect(open.latency.max).toBeGreaterThanOrEqual(2_000);
    expect(open.latency.p90).toBeGreaterThan(1_000);
    expect(open.latest).toBeGreaterThan(1_900);
    // A closed loop makes no call meanwhile, and so does not see it.
    const closed = await run({ rate: undefined, concurrency: 1, calls: 400 }, stall);
    expect(closed.latency).toMatchObject({ p50: 1, p99: 1, max: 2_000 });
  });

  test("it ends with its calls, or with its time", async () => {
    expect(await run({ rate: undefined, concurrency: 4, calls: 10 }, () => 5)).toMatchObject({ calls: 10 });
    const { calls, seconds } = await run({ rate: undefined, concurrency: 4, ms: 1_000 }, () => 100);
    expect({ calls, seconds }).toEqual({ calls: 40, seconds: 1 });
  });
});

describe("what a load calls", () => {
  const some = (plan: { instances: number; hot: number }, count: number) => {
    const calls = plannedCalls({ ...plan, seed: 3 });
    return Array.from({ length: count }, () => calls.next().value);
  };

  test("one account has its share, and the others the rest alike", () => {
    const calls = some({ instances: 11, hot: 0.5 }, 20_000);
    const counts = Array.from(
      { length: 11 },
      (_, each) => calls.filter(({ instance }) => instance === each).length,
    );
    expect(counts[0]).toBeGreaterThan(9_500);
    expect(counts[0]).toBeLessThan(10_500);
    for (const count of counts.slice(1)) expect(Math.abs(count - 1_000)).toBeLessThan(200);
  });

  test("all alike without one; the same seed gives the same calls", () => {
    expect(new Set(some({ instances: 5, hot: 0 }, 200).map(({ instance }) => instance)).size).toBe(5);
    expect(some({ instances: 1, hot: 0.5 }, 5).map(({ instance }) => instance)).toEqual([0, 0, 0, 0, 0]);
    expect(some({ instances: 9, hot: 0.1 }, 50)).toEqual(some({ instances: 9, hot: 0.1 }, 50));
  });
});

test("a balance is compared with what was answered, and with what may have been applied without an answer", () => {
  const ledger = new Ledger();
  ledger.note(0, 10, answered);
  ledger.note(0, -3, { kind: "answered", applied: 0 });
  ledger.note(0, 10, { kind: "refused", error: "ActorOverloadedError" });
  expect(ledger.wrong(0, 10)).toBeUndefined();
  expect(ledger.wrong(0, 20)).toBe("account 0 holds 20 and must hold 10");
  ledger.note(0, 10, { kind: "unknown", error: "ActorCallTimeoutError" });
  ledger.note(0, -3, { kind: "unknown", error: "ActorCallTimeoutError" });
  for (const balance of [7, 10, 17, 20]) expect(ledger.wrong(0, balance)).toBeUndefined();
  for (const balance of [6, 21]) expect(ledger.wrong(0, balance)).toContain("must hold 7 to 20");
  expect(ledger.instances).toEqual([0]);
});

test("errors are counted by name, latencies are of what was answered", () => {
  const timed = [
    ...Array.from({ length: 99 }, (_, each) => ({ latency: each + 1, late: 0, ending: answered })),
    { latency: 100, late: 7, ending: answered },
    { latency: 9_999, late: 0, ending: { kind: "refused", error: "ActorOverloadedError" } as const },
    { latency: 9_999, late: 0, ending: { kind: "unknown", error: "ETIMEDOUT" } as const },
  ];
  expect(summaryOf(timed, 10_000)).toEqual({
    calls: 102,
    seconds: 10,
    perSecond: 10,
    latency: { p50: 50, p90: 90, p99: 99, p999: 100, max: 100 },
    latest: 7,
    errors: { ActorOverloadedError: 1, ETIMEDOUT: 1 },
    unanswered: 1,
  });
});

describe("arguments", () => {
  const parse = (text: string, endpoint?: string) => parseLoadTest(text.split(" "), endpoint);

  test("on this machine nothing is asked for", () => {
    for (const url of [
      "http://127.0.0.1:8787",
      "http://localhost",
      "http://[::1]:1",
      "http://api.localhost:1",
    ])
      expect(parse(`--url ${url}`)).toMatchObject({ target: { url }, dollars: undefined });
    expect(parse("--stack bank", "http://127.0.0.1:4566")).toMatchObject({ target: { stack: "bank" } });
  });

  test.each([
    "https://abc.execute-api.us-east-1.amazonaws.com",
    "http://127.0.0.1.example.com",
    "http://10.0.0.1",
  ])("%s needs --yes-cost, and names the price", (url) => {
    expect(() => parse(`--url ${url} --calls 1000000`)).toThrow(
      /^this makes up to 1,000,000 calls of .*, for about \$5\.96 at list prices: give --yes-cost/,
    );
    expect(parse(`--url ${url} --yes-cost`)).toMatchObject({ dollars: expect.closeTo(0.0602, 4) });
  });

  test("so does a stack on AWS; a rate bounds the calls", () => {
    expect(() => parse("--stack bank --rate 10 --seconds 60")).toThrow(/up to 600 calls of stack bank/);
    expect(() => parse("--stack bank", "https://sqs.us-east-1.amazonaws.com")).toThrow(LoadMistake);
  });

  test.each([
    ["", "give either"],
    ["--url http://localhost --stack s", "give either"],
    ["--url localhost:8787", "begins with http"],
    ["--url http://localhost --calls 0", "from 1 to 1000000"],
    ["--url http://localhost --calls 1000001", "from 1 to 1000000"],
    ["--url http://localhost --seconds 601", "from 1 to 600"],
    ["--url http://localhost --hot 1.5", "a share from 0 to 1"],
    ["--url http://localhost --header x", "a colon"],
    ["--stack s --header a:b", "goes with --url"],
    ["--url http://localhost --rat 5", "--help"],
  ])("%j is refused", (text, said) => {
    expect(() => parseLoadTest(text === "" ? [] : text.split(" "), undefined)).toThrow(said);
  });
});
