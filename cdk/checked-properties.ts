import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Auth } from "./auth.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { knownDuration, knownNumber } from "./known-number.ts";
import { MAX_RECEIVES } from "./mailbox.ts";

/** How long an alarm's handler may run unless told otherwise. */
const ALARM_BUDGET = Duration.minutes(5);

/** What a worker needs after an alarm's handler: 30 seconds for `onAlarmDropped`, and time to commit. */
const AFTER_ALARM = Duration.seconds(35);

export function checkedAuth(auth: unknown): Auth {
  if (auth instanceof Auth) return auth;
  throw new ConfigurationError(
    `auth ${auth}: it says who may call the front door, and has no default; choose Auth.iam(), Auth.jwt({ issuer, audience }), Auth.lambda(fn) or Auth.none() (anyone who knows the URL)`,
  );
}

export function checkedMemory(property: string, mebibytes: number): number {
  knownNumber(property, mebibytes);
  if (Number.isInteger(mebibytes) && mebibytes >= 128 && mebibytes <= 10_240) return mebibytes;
  throw new ConfigurationError(
    `${property} ${mebibytes}: Lambda takes whole numbers from 128 to 10240 (MiB); choose one of them`,
  );
}

export function checkedTimeout(timeout: Duration): Duration {
  const seconds = knownDuration("workerTimeout", timeout).toSeconds({ integral: false });
  if (Number.isInteger(seconds) && seconds >= 40 && seconds <= 900) return timeout;
  throw new ConfigurationError(
    `workerTimeout ${seconds} s: one call may take 30 s and must then commit, and Lambda ends after 900 s; choose whole seconds from 40 to 900`,
  );
}

export function checkedAlarmBudget(budget: Duration | undefined, workerTimeout: Duration): Duration {
  const most = workerTimeout.toSeconds() - AFTER_ALARM.toSeconds();
  if (budget === undefined) return Duration.seconds(Math.min(ALARM_BUDGET.toSeconds(), most));
  const seconds = knownDuration("alarmBudget", budget).toSeconds({ integral: false });
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= most) return budget;
  throw new ConfigurationError(
    `alarmBudget ${seconds} s: the worker needs ${AFTER_ALARM.toSeconds()} s after an alarm's handler, and ends after ${workerTimeout.toSeconds()} s; choose whole seconds from 1 to ${most}, or a longer workerTimeout`,
  );
}

export function checkedReplyRetention(retention: Duration, lease: Duration): Duration {
  const seconds = knownDuration("replyRetention", retention).toSeconds({ integral: false });
  const least = MAX_RECEIVES * lease.toSeconds();
  if (Number.isInteger(seconds) && seconds >= least) return retention;
  throw new ConfigurationError(
    `replyRetention ${seconds} s: an envelope can be redelivered for ${least} s and its reply must last as long; choose whole seconds from ${least} up`,
  );
}

export function checkedRemovalPolicy(policy: RemovalPolicy): RemovalPolicy {
  if (policy !== RemovalPolicy.SNAPSHOT) return policy;
  throw new ConfigurationError(
    "removalPolicy SNAPSHOT: DynamoDB tables take no snapshot when they are deleted; choose RETAIN or DESTROY",
  );
}
