import { type CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";

/** One of AWS's own metrics. */
export interface MetricQuery {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: "Maximum" | "Sum";
}

/** What a metric came to in a span of time: its highest minute, and all minutes together. */
export interface MetricValues {
  readonly peak: number;
  readonly sum: number;
}

/** Metrics minute by minute, in the order of the queries; `undefined` where CloudWatch has none, as of what did not happen. */
export async function metricsOf(
  client: CloudWatchClient,
  queries: readonly MetricQuery[],
  { from, to }: { from: number; to: number },
): Promise<(MetricValues | undefined)[]> {
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(from),
      EndTime: new Date(to),
      MetricDataQueries: queries.map(({ namespace, name, dimensions, statistic }, index) => ({
        Id: `m${index}`,
        MetricStat: {
          Metric: {
            Namespace: namespace,
            MetricName: name,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: 60,
          Stat: statistic,
        },
      })),
    }),
  );
  return queries.map((_, index) => {
    const values = MetricDataResults.find(({ Id }) => Id === `m${index}`)?.Values ?? [];
    if (values.length === 0) return undefined;
    return { peak: Math.max(...values), sum: values.reduce((total, value) => total + value, 0) };
  });
}
