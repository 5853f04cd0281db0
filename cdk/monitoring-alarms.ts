import type { Duration } from "aws-cdk-lib";
import type { IMetric } from "aws-cdk-lib/aws-cloudwatch";
import {
  conflictRate,
  failedRequests,
  MINUTE,
  PERIOD,
  problems,
  tableErrors,
  tableThrottles,
  type Watched,
} from "./monitoring-metrics.ts";

/** `essential`: what is lost or stuck without anybody's help. `all`: what will be, and what callers notice, too. */
export type AlarmsChoice = "none" | "essential" | "all";

/** One alarm; it stands while the metric is at its threshold or above. */
export interface AlarmDefinition {
  readonly metric: IMetric;
  readonly threshold: number;
  /** How many periods of the metric in a row. */
  readonly periods: number;
  /** What it means, in one sentence: whoever is called at night reads it first. */
  readonly meaning: string;
}

/** The alarms of a deployment by their names, which docs/incidents.md explains. */
export function alarmsOf(
  watched: Watched,
  { choice, mailboxAge }: { choice: AlarmsChoice; mailboxAge: Duration },
): Readonly<Record<string, AlarmDefinition>> {
  if (choice === "none") return {};
  const essential = essentialAlarms(watched, mailboxAge);
  return choice === "essential" ? essential : { ...essential, ...furtherAlarms(watched) };
}

function essentialAlarms(watched: Watched, mailboxAge: Duration): Record<string, AlarmDefinition> {
  const { mailboxes, deadLetters, delayDeadLetters } = watched;
  const visible = { statistic: "Maximum", period: PERIOD };
  return {
    ...Object.fromEntries(
      mailboxes.map((queue, shard): [string, AlarmDefinition] => [
        `MailboxAge${shard || ""}`,
        {
          metric: queue.metricApproximateAgeOfOldestMessage({ statistic: "Maximum", period: MINUTE }),
          threshold: mailboxAge.toSeconds(),
          periods: 3,
          meaning:
            "Calls wait too long in their mailbox: the workers do not keep up, or one instance does not",
        },
      ]),
    ),
    DeadLetters: {
      metric: deadLetters.metricApproximateNumberOfMessagesVisible(visible),
      threshold: 1,
      periods: 1,
      meaning: "Calls were given up and lie among the dead letters",
    },
    DelayedDeadLetters: {
      metric: delayDeadLetters.metricApproximateNumberOfMessagesVisible(visible),
      threshold: 1,
      periods: 1,
      meaning: "Delayed messages or wakes of alarms were given up on their way to a mailbox",
    },
    AlarmsDropped: once(
      problems("AlarmsDropped", watched),
      "An actor's alarm is gone after its last attempt",
    ),
    EnvelopesCrashed: once(
      problems("EnvelopesCrashed", watched),
      "A call ended its worker each time it was run, and was given up",
    ),
  };
}

function furtherAlarms(watched: Watched): Record<string, AlarmDefinition> {
  const { functions } = watched;
  const perFunction = Object.entries(functions).flatMap(([name, fn]): [string, AlarmDefinition][] => {
    const Name = `${name[0]?.toUpperCase()}${name.slice(1)}`;
    return [
      [
        `${Name}Errors`,
        once(
          fn.metricErrors({ period: PERIOD }),
          `The ${name} threw, ran out of time or memory, or could not start`,
        ),
      ],
      [
        `${Name}Throttles`,
        once(
          fn.metricThrottles({ period: PERIOD }),
          `Lambda refused to run the ${name}: a limit of concurrent functions`,
        ),
      ],
    ];
  });
  const perTable = Object.keys(watched.tables).flatMap((key): [string, AlarmDefinition][] => {
    const name = key as keyof Watched["tables"];
    const Name = `${name[0]?.toUpperCase()}${name.slice(1)}`;
    return [
      [`${Name}Errors`, often(5, tableErrors(name, watched), `DynamoDB fails at requests to the ${Name}`)],
      [
        `${Name}Throttles`,
        often(10, tableThrottles(name, watched), `DynamoDB refuses requests to the ${Name}`),
      ],
    ];
  });
  return {
    ...Object.fromEntries(perFunction),
    FrontDoorErrors: {
      metric: failedRequests(watched),
      threshold: 5,
      periods: 1,
      meaning: "More than 5 percent of the requests at the front door fail with a status of 5xx",
    },
    CallsUnanswered: often(
      5,
      problems("CallsUnanswered", watched),
      "Callers get no answer in time: an instance has more to do than it can, or the worker does not run",
    ),
    ConflictRate: {
      metric: conflictRate(watched),
      threshold: 5,
      periods: 1,
      meaning: "Workers take instances from each other: leases are lost",
    },
    BatchesInterrupted: often(
      5,
      problems("BatchesInterrupted", watched),
      "The worker can't work off what it gets: the table, the queue or a lease fails",
    ),
    EnvelopesRefused: once(
      problems("EnvelopesRefused", watched),
      "What came out of a queue is no envelope of this version",
    ),
    NewerFormats: once(
      problems("NewerFormats", watched),
      "An older version runs on what a newer one has written, and leaves it until the newer one is back",
    ),
    MessagesNotForwarded: often(
      5,
      problems("MessagesNotForwarded", watched),
      "What is due can't be moved from the delay queue to its mailbox",
    ),
    ...Object.fromEntries(perTable),
  };
}

function once(metric: IMetric, meaning: string): AlarmDefinition {
  return often(1, metric, meaning);
}

function often(threshold: number, metric: IMetric, meaning: string): AlarmDefinition {
  return { metric, threshold, periods: 1, meaning };
}
