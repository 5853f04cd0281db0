import { type Duration, RemovalPolicy } from "aws-cdk-lib";
import { ConfigurationError } from "./configuration-error.ts";
import { knownDuration } from "./known-number.ts";

/** What keeps the state of the actors from being lost. */
export interface ProtectionProps {
  /**
   * Whether the state can be taken back to any second of the last weeks, by restoring it into a new table. DynamoDB takes 20 cents a GB
   * and month for it. With `RemovalPolicy.DESTROY` it is also what is left: of a table that had it and is deleted, DynamoDB
   * keeps a last backup for 35 days, at no cost.
   * @default true
   */
  readonly pointInTimeRecovery?: boolean;
  /**
   * How far back that goes, in whole days from 1 to 35. It costs the same.
   * @default Duration.days(35)
   */
  readonly recoveryPeriod?: Duration;
  /**
   * Whether DynamoDB refuses to delete the table of the state, whoever asks for it. A stack that keeps the table is deleted all the
   * same, and leaves it, still protected. Not with `RETAIN_ON_UPDATE_OR_DELETE`, which takes the table away when the first deployment fails.
   * @default true, unless the removal policy is `DESTROY`
   */
  readonly deletionProtection?: boolean;
}

/** How the table of the state is protected. */
export interface Protection {
  readonly removalPolicy: RemovalPolicy;
  /** In days; undefined: no recovery. */
  readonly recoveryDays: number | undefined;
  readonly deletionProtection: boolean;
}

const MOST_DAYS = 35;

/** Throws a ConfigurationError for what can't be, or contradicts itself. */
export function checkedProtection(props: ProtectionProps, removalPolicy: RemovalPolicy): Protection {
  const { pointInTimeRecovery = true, recoveryPeriod } = props;
  const isDestroyed = removalPolicy === RemovalPolicy.DESTROY;
  const { deletionProtection = !isDestroyed } = props;
  if (isDestroyed && deletionProtection) {
    throw new ConfigurationError(
      "deletionProtection true with removalPolicy DESTROY: the stack could never be deleted, as the table refuses; choose RETAIN, or leave deletionProtection out",
    );
  }
  if (removalPolicy === RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE && deletionProtection) {
    throw new ConfigurationError(
      "removalPolicy RETAIN_ON_UPDATE_OR_DELETE with deletionProtection, which is on unless told otherwise: a first deployment that fails deletes the table again, and the table refuses; choose RETAIN, or deletionProtection: false",
    );
  }
  if (recoveryPeriod === undefined) {
    return { removalPolicy, deletionProtection, recoveryDays: pointInTimeRecovery ? MOST_DAYS : undefined };
  }
  if (!pointInTimeRecovery) {
    throw new ConfigurationError(
      "recoveryPeriod without pointInTimeRecovery: there is nothing to go back to; leave one of them out",
    );
  }
  const recoveryDays = knownDuration("recoveryPeriod", recoveryPeriod).toDays({ integral: false });
  if (!Number.isInteger(recoveryDays) || recoveryDays < 1 || recoveryDays > MOST_DAYS) {
    throw new ConfigurationError(
      `recoveryPeriod ${recoveryDays} days: DynamoDB takes 1 to ${MOST_DAYS}; choose whole days in between`,
    );
  }
  return { removalPolicy, deletionProtection, recoveryDays };
}
