import {
  ConflictException,
  CreateScheduleCommand,
  ResourceNotFoundException,
  SchedulerClient,
  SchedulerServiceException,
  ServiceQuotaExceededException,
  ThrottlingException,
  ValidationException,
} from "@aws-sdk/client-scheduler";
import { mockClient } from "aws-sdk-client-mock";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type AwsAlarmClockOptions,
  createAwsAlarmClock,
  scheduleRequest,
} from "../../../runtime/adapters/aws/aws-alarm-clock.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { Wake } from "../../../runtime/ports/alarm-clock.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";

const MINUTE = 60_000;
const alice = { type: "Account", name: "alice" };
const settings = {
  group: "bank-Schedules",
  roleArn: "arn:aws:iam::123456789012:role/scheduler",
  targetArn: "arn:aws:sqs:eu-central-1:123456789012:delayed",
};
const request = (wake: Wake, to = alice, more: { deadLetterArn?: string } = {}) =>
  scheduleRequest(wakeEnvelope(to, wake), { wake, settings: { ...settings, ...more } });

describe("a schedule", () => {
  const at = Date.UTC(2030, 0, 31, 0, 4, 59, 999);

  test("sends the wake to the delay queue once, five minutes ahead, and is gone", () => {
    const wake = { at, version: 7 };
    expect(request(wake)).toEqual({
      Name: expect.stringMatching(/^Account-[\w-]{22}$/),
      GroupName: "bank-Schedules",
      ScheduleExpression: "at(2030-01-30T23:59:59)",
      ScheduleExpressionTimezone: "UTC",
      FlexibleTimeWindow: { Mode: "OFF" },
      ActionAfterCompletion: "DELETE",
      Target: {
        Arn: settings.targetArn,
        RoleArn: settings.roleArn,
        Input: encodeEnvelope(wakeEnvelope(alice, wake)),
        RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
      },
    });
  });

  test("leaves a wake that can't be sent in a dead-letter queue, where there is one", () => {
    const Arn = "arn:aws:sqs:eu-central-1:123456789012:dead";
    expect(request({ at, version: 7 }, alice, { deadLetterArn: Arn }).Target?.DeadLetterConfig).toEqual({
      Arn,
    });
  });

  test("has the name of its wake: the same again, another one for each other wake and instance", () => {
    const wake = { at, version: 7 };
    expect(request({ ...wake }).Name).toBe(request(wake).Name);
    const others = [
      request({ at: at + 1, version: 7 }),
      request({ at, version: 8 }),
      request(wake, { type: "Account", name: "bob" }),
      request(wake, { type: "Ledger", name: "alice" }),
    ];
    expect(new Set([request(wake), ...others].map(({ Name }) => Name)).size).toBe(5);
    // Of a long type the name shows only the beginning.
    const long = ["1", "2"].map((end) => request(wake, { type: `${"T".repeat(60)}${end}`, name: "alice" }));
    expect(new Set(long.map(({ Name }) => Name)).size).toBe(2);
  });

  test("has a name that the Scheduler takes, whatever type and instance are called", () => {
    const wake = { at, version: Number.MAX_SAFE_INTEGER };
    const types = ["A", "_a1", "T".repeat(41), "T".repeat(42), "T".repeat(200)];
    for (const type of types) {
      for (const name of ["a/b", "😀", "x".repeat(1024), " "]) {
        expect(request(wake, { type, name }).Name).toMatch(/^[0-9A-Za-z_.-]{24,64}$/);
      }
    }
  });

  // The Scheduler puts a value of its own there: the wake would go to another instance.
  test("has no placeholder of the Scheduler in it, also when a name looks like one", () => {
    const to = { type: "Account", name: '<aws.scheduler.execution-id> "<"' };
    const input = request({ at, version: 7 }, to).Target?.Input ?? "";
    expect(input).not.toContain("<");
    expect(decodeEnvelope(input)).toEqual(wakeEnvelope(to, { at, version: 7 }));
  });
});

