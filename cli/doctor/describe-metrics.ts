import type { StackClients } from "../../runtime/adapters/aws/deployed/clients.ts";
import { type MetricQuery, metricsOf } from "../../runtime/adapters/aws/deployed/metrics.ts";
import type { Metrics, Seen } from "./description.ts";
import type { Look } from "./look.ts";

const HOUR_MS = 3_600_000;

/** What AWS has counted of a stack in the last hour. */
export async function describeMetrics(
  { cloudWatch }: StackClients,
  look: Look,
  { now, queues }: { now: number; queues: readonly string[] },
): Promise<Seen<Metrics>> {
  const outputs = ["WorkerName", "RouterName", "ActorTable"];
  return look.at("cloudwatch:GetMetricData", outputs, async (worker = "", router = "", table = "") => {
    const [atOnce, throttles, errors, refusals, writes, reads, units, ...ages] = await metricsOf(
      cloudWatch,
      [
        { namespace: "AWS/Lambda", name: "ConcurrentExecutions", dimensions: {}, statistic: "Maximum" },
        ofFunction(worker, "Throttles"),
        ofFunction(worker, "Errors"),
        ofFunction(router, "Throttles"),
        ofTable(table, "WriteThrottleEvents"),
        ofTable(table, "ReadThrottleEvents"),
        ofTable(table, "ConsumedWriteCapacityUnits"),
        ...queues.map(ageOf),
      ],
      { from: now - HOUR_MS, to: now },
    );
    return {
      functionsAtOnce: atOnce,
      workerThrottles: throttles,
      workerErrors: errors,
      routerThrottles: refusals,
      tableWriteThrottles: writes,
      tableReadThrottles: reads,
      tableWriteUnits: units,
      oldestMessage: ages.flatMap((age) => age ?? []).sort((a, b) => b.peak - a.peak)[0],
    };
  });
}

function ofFunction(name: string, metric: string): MetricQuery {
  return { namespace: "AWS/Lambda", name: metric, dimensions: { FunctionName: name }, statistic: "Sum" };
}

function ofTable(table: string, metric: string): MetricQuery {
  return { namespace: "AWS/DynamoDB", name: metric, dimensions: { TableName: table }, statistic: "Sum" };
}

function ageOf(queue: string): MetricQuery {
  return {
    namespace: "AWS/SQS",
    name: "ApproximateAgeOfOldestMessage",
    dimensions: { QueueName: queue },
    statistic: "Maximum",
  };
}
