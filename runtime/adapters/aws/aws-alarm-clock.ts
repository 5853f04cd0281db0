import {
  ConflictException,
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  type SchedulerClient,
} from "@aws-sdk/client-scheduler";
import { actorKey } from "../../core/actor-id.ts";
import { encodeEnvelope } from "../../core/envelope.ts";
import { messageOf } from "../../core/errors.ts";
import { digest } from "../../core/fingerprint.ts";
import { wakeEnvelope } from "../../core/wake.ts";
import type { AlarmClock, Wake } from "../../ports/alarm-clock.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId, Envelope, Mailbox } from "../../ports/mailbox.ts";
import type { Telemetry } from "../../ports/telemetry.ts";

/** What is due within this lies in the delay queue from the start: the longest delay that SQS takes, in ms. */
const DELAYED_MS = 900_000;

/**
 * How long before its wake a schedule is due, in ms: the Scheduler may take a minute, and tries again if the queue is out of
 * reach. The delay queue, precise to a second, keeps the wake for the rest.
 */
const LEAD_MS = 300_000;

/** How long the Scheduler may take to accept a schedule, in ms: a turn waits for it. */
const PATIENCE_MS = 3_000;

/** The longest name that the Scheduler takes. */
const MAX_NAME_LENGTH = 64;
/** 132 bits in base64url. */
const HASH_LENGTH = 22;

/** Where the schedules of a deployment lie, and what they do. */
export interface ScheduleSettings {
  /** Name of the schedule group. */
  readonly group: string;
  /** The role in which the Scheduler sends to the delay queue. */
  readonly roleArn: string;
  /** The delay queue. */
  readonly targetArn: string;
  /** The queue for wakes that the Scheduler could not send within a day; without it they are dropped. */
  readonly deadLetterArn?: string;
}

export interface AwsAlarmClockOptions extends ScheduleSettings {
  readonly client: SchedulerClient;
  /** The way to the instances that are woken, by which wakes go that are due soon. */
  readonly mailbox: Mailbox;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Wakes as delayed messages, and those of a later time as one-time schedules that send such a message. */
export function createAwsAlarmClock(options: AwsAlarmClockOptions): AlarmClock {
  const { client, mailbox, clock, telemetry, ...settings } = options;

  const schedule = async (envelope: Envelope, wake: Wake): Promise<void> => {
    const patience = new AbortController();
    const cancel = clock.after(PATIENCE_MS, () => patience.abort());
    try {
      const command = new CreateScheduleCommand(scheduleRequest(envelope, { wake, settings }));
      await client.send(command, { abortSignal: patience.signal });
    } catch (error) {
      // The name stands for the wake: it is armed already, maybe by this very request's first try.
      if (!(error instanceof ConflictException)) throw error;
    } finally {
      cancel();
    }
  };

  return {
    async arm(to, wake) {
      const envelope = wakeEnvelope(to, wake);
      if (wake.at - clock.now() <= DELAYED_MS) return mailbox.send(envelope);
      try {
        await schedule(envelope, wake);
      } catch (error) {
        // Whatever the reason is, also one that will not pass (no right, a group that is gone): the commit waits for this wake,
        // and to fail it would fail every call that sets an alarm, for ever. The delay queue carries a wake as far as a
        // schedule does, in a message each 15 minutes; so it costs a little money, and the operator learns why. A schedule
        // that was made all the same is a second copy of the same wake.
        telemetry.problem("schedule refused", { type: to.type, reason: reasonOf(error) });
        await mailbox.send(envelope);
      }
    },
  };
}

/** The one-time schedule that puts a wake into the delay queue shortly before its time. */
export function scheduleRequest(
  envelope: Envelope,
  { wake, settings }: { wake: Wake; settings: ScheduleSettings },
): CreateScheduleCommandInput {
  const { group, roleArn, targetArn, deadLetterArn } = settings;
  return {
    Name: scheduleName(envelope.to, wake),
    GroupName: group,
    ScheduleExpression: `at(${utcSecond(wake.at - LEAD_MS)})`,
    ScheduleExpressionTimezone: "UTC",
    FlexibleTimeWindow: { Mode: "OFF" },
    // A schedule that has fired would count against the quota as long as it is there.
    ActionAfterCompletion: "DELETE",
    Target: {
      Arn: targetArn,
      RoleArn: roleArn,
      // The Scheduler fills in what it finds in angle brackets (`<aws.scheduler.execution-id>`), and names are free text. In
      // JSON a bracket stands in strings only.
      Input: encodeEnvelope(envelope).replaceAll("<", "\\u003c"),
      // As long and as often as the service allows.
      RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
      ...(deadLetterArn !== undefined && { DeadLetterConfig: { Arn: deadLetterArn } }),
    },
  };
}

/** The same wake has the same name. The type in front is for the operator who looks at a list of them. */
function scheduleName(to: ActorId, { at, version }: Wake): string {
  const hash = digest([actorKey(to), String(version), String(at)], "base64url").slice(0, HASH_LENGTH);
  return `${to.type.slice(0, MAX_NAME_LENGTH - HASH_LENGTH - 1)}-${hash}`;
}

/** As the Scheduler writes it: `2030-01-31T23:59:59`. */
function utcSecond(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${messageOf(error)}` : messageOf(error);
}
