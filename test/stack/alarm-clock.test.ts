import {
  CreateScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListSchedulesCommand,
  SchedulerClient,
} from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand, type QueueAttributeName } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { afterEach, expect, inject, test, vi } from "vitest";
import { createForwarderHandler } from "../../handlers/forwarder.ts";
import { createAwsAlarmClock } from "../../runtime/adapters/aws/aws-alarm-clock.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { decodeEnvelope } from "../../runtime/core/envelope.ts";
import { wakeEnvelope } from "../../runtime/core/wake.ts";
import { sdkOptions } from "../endpoints/aws.ts";
import { describeOnBoth, describeWith } from "../endpoints/gate.ts";
import { makeDelayQueue, makeMailbox, queueArn, receiveBatch, sqsAt } from "./event-source.ts";

const MINUTE = 60_000;
const DEADLINE_MS = 120_000;
const ROLE_ARN = "arn:aws:iam::000000000000:role/scheduler";
/** With a placeholder of the Scheduler in its name, which must stay what it is. */
const alice = { type: "Account", name: "<aws.scheduler.execution-id>" };

describeOnBoth("the alarm clock on a real Scheduler", ({ url, firesSchedules }) => {
  const sqs = sqsAt(url);
  const scheduler = new SchedulerClient(sdkOptions(url));
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  /** @param behindMs how far the clock of the side that arms is behind */
  const start = async ({ behindMs = 0, withGroup = true } = {}) => {
    const mailboxUrl = await makeMailbox(sqs);
    const delayUrl = await makeDelayQueue(sqs);
    const targetArn = await queueArn(sqs, delayUrl);
    const group = `group-${crypto.randomUUID()}`;
    if (withGroup) await scheduler.send(new CreateScheduleGroupCommand({ Name: group }));
    const clock = { ...systemClock, now: () => systemClock.now() - behindMs };
    const problem = vi.fn();
    const alarms = createAwsAlarmClock({
      client: scheduler,
      mailbox: createSqsMailbox({ client: sqs, mailboxUrl, delayUrl, clock }),
      group,
      roleArn: ROLE_ARN,
      targetArn,
      // Its patience with a slow Scheduler is not at stake here: test/unit has it, and a busy machine is slow.
      clock: { ...clock, after: () => () => {} },
      telemetry: { problem, count: () => {} },
    });
    const environment = { AWS_ENDPOINT_URL: url, MAILBOX_URL: mailboxUrl, DELAY_URL: delayUrl };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    return {
      alarms,
      problem,
      group,
      targetArn,
      forward: createForwarderHandler(),
      delayed: () => receive(delayUrl),
      /** How many messages lie in the delay queue that do not come out yet, and in the mailbox. */
      waiting: async () => ({
        delayed: await attribute(delayUrl, "ApproximateNumberOfMessagesDelayed"),
        inMailbox: await attribute(mailboxUrl, "ApproximateNumberOfMessages"),
      }),
    };
  };

  const attribute = async (queueUrl: string, name: QueueAttributeName) => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [name] }),
    );
    return Attributes?.[name];
  };
  const schedulesIn = async (group: string) => {
    const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({ GroupName: group }));
    return Schedules.map(({ Name = "" }) => Name);
  };
  const receive = async (queueUrl: string): Promise<SQSRecord[]> => {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const records = await receiveBatch(sqs, queueUrl);
      if (records.length > 0 || Date.now() > deadline) return records;
    }
  };

  test("an alarm that is far ahead is one schedule, however often it is armed", async () => {
    const { alarms, problem, group, targetArn, waiting } = await start();
    const wake = { at: Date.now() + 20 * MINUTE, version: 7 };
    await alarms.arm(alice, wake);
    await alarms.arm(alice, wake);
    const names = await schedulesIn(group);
    expect(names).toHaveLength(1);
    const schedule = await scheduler.send(new GetScheduleCommand({ Name: names[0], GroupName: group }));
    expect(schedule).toMatchObject({
      ScheduleExpression: `at(${new Date(wake.at - 5 * MINUTE).toISOString().slice(0, 19)})`,
      ScheduleExpressionTimezone: "UTC",
      GroupName: group,
      ActionAfterCompletion: "DELETE",
      State: "ENABLED",
      Target: { Arn: targetArn, RoleArn: ROLE_ARN },
    });
    expect(decodeEnvelope(schedule.Target?.Input ?? "")).toEqual(wakeEnvelope(alice, wake));
    expect(await waiting()).toEqual({ delayed: "0", inMailbox: "0" });
    expect(problem).not.toHaveBeenCalled();
  });

  /** An alarm whose schedule fires so soon, and is still there; to the side that arms it is 16 minutes ahead. */
  const armedWith = async (soonMs: number) => {
    const system = await start({ behindMs: 11 * MINUTE - soonMs });
    // The Scheduler knows whole seconds.
    const firesAt = Math.floor((Date.now() + soonMs) / 1000) * 1000;
    const wake = { at: firesAt + 5 * MINUTE, version: 7 };
    await system.alarms.arm(alice, wake);
    const names = await schedulesIn(system.group);
    return { ...system, wake, names, inTime: Date.now() < firesAt };
  };

  const fires = async () => {
    let armed = await armedWith(2_000);
    // A busy machine may take longer than that before it looks.
    for (const soonMs of [10_000, 40_000]) if (!armed.inTime) armed = await armedWith(soonMs);
    const { group, forward, delayed, waiting, wake, names, inTime } = armed;
    expect(inTime).toBe(true);
    expect(names).toHaveLength(1);

    const records = await delayed();
    expect(records.map(({ body }) => decodeEnvelope(body))).toEqual([wakeEnvelope(alice, wake)]);
    await vi.waitUntil(async () => (await schedulesIn(group)).length === 0, { timeout: DEADLINE_MS });

    expect(await forward({ Records: records })).toEqual({ batchItemFailures: [] });
    expect(await waiting()).toEqual({ delayed: "1", inMailbox: "0" });
  };
  const isKept = async () => {
    const { alarms, group } = await start();
    await alarms.arm(alice, { at: Date.now() + 6 * MINUTE, version: 7 });
    await alarms.arm(alice, { at: Date.now() + 20 * MINUTE, version: 7 });
    expect(await schedulesIn(group)).toHaveLength(1);
  };
  if (firesSchedules) {
    test(
      "a schedule fires into the delay queue, is gone, and the forwarder lets the wake wait for the rest",
      fires,
    );
  } else {
    test(
      "schedules are kept, and fire on the other endpoint only: this one's Scheduler does not run them",
      isKept,
    );
  }

  test("a Scheduler without the group loses no wake: the delay queue has it", async () => {
    const { alarms, problem, group, waiting } = await start({ withGroup: false });
    await alarms.arm(alice, { at: Date.now() + 20 * MINUTE, version: 7 });
    expect(problem).toHaveBeenCalledExactlyOnceWith("schedule refused", {
      type: "Account",
      reason: expect.stringContaining(group),
    });
    expect(await waiting()).toEqual({ delayed: "1", inMailbox: "0" });
  });
});

describeWith(inject("account"), "the deployed stack", ({ endpoint, outputs }) => {
  test("has a schedule group of its own", async () => {
    const scheduler = new SchedulerClient(sdkOptions(endpoint));
    const group = await scheduler.send(new GetScheduleGroupCommand({ Name: outputs.ScheduleGroup }));
    expect(group.State).toBe("ACTIVE");
  });
});
