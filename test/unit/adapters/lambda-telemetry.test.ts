import { describe, expect, test } from "vitest";
import {
  createLambdaTelemetry,
  type LambdaTelemetryOptions,
} from "../../../runtime/adapters/aws/lambda-telemetry.ts";
import { StepClock } from "../core/fixtures.ts";

function start(options: Partial<LambdaTelemetryOptions> = {}) {
  const lines: string[] = [];
  const telemetry = createLambdaTelemetry({
    clock: new StepClock(),
    write: (line) => void lines.push(line),
    random: () => 0.5,
    stack: "bank",
    metrics: "all",
    logNames: false,
    ...options,
  });
  return { telemetry, lines, parsed: () => lines.map((line) => JSON.parse(line)) };
}

const ann = { type: "Account", name: "ann" };
/** The first twelve digits of the SHA-256 of `Account/ann`. */
const ANN = "52689767c030";

describe("what goes wrong", () => {
  // As CloudWatch's specification of the format has it: the directive names members of the same object.
  test("what is counted is one line in the embedded metric format, for the stack and for the type", () => {
    const { telemetry, lines, parsed } = start();
    telemetry.count("AlarmsDropped", { type: "Account" });
    telemetry.count("Redeliveries", { type: "Ledger", times: 3 });
    expect(lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
    expect(parsed()).toEqual(
      [
        ["AlarmsDropped", "Account", 1],
        ["Redeliveries", "Ledger", 3],
      ].map(([metric, type, times]) => ({
        _aws: {
          Timestamp: 1_000_000,
          CloudWatchMetrics: [
            {
              Namespace: "StatefulActors",
              Dimensions: [["stack"], ["stack", "type"]],
              Metrics: [{ Name: metric, Unit: "Count" }],
            },
          ],
        },
        stack: "bank",
        type,
        [metric as string]: times,
      })),
    );
  });

  test("what is of no type counts for the stack alone", () => {
    const { telemetry, parsed } = start();
    telemetry.count("EnvelopesRefused", {});
    const [line] = parsed();
    expect(line._aws.CloudWatchMetrics[0].Dimensions).toEqual([["stack"]]);
    expect(line).not.toHaveProperty("type");
  });

  test("a problem is one line whose fields CloudWatch finds, and no metric", async () => {
    const { telemetry, lines, parsed } = start();
    await telemetry.invocation("request-1", async () => {
      telemetry.problem("schedule refused", { type: "Account", reason: "two\nlines" });
    });
    expect(lines.map((line) => line.indexOf("\n") === line.length - 1)).toEqual([true]);
    expect(parsed()).toEqual([
      {
        level: "WARN",
        message: "schedule refused",
        stack: "bank",
        requestId: "request-1",
        type: "Account",
        reason: "two\nlines",
      },
    ]);
  });

  test("an instance is named by a hash, unless names are allowed", () => {
    const hidden = start();
    hidden.telemetry.problem("turn failed", { ...ann, version: 4 });
    expect(hidden.parsed()).toEqual([
      expect.objectContaining({ type: "Account", instance: ANN, version: 4 }),
    ]);
    expect(hidden.lines.join()).not.toContain("ann");
    const named = start({ logNames: true });
    named.telemetry.problem("turn failed", { ...ann, version: 4 });
    expect(named.parsed()).toEqual([expect.objectContaining({ type: "Account", name: "ann", version: 4 })]);
    expect(named.lines.join()).not.toContain(ANN);
  });

  test("names are in no error of the runtime either: a scope, a cycle, what stray code left", () => {
    const { telemetry, lines, parsed } = start();
    const key = "Account/ann";
    const cycle = `the call would wait for itself: Ledger/anna → ${key} → Ledger/anna; an instance takes its next call only …`;
    telemetry.problem("turn failed", { ...ann, chain: ["Ledger/anna", "Ledger/an"], reason: cycle });
    const scope = 'storage of Account "ann" was used after its turn had ended; await the work';
    telemetry.problem("stray rejection", {
      reason: scope,
      stackTrace: `StorageScopeError: ${scope}\n    at x`,
    });
    telemetry.problem("stray rejection", { reason: scope.replace("ann", 'a "quoted" ann') });
    expect(lines.join()).not.toMatch(/ann\b|anna|Ledger\/an/);
    const [looped, stray] = parsed();
    expect(looped.reason).toMatch(
      new RegExp(
        `^the call would wait for itself: (Ledger#[0-9a-f]{12}) → Account#${ANN} → \\1; an instance`,
      ),
    );
    expect(looped).not.toHaveProperty("chain");
    expect(stray.reason).toBe(`storage of Account#${ANN} was used after its turn had ended; await the work`);
    const allowed = start({ logNames: true });
    allowed.telemetry.problem("stray rejection", { reason: scope });
    expect(allowed.parsed()[0].reason).toBe(scope);
  });

  test("invocations at once name a request each", async () => {
    const { telemetry, parsed } = start();
    const one = async (id: string) => {
      await telemetry.invocation(id, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        telemetry.problem("turn failed", { reason: id });
      });
    };
    await Promise.all([one("a"), one("b")]);
    expect(parsed().map(({ requestId, reason }) => [requestId, reason])).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
  });
});

