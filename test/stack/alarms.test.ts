import { join } from "node:path";
import { GetScheduleCommand, ListSchedulesCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { decodeEnvelope } from "../../runtime/core/envelope.ts";
import { wakeOf } from "../../runtime/core/wake.ts";
import { describeAlarms } from "../acceptance/alarm-suite.ts";
import { insisting } from "../acceptance/asking-again.ts";
import { sdkOptions } from "../endpoints/aws.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";
import { queueArn, sqsAt } from "./event-source.ts";

const MINUTE = 60_000;

describeWith(inject("aws"), "alarms of a deployed project", ({ url }) => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployProject({
      endpoint: url,
      projectDir: join(import.meta.dirname, "../projects/probe"),
      stack: "probe-alarms",
    });
  });
  afterAll(() => deployment?.destroy());

  const scheduler = new SchedulerClient(sdkOptions(url));
  const schedules = async () => {
    const GroupName = deployment.outputs.ScheduleGroup;
    const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({ GroupName }));
    return Promise.all(
      Schedules.map(({ Name }) => scheduler.send(new GetScheduleCommand({ Name, GroupName }))),
    );
  };
  const schedulesOf = async (name: string) =>
    (await schedules()).filter(({ Target }) => {
      const { to } = decodeEnvelope(Target?.Input ?? "");
      return to.type === "Sleeper" && to.name === name;
    });
  let far = "";
  const call = async (name: string, method: string, ...args: unknown[]) =>
    (await insisting(deployment.request)("POST", `/Sleeper/${name}/${method}`, JSON.stringify(args))).json();
  const delayed = async () => {
    const { Attributes } = await sqsAt(url).send(
      new GetQueueAttributesCommand({
        QueueUrl: deployment.outputs.DelayUrl,
        AttributeNames: ["ApproximateNumberOfMessagesDelayed"],
      }),
    );
    return Number(Attributes?.ApproximateNumberOfMessagesDelayed);
  };

  test("I14: an alarm 20 minutes ahead is one schedule in the stack's own group, also when it is moved later", async () => {
    let due: unknown;
    let found: Awaited<ReturnType<typeof schedules>> = [];
    // A worker has three seconds of patience with the Scheduler, and busy machines have slow ones: then a wake lies in the delay queue.
    for (let tries = 1; ; tries++) {
      far = `far-${tries}`;
      const before = await delayed();
      due = await call(far, "wakeIn", 20 * MINUTE);
      await call(far, "wakeIn", 40 * MINUTE);
      found = await schedulesOf(far);
      const after = await delayed();
      if (after === before) break;
      if (tries === 5) expect(after).toBe(before);
    }
    const [schedule, ...others] = found;
    expect(others).toEqual([]);
    const sqs = sqsAt(url);
    const { DelayUrl = "", DelayDeadLetterUrl = "" } = deployment.outputs;
    expect(schedule).toMatchObject({
      GroupName: deployment.outputs.ScheduleGroup,
      ScheduleExpression: `at(${new Date((due as number) - 5 * MINUTE).toISOString().slice(0, 19)})`,
      ScheduleExpressionTimezone: "UTC",
      ActionAfterCompletion: "DELETE",
      State: "ENABLED",
      Target: {
        Arn: await queueArn(sqs, DelayUrl),
        RoleArn: expect.stringMatching(/^arn:aws:iam::\d+:role\/.*Schedules/),
        DeadLetterConfig: { Arn: await queueArn(sqs, DelayDeadLetterUrl) },
      },
    });
    const wake = decodeEnvelope(schedule?.Target?.Input ?? "");
    expect(wakeOf(wake)).toMatchObject({ at: due });
    expect(wake.due).toBe(due);
  });

  test("I14: moved to within 15 minutes it lies in the delay queue", async () => {
    const before = await delayed();
    await call(far, "wakeIn", 14 * MINUTE);
    expect((await schedulesOf(far)).length).toBe(1);
    expect(await delayed()).toBe(before + 1);
  });

  test("I14: an alarm that 1,000 calls move 14 minutes out is armed once, or twice when the first is not the earliest", {
    timeout: 800_000,
  }, async () => {
    const before = await delayed();
    const left = Array.from({ length: 1_000 }, (_, n) => n);
    const caller = async () => {
      while (left.pop() !== undefined) {
        expect(await call("session", "wakeIn", 14 * MINUTE)).toEqual(expect.any(Number));
      }
    };
    await Promise.all(Array.from({ length: 20 }, caller));
    const armed = (await delayed()) - before;
    expect(armed).toBeGreaterThanOrEqual(1);
    expect(armed).toBeLessThanOrEqual(2);
    expect(await schedulesOf("session")).toEqual([]);
  });

  // After what counts the messages in the delay queue: its alarms leave some there.
  describeAlarms("deployed", () => deployment);
});
