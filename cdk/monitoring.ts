import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, Dashboard, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { ConfigurationError } from "./configuration-error.ts";
import { knownDuration } from "./known-number.ts";
import { type AlarmsChoice, alarmsOf } from "./monitoring-alarms.ts";
import { dashboardRows } from "./monitoring-dashboard.ts";
import type { Watched } from "./monitoring-metrics.ts";
import type { Metrics } from "./telemetry.ts";

/** When a page is read is docs/incidents.md of this package. */
const PAGE = "docs/incidents.md of stateful-actors";

/** The oldest message of a mailbox, unless told otherwise: twice as long as a caller waits. */
const MAILBOX_AGE = Duration.minutes(1);

/** Alarms and a dashboard of CloudWatch. */
export interface MonitoringProps {
  /**
   * Which alarms there are. `essential`: calls that wait, dead letters, alarms and calls that were given up. `all`: errors and throttles of
   * the functions and of the tables, the front door's 5xx, calls without an answer, conflicts, messages that are refused or stuck, too.
   * CloudWatch charges 0.10 dollars a month for each metric of an alarm, beyond ten in an account: 5 are essential, and
   * one for each further mailbox; all are 32.
   * @default "essential"
   */
  readonly alarms?: AlarmsChoice;
  /**
   * Who is told when an alarm stands, and when it is over.
   * @default nobody: alarms are seen in CloudWatch alone
   */
  readonly alarmTopics?: readonly ITopic[];
  /**
   * How old the oldest message of a mailbox may get, in whole seconds. Callers wait for 28 seconds; one-way messages may wait for longer
   * in everyday traffic.
   * @default Duration.minutes(1)
   */
  readonly mailboxAge?: Duration;
  /**
   * Whether there is a dashboard. CloudWatch charges 3 dollars a month for it, beyond three in an account.
   * @default false
   */
  readonly dashboard?: boolean;
}

export interface MonitoringOptions extends MonitoringProps {
  readonly watched: Watched;
  readonly logs: readonly ILogGroup[];
  readonly metrics: Metrics;
}

/** What watches a deployment. */
export class Monitoring extends Construct {
  /** By their names in docs/incidents.md. */
  readonly alarms: Readonly<Record<string, Alarm>>;
  readonly dashboard: Dashboard | undefined;

  constructor(scope: Construct, id: string, options: MonitoringOptions) {
    super(scope, id);
    const { watched, logs, metrics, alarmTopics = [], dashboard = false } = options;
    const definitions = alarmsOf(watched, {
      choice: checkedChoice(options.alarms ?? "essential"),
      mailboxAge: checkedAge(options.mailboxAge ?? MAILBOX_AGE),
    });
    const alarms = Object.entries(definitions).map(([name, { metric, threshold, periods, meaning }]) => {
      const alarm = new Alarm(this, name, {
        metric,
        threshold,
        evaluationPeriods: periods,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        // What goes well says nothing.
        treatMissingData: TreatMissingData.NOT_BREACHING,
        alarmDescription: `${meaning}. What to do: ${PAGE}, ${name}.`,
      });
      for (const topic of alarmTopics) {
        alarm.addAlarmAction(new SnsAction(topic));
        alarm.addOkAction(new SnsAction(topic));
      }
      return [name, alarm] as const;
    });
    this.alarms = Object.fromEntries(alarms);
    if (!dashboard) return;
    this.dashboard = new Dashboard(this, "Dashboard", {
      widgets: dashboardRows(watched, { alarms: Object.values(this.alarms), logs, metrics }),
    });
  }
}

function checkedChoice(choice: AlarmsChoice): AlarmsChoice {
  if (choice === "none" || choice === "essential" || choice === "all") return choice;
  throw new ConfigurationError(
    `monitoring.alarms ${choice}: it says which alarms there are; choose none, essential or all`,
  );
}

function checkedAge(age: Duration): Duration {
  const seconds = knownDuration("monitoring.mailboxAge", age).toSeconds({ integral: false });
  if (Number.isInteger(seconds) && seconds >= 1) return age;
  throw new ConfigurationError(
    `monitoring.mailboxAge ${seconds} s: it is how old a message may get; choose whole seconds from 1 up`,
  );
}
