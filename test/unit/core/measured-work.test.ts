import { expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Delivery } from "../../../runtime/ports/mailbox.ts";
import type { ProblemDetail, Subject, WorkMetric } from "../../../runtime/ports/telemetry.ts";
import { delivery, type StepClock, testDeps, UNLIMITED } from "./fixtures.ts";

const id = { type: "Till", name: "front" };
let clock: StepClock;

class Till extends StatefulActor<unknown> {
  async add(amount: number, ms = 0) {
    await clock.advance(ms);
    await this.ctx.storage.put("sum", amount);
  }
  async look() {
    return await this.ctx.storage.get("sum");
  }
  async fail() {
    throw new Error("out of paper");
  }
  async remind(at: number) {
    await this.ctx.storage.setAlarm(at);
  }
  override async alarm() {
    await clock.advance(7);
  }
}

function start() {
  const base = testDeps({ Till });
  clock = base.clock;
  const work: [WorkMetric, number, Subject][] = [];
  const told: [string, ProblemDetail][] = [];
  const telemetry = {
    ...base.telemetry,
    problem: (what: string, detail: ProblemDetail) => void told.push([what, detail]),
    work: { add: (metric: WorkMetric, value: number, of: Subject) => void work.push([metric, value, of]) },
  };
  const deps = { ...base, telemetry };
  const run = (...deliveries: Delivery[]) => runBatch(id, deliveries, { times: UNLIMITED, deps });
  const taken = () => work.splice(0).map(([metric, value]) => [metric, value]);
  return { deps, run, told, work, taken };
}

test("a batch is measured: hydration, waiting, turns, commits", async () => {
  const { run, work, taken } = start();
  const sentAt = clock.now() - 40;
  await run({ ...delivery(id, "add", 1, 12), sentAt }, { ...delivery(id, "add", 2, 3), sentAt });
  expect(work.every(([, , of]) => of.type === "Till" && of.name === "front")).toBe(true);
  expect(taken()).toEqual([
    ["HydrationsCold", 1],
    ["QueueAge", 40],
    ["TurnTime", 12],
    // The second turn takes its time, so that the first one's commit goes ahead.
    ["Commits", 1],
    ["QueueAge", 52],
    ["TurnTime", 3],
    ["Commits", 1],
  ]);
  await run(delivery(id, "look"));
  expect(taken()).toEqual([
    ["HydrationsWarm", 1],
    ["TurnTime", 0],
  ]);
});

test("a mailbox whose clock is ahead has let nobody wait", async () => {
  const { run, taken } = start();
  await run({ ...delivery(id, "look"), sentAt: clock.now() + 5 });
  expect(taken()).toContainEqual(["QueueAge", 0]);
});

test("an alarm is as late as its handler begins", async () => {
  const { deps, run, taken } = start();
  const at = clock.now() + 1_000;
  await run(delivery(id, "remind", at));
  taken();
  await clock.advance(1_250);
  const wake = deps.armed.at(-1)?.wake ?? { at: 0, version: 0 };
  await run({ ...delivery(id, "look"), envelope: wakeEnvelope(id, wake) });
  expect(taken()).toEqual([
    ["HydrationsWarm", 1],
    ["AlarmDelay", 250],
    ["TurnTime", 7],
    ["Commits", 1],
  ]);
});

test("what is told of a turn that failed: whose, which message, how often received, on which version, of which trace", async () => {
  const { deps, run, told } = start();
  await run(delivery(id, "add", 1));
  const failing = delivery(id, "fail");
  const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await run({ ...failing, receives: 2, envelope: { ...failing.envelope, trace: { parent } } });
  expect(told).toEqual([
    [
      "turn failed",
      {
        ...id,
        method: "fail",
        envelope: failing.envelope.id,
        receives: 2,
        version: 1,
        traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
        reason: "out of paper",
        stackTrace: expect.stringContaining("out of paper"),
      },
    ],
  ]);
  expect(deps.counted).toEqual(["TurnsFailed Till"]);
});

test("where nobody measures, the clock is not asked for it", async () => {
  const base = testDeps({ Till });
  clock = base.clock;
  let asked = 0;
  const counting = {
    now: () => {
      asked++;
      return clock.now();
    },
    after: clock.after.bind(clock),
    idle: () => clock.idle(),
    quiet: () => clock.quiet(),
  };
  const times = UNLIMITED;
  await runBatch(id, [delivery(id, "look")], { times, deps: { ...base, clock: counting } });
  const unmeasured = asked;
  asked = 0;
  const work = { add: () => {} };
  const telemetry = { ...base.telemetry, work };
  await runBatch(id, [delivery(id, "look")], { times, deps: { ...base, clock: counting, telemetry } });
  expect(asked - unmeasured).toBe(2);
});
