import { Duration } from "aws-cdk-lib";
import type { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import { type IMetric, MathExpression, Metric } from "aws-cdk-lib/aws-cloudwatch";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { ProblemMetric, WorkMetric } from "../runtime/ports/telemetry.ts";

/** The namespace of what the functions measure. */
const NAMESPACE = "StatefulActors";

export const PERIOD = Duration.minutes(5);
/** As often as SQS says how old its messages are. */
export const MINUTE = Duration.minutes(1);

/** What a deployment is made of, as far as it is watched. */
export interface Watched {
  /** The dimension `stack`. */
  readonly deployment: string;
  readonly mailboxes: readonly IQueue[];
  readonly deadLetters: IQueue;
  readonly delayQueue: IQueue;
  readonly delayDeadLetters: IQueue;
  readonly functions: Readonly<Record<"worker" | "router" | "forwarder", IFunction>>;
  /** The front door, if it is no function URL. */
  readonly api: HttpApi | undefined;
  readonly tables: Readonly<Record<"actorTable" | "replyTable", Table>>;
}

/** How often something went wrong in the whole deployment. */
export function problems(metricName: ProblemMetric, { deployment }: Watched): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName,
    dimensionsMap: { stack: deployment },
    statistic: "Sum",
    period: PERIOD,
  });
}

/** What is measured of work, a line a type: nobody knows all types when the stack is made. */
export function workByType(
  metricName: WorkMetric | ProblemMetric,
  statistic: string,
  { deployment }: Watched,
): IMetric {
  const searched = `MetricName="${metricName}" stack="${deployment}"`;
  return new MathExpression({
    expression: `SEARCH('{${NAMESPACE},stack,type} ${searched}', '${statistic}', ${PERIOD.toSeconds()})`,
    label: `${metricName} ${statistic}`,
    usingMetrics: {},
    period: PERIOD,
  });
}

/** Percent of the requests that failed; none where there were too few to say. */
export function failedRequests(watched: Watched): IMetric {
  const { failed, requests } = frontDoor(watched);
  return new MathExpression({
    expression: "IF(failed >= 5, 100 * failed / requests, 0)",
    usingMetrics: { failed, requests },
    label: "5xx, percent of requests",
    period: PERIOD,
  });
}

/** Requests at the front door, whichever it is. */
export function frontDoor({ api, functions: { router } }: Watched): {
  readonly requests: IMetric;
  readonly failed: IMetric;
} {
  const options = { statistic: "Sum", period: PERIOD };
  if (api) return { requests: api.metricCount(options), failed: api.metricServerError(options) };
  return {
    requests: router.metric("UrlRequestCount", options),
    failed: router.metric("Url5xxCount", options),
  };
}

/** Lost commits in percent of the worker's batches; none where there were too few to say. */
export function conflictRate(watched: Watched): IMetric {
  return new MathExpression({
    expression: "IF(conflicts >= 10, 100 * conflicts / batches, 0)",
    usingMetrics: {
      conflicts: problems("Conflicts", watched),
      batches: watched.functions.worker.metricInvocations({ period: PERIOD }),
    },
    label: "conflicts, percent of batches",
    period: PERIOD,
  });
}

/** What DynamoDB calls the operations in which each table is used. */
const OPERATIONS = {
  actorTable: ["GetItem", "Query", "UpdateItem", "PutItem", "TransactWriteItems"],
  replyTable: ["GetItem", "BatchGetItem", "PutItem"],
} as const;

export function tableErrors(name: keyof Watched["tables"], { tables }: Watched): IMetric {
  const usingMetrics = Object.fromEntries(
    OPERATIONS[name].map((Operation) => [
      // Of its own in a graph of both tables.
      `${name}${Operation}`,
      tables[name].metric("SystemErrors", {
        dimensionsMap: { TableName: tables[name].tableName, Operation },
        statistic: "Sum",
        period: PERIOD,
      }),
    ]),
  );
  return new MathExpression({
    expression: Object.keys(usingMetrics)
      .map((id) => `FILL(${id}, 0)`)
      .join(" + "),
    usingMetrics,
    label: `${name}, system errors`,
    period: PERIOD,
  });
}

export function tableThrottles(name: keyof Watched["tables"], { tables }: Watched): IMetric {
  const options = { statistic: "Sum", period: PERIOD };
  return new MathExpression({
    expression: `FILL(${name}Reads, 0) + FILL(${name}Writes, 0)`,
    usingMetrics: {
      [`${name}Reads`]: tables[name].metric("ReadThrottleEvents", options),
      [`${name}Writes`]: tables[name].metric("WriteThrottleEvents", options),
    },
    label: `${name}, throttled reads and writes`,
    period: PERIOD,
  });
}
