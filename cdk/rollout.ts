import { Duration } from "aws-cdk-lib";
import type { IAlarm } from "aws-cdk-lib/aws-cloudwatch";
import { TrafficRouting } from "aws-cdk-lib/aws-codedeploy";
import { ConfigurationError } from "./configuration-error.ts";
import { knownDuration, knownNumber } from "./known-number.ts";

/** What a gradual rollout looks at. */
export interface GradualRolloutOptions {
  /** What part of the batches goes to the new version at first, or at each step: a whole number of percent from 1 to 99. */
  readonly percent: number;
  /**
   * Alarms that take all of the traffic back to the version before, and end the deployment, when one of them goes off meanwhile; besides the
   * rollout's own, for an invocation of the worker that fails.
   * @default none
   */
  readonly alarms?: readonly IAlarm[];
}

export interface CanaryRolloutOptions extends GradualRolloutOptions {
  /** How long the first part is looked at before the rest follows: whole minutes, at most two days. */
  readonly wait: Duration;
}

export interface LinearRolloutOptions extends GradualRolloutOptions {
  /** How long each step is looked at: whole minutes, at most two days together. */
  readonly every: Duration;
}

/** The longest that AWS CodeDeploy shifts traffic, in minutes. */
const LONGEST_MINUTES = 2_880;

/** How a new version of the worker takes over from the one before. While both run, each batch is one version's, and the other's next. */
export class Rollout {
  /** The new version takes all batches from one moment to the next. Those that run end on the old one. */
  static allAtOnce(): Rollout {
    return new Rollout(undefined, []);
  }

  /** A part of the batches goes to the new version, and after a while the rest. */
  static canary({ percent, wait, alarms = [] }: CanaryRolloutOptions): Rollout {
    const minutes = checkedMinutes("wait", wait, 1);
    const routing = TrafficRouting.timeBasedCanary({
      percentage: checkedPercent(percent),
      interval: Duration.minutes(minutes),
    });
    return new Rollout(routing, alarms);
  }

  /** One part of the batches after the other goes to the new version. */
  static linear({ percent, every, alarms = [] }: LinearRolloutOptions): Rollout {
    const steps = Math.ceil(100 / checkedPercent(percent));
    const minutes = checkedMinutes("every", every, steps - 1);
    return new Rollout(
      TrafficRouting.timeBasedLinear({ percentage: percent, interval: Duration.minutes(minutes) }),
      alarms,
    );
  }

  /** How traffic is shifted; undefined: not gradually. */
  readonly routing: TrafficRouting | undefined;
  readonly alarms: readonly IAlarm[];

  private constructor(routing: TrafficRouting | undefined, alarms: readonly IAlarm[]) {
    this.routing = routing;
    this.alarms = alarms;
  }
}

function checkedPercent(percent: number): number {
  knownNumber("percent", percent);
  if (Number.isInteger(percent) && percent >= 1 && percent <= 99) return percent;
  throw new ConfigurationError(
    `percent ${percent}: it is a part of the batches; choose a whole number from 1 to 99, or Rollout.allAtOnce()`,
  );
}

function checkedMinutes(option: string, duration: Duration, steps: number): number {
  const minutes = knownDuration(option, duration).toMinutes({ integral: false });
  const most = Math.floor(LONGEST_MINUTES / steps);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= most) return minutes;
  throw new ConfigurationError(
    `${option} ${minutes} min: CodeDeploy counts whole minutes, and takes two days at most; choose from 1 to ${most}`,
  );
}