describe("the alarm clock", () => {
  const scheduler = mockClient(SchedulerClient);
  beforeEach(() => void scheduler.reset());

  const start = (change: Partial<AwsAlarmClockOptions> = {}) => {
    const clock = new StepClock();
    const sent: Envelope[] = [];
    const problems: unknown[] = [];
    const alarms = createAwsAlarmClock({
      ...settings,
      client: scheduler as unknown as SchedulerClient,
      mailbox: { send: async (envelope) => void sent.push(envelope) },
      clock,
      telemetry: { problem: (what, detail) => void problems.push([what, detail]), count: () => {} },
      ...change,
    });
    const wakeIn = (ahead: number): Wake => ({ at: clock.now() + ahead, version: 7 });
    return { alarms, clock, sent, problems, wakeIn };
  };
  const requests = () => scheduler.commandCalls(CreateScheduleCommand).map(({ args }) => args[0].input);
  const failure = { message: "no more", Message: "no more", $metadata: {} };

  test.each([0, -86_400_000, 1, 15 * MINUTE])(
    "sends a wake that is due in %s ms to the delay line itself",
    async (ahead) => {
      const { alarms, sent, wakeIn } = start();
      await alarms.arm(alice, wakeIn(ahead));
      expect(sent).toEqual([wakeEnvelope(alice, wakeIn(ahead))]);
      expect(requests()).toEqual([]);
    },
  );

  test.each([15 * MINUTE + 1, 86_400_000, 366 * 86_400_000])(
    "makes a schedule for a wake that is due in %s ms, and sends nothing",
    async (ahead) => {
      const { alarms, clock, sent, problems, wakeIn } = start();
      scheduler.on(CreateScheduleCommand).resolves({});
      await alarms.arm(alice, wakeIn(ahead));
      expect(requests()).toEqual([request(wakeIn(ahead))]);
      expect({ sent, problems, timers: clock.pending }).toEqual({ sent: [], problems: [], timers: 0 });
    },
  );

  test("hands on where dead letters go", async () => {
    const deadLetterArn = "arn:aws:sqs:eu-central-1:123456789012:dead";
    const { alarms, wakeIn } = start({ deadLetterArn });
    scheduler.on(CreateScheduleCommand).resolves({});
    await alarms.arm(alice, wakeIn(20 * MINUTE));
    expect(requests()).toEqual([request(wakeIn(20 * MINUTE), alice, { deadLetterArn })]);
  });

  test("takes a schedule that is there already for armed", async () => {
    const { alarms, sent, problems, wakeIn } = start();
    scheduler.on(CreateScheduleCommand).rejects(new ConflictException(failure));
    await alarms.arm(alice, wakeIn(20 * MINUTE));
    expect({ sent, problems }).toEqual({ sent: [], problems: [] });
  });

  test.each([
    ["its quota is used up", new ServiceQuotaExceededException(failure)],
    ["it is throttled", new ThrottlingException(failure)],
    ["it is out of reach", new Error("socket hang up")],
    [
      "it may not be called",
      new SchedulerServiceException({ ...failure, name: "AccessDeniedException", $fault: "client" }),
    ],
    ["the role can't be assumed yet", new ValidationException(failure)],
    ["its group is gone", new ResourceNotFoundException(failure)],
  ])(
    "loses no wake when the Scheduler refuses because %s: the delay line takes it, and the operator learns why",
    async (_, error) => {
      const { alarms, clock, sent, problems, wakeIn } = start();
      scheduler.on(CreateScheduleCommand).rejects(error);
      await alarms.arm(alice, wakeIn(86_400_000));
      expect(sent).toEqual([wakeEnvelope(alice, wakeIn(86_400_000))]);
      expect(problems).toEqual([
        ["schedule refused", { type: "Account", reason: `${error.name}: ${error.message}` }],
      ]);
      expect(clock.pending).toBe(0);
    },
  );

  test("waits for the Scheduler no longer than three seconds: a turn waits for the clock", async () => {
    const client = {
      send: (_: unknown, { abortSignal }: { abortSignal: AbortSignal }) =>
        new Promise((_, reject) => {
          abortSignal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    } as unknown as SchedulerClient;
    const { alarms, clock, sent, problems, wakeIn } = start({ client });
    const wake = wakeIn(86_400_000);
    const armed = alarms.arm(alice, wake);
    await clock.advance(2_999);
    expect(sent).toEqual([]);
    await clock.advance(1);
    await armed;
    expect(sent).toEqual([wakeEnvelope(alice, wake)]);
    expect(problems).toEqual([["schedule refused", { type: "Account", reason: "Error: aborted" }]]);
  });

  test("a time that no schedule can have goes along the delay line", async () => {
    const { alarms, sent } = start();
    const never = { at: Number.MAX_SAFE_INTEGER, version: 7 };
    await alarms.arm(alice, never);
    expect(sent).toEqual([wakeEnvelope(alice, never)]);
    expect(requests()).toEqual([]);
  });

  test("a wake that neither the Scheduler nor the delay line takes is not armed", async () => {
    const send = async () => {
      throw new Error("the queue is out of reach");
    };
    const { alarms, wakeIn } = start({ mailbox: { send } });
    scheduler.on(CreateScheduleCommand).rejects(new ThrottlingException(failure));
    await expect(alarms.arm(alice, wakeIn(20 * MINUTE))).rejects.toThrow("the queue is out of reach");
    await expect(alarms.arm(alice, wakeIn(MINUTE))).rejects.toThrow("the queue is out of reach");
  });
});
