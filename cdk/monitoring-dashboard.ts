import {
  type Alarm,
  AlarmStatusWidget,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  TextWidget,
} from "aws-cdk-lib/aws-cloudwatch";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import {
  failedRequests,
  frontDoor,
  MINUTE,
  PERIOD,
  problems,
  tableErrors,
  tableThrottles,
  type Watched,
  workByType,
} from "./monitoring-metrics.ts";
import type { Metrics } from "./telemetry.ts";

const WIDTH = 24;
const HEIGHT = 6;

export interface DashboardOptions {
  readonly alarms: readonly Alarm[];
  readonly logs: readonly ILogGroup[];
  readonly metrics: Metrics;
}

/** The rows of a dashboard, from what callers notice down to what it comes from. */
export function dashboardRows(watched: Watched, { alarms, logs, metrics }: DashboardOptions): IWidget[][] {
  return [
    ...(alarms.length > 0
      ? [[new AlarmStatusWidget({ title: "Alarms", alarms: [...alarms], width: WIDTH, height: 3 })]]
      : []),
    row(
      graph("Requests at the front door", Object.values(frontDoor(watched)), [failedRequests(watched)]),
      graph("What goes wrong", [
        problems("CallsUnanswered", watched),
        problems("TurnsFailed", watched),
        problems("RequestsFailed", watched),
        problems("Redeliveries", watched),
        problems("Conflicts", watched),
        problems("BatchesInterrupted", watched),
      ]),
      graph("What is lost", [
        problems("AlarmsFailed", watched),
        problems("AlarmsDropped", watched),
        problems("EnvelopesCrashed", watched),
        problems("EnvelopesRefused", watched),
        problems("NewerFormats", watched),
        problems("MessagesNotForwarded", watched),
      ]),
    ),
    row(
      graph("Age of the oldest message, seconds", watched.mailboxes.map(ageOf)),
      graph(
        "Messages in the mailboxes",
        watched.mailboxes.flatMap((queue) => [
          queue.metricApproximateNumberOfMessagesVisible({ period: MINUTE }),
          queue.metricApproximateNumberOfMessagesNotVisible({ period: MINUTE }),
        ]),
      ),
      graph(
        "Dead letters",
        [watched.deadLetters, watched.delayDeadLetters].map((queue) =>
          queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: "Maximum" }),
        ),
      ),
    ),
    row(
      graph(
        "Runs of the functions",
        Object.values(watched.functions).map((fn) => fn.metricInvocations({ period: PERIOD })),
      ),
      graph(
        "Duration, p50 and p99",
        [watched.functions.worker, watched.functions.router].flatMap((fn) =>
          ["p50", "p99"].map((statistic) => fn.metricDuration({ statistic, period: PERIOD })),
        ),
      ),
      graph(
        "Errors and throttles",
        Object.values(watched.functions).flatMap((fn) => [
          fn.metricErrors({ period: PERIOD }),
          fn.metricThrottles({ period: PERIOD }),
        ]),
      ),
    ),
    ...workRows(watched, metrics),
    row(
      graph(
        "Capacity of the tables",
        Object.values(watched.tables).flatMap((table) => [
          table.metricConsumedReadCapacityUnits({ period: PERIOD }),
          table.metricConsumedWriteCapacityUnits({ period: PERIOD }),
        ]),
      ),
      graph("DynamoDB, errors", [tableErrors("actorTable", watched), tableErrors("replyTable", watched)]),
      graph("DynamoDB, throttles", [
        tableThrottles("actorTable", watched),
        tableThrottles("replyTable", watched),
      ]),
    ),
    [
      new LogQueryWidget({
        title: "Problems",
        logGroupNames: logs.map(({ logGroupName }) => logGroupName),
        queryLines: [
          "filter ispresent(message) and level = 'WARN'",
          "stats count() as times by message, type, instance",
          "sort times desc",
          "limit 50",
        ],
        width: WIDTH,
        height: HEIGHT,
      }),
    ],
  ];
}

/** By type, where it is measured. */
function workRows(watched: Watched, metrics: Metrics): IWidget[][] {
  if (metrics === "problems") {
    const markdown =
      'Times in queue and turn, hydrations, commits and waits by type are measured with `metrics: "sampled"` or `"all"`.';
    return [[new TextWidget({ markdown, width: WIDTH, height: 1 })]];
  }
  const times = (metric: Parameters<typeof workByType>[0]) =>
    ["p50", "p99"].map((statistic) => workByType(metric, statistic, watched));
  return [
    row(
      graph("From mailbox to turn, ms", times("QueueAge")),
      graph("Turn, ms", times("TurnTime")),
      graph("Waiting for the reply, ms", times("ReplyWait")),
    ),
    row(
      graph("Hydrations", [
        workByType("HydrationsWarm", "Sum", watched),
        workByType("HydrationsCold", "Sum", watched),
      ]),
      graph("Commits", [workByType("Commits", "Sum", watched), workByType("Conflicts", "Sum", watched)]),
      graph("Alarms, ms late", times("AlarmDelay")),
    ),
  ];
}

function ageOf(queue: Watched["mailboxes"][number]): IMetric {
  return queue.metricApproximateAgeOfOldestMessage({ statistic: "Maximum", period: MINUTE });
}

function row(...widgets: GraphWidget[]): IWidget[] {
  return widgets;
}

function graph(title: string, left: IMetric[], right: IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, left, right, width: WIDTH / 3, height: HEIGHT });
}