describe("what work takes", () => {
  test("is one line of an invocation: times as they were, counts as sums", async () => {
    const { telemetry, lines, parsed } = start();
    await telemetry.invocation("r", async () => {
      telemetry.work?.add("TurnTime", 3, ann);
      telemetry.work?.add("TurnTime", 5, ann);
      telemetry.work?.add("QueueAge", 28, ann);
      telemetry.work?.add("Commits", 1, ann);
      telemetry.work?.add("Commits", 1, ann);
      expect(lines).toEqual([]);
    });
    expect(parsed()).toEqual([
      {
        _aws: {
          Timestamp: 1_000_000,
          CloudWatchMetrics: [
            {
              Namespace: "StatefulActors",
              Dimensions: [["stack", "type"]],
              Metrics: [
                { Name: "TurnTime", Unit: "Milliseconds" },
                { Name: "QueueAge", Unit: "Milliseconds" },
                { Name: "Commits", Unit: "Count" },
              ],
            },
          ],
        },
        stack: "bank",
        type: "Account",
        instance: ANN,
        TurnTime: [3, 5],
        QueueAge: 28,
        Commits: 2,
      },
    ]);
  });

  test("is a line for each type, and names no instance where it is about several", async () => {
    const { telemetry, parsed } = start();
    await telemetry.invocation("r", async () => {
      telemetry.work?.add("Commits", 1, ann);
      telemetry.work?.add("Commits", 1, { type: "Account", name: "bob" });
      telemetry.work?.add("Commits", 1, { type: "Ledger", name: "ann" });
    });
    expect(parsed().map(({ type, Commits, instance }) => [type, Commits, typeof instance])).toEqual([
      ["Account", 2, "undefined"],
      ["Ledger", 1, "string"],
    ]);
  });

  test("fits: a hundred values of a metric to a line, and none is lost", async () => {
    const { telemetry, parsed } = start();
    const values = Array.from({ length: 250 }, (_, value) => value);
    await telemetry.invocation("r", async () => {
      for (const value of values) telemetry.work?.add("ReplyWait", value, ann);
      telemetry.work?.add("Commits", 1, ann);
    });
    const found = parsed();
    expect(found.map(({ ReplyWait }) => ReplyWait.length)).toEqual([100, 100, 50]);
    expect(found.flatMap(({ ReplyWait }) => ReplyWait)).toEqual(values);
    expect(found.map(({ Commits }) => Commits)).toEqual([1, undefined, undefined]);
    for (const line of found) {
      const named = line._aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name);
      expect(named.every((name: string) => name in line)).toBe(true);
    }
  });

  test("is written also of an invocation that fails", async () => {
    const { telemetry, parsed } = start();
    const failing = telemetry.invocation("r", async () => {
      telemetry.work?.add("Commits", 1, ann);
      throw new Error("the queue is gone");
    });
    await expect(failing).rejects.toThrow("the queue is gone");
    expect(parsed()).toEqual([expect.objectContaining({ Commits: 1 })]);
  });

  test("is measured of one invocation in twenty where it is sampled", async () => {
    let drawn = 0;
    const { telemetry, parsed } = start({ metrics: "sampled", random: () => drawn++ / 100 });
    for (let n = 0; n < 100; n++) {
      await telemetry.invocation("r", async () => telemetry.work?.add("Commits", 1, ann));
    }
    expect(parsed().length).toBe(5);
  });

  test("is not measured unless asked for: nothing is there to measure it", async () => {
    const { telemetry, lines } = start({ metrics: "problems" });
    expect(telemetry.work).toBeUndefined();
    await telemetry.invocation("r", async () => {});
    expect(lines).toEqual([]);
  });
});
