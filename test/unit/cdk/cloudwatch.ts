import { runInNewContext } from "node:vm";
import type { Template } from "aws-cdk-lib/assertions";
import { expect } from "vitest";
import { deployed, type Known } from "./intrinsics.ts";
import { resources } from "./resources.ts";

/** Which series of values: exactly these dimensions, as CloudWatch adds none up over others. */
export interface Series {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

interface TemplateMetric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

/** An alarm as a template has it. */
export interface TemplateAlarm {
  readonly name: string;
  readonly description: string;
  readonly series: ReadonlyMap<string, Series>;
  /** Of the identifiers of the series; undefined: of one series, the sum. */
  readonly expression: string | undefined;
  readonly threshold: number;
  readonly periods: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** The alarms of a stack with one construct, by their names. */
export function alarmsIn(template: Template, known: Known = {}): ReadonlyMap<string, TemplateAlarm> {
  const found = Object.entries(resources(template, "AWS::CloudWatch::Alarm")).map(
    ([id, { Properties }]): [string, TemplateAlarm] => {
      const name = /^ActorsMonitoring(.*)[0-9A-F]{8}$/.exec(id)?.[1] ?? id;
      return [name, alarmOf(name, Properties, known)];
    },
  );
  return new Map(found);
}

function alarmOf(name: string, properties: TemplateAlarm["properties"], known: Known): TemplateAlarm {
  const simple = properties as unknown as TemplateMetric;
  const metrics = (properties.Metrics ?? []) as readonly {
    readonly Id: string;
    readonly Expression?: string;
    readonly MetricStat?: { readonly Metric: TemplateMetric };
  }[];
  const expressions = metrics.filter(({ Expression }) => Expression !== undefined);
  expect(expressions.length, `expressions of ${name}`).toBe(metrics.length > 0 ? 1 : 0);
  const series =
    metrics.length === 0
      ? [["it", seriesOf(simple, known)] as const]
      : metrics.flatMap(({ Id, MetricStat }) =>
          MetricStat ? [[Id, seriesOf(MetricStat.Metric, known)] as const] : [],
        );
  return {
    name,
    description: String(properties.AlarmDescription),
    series: new Map(series),
    expression: expressions[0]?.Expression,
    threshold: Number(properties.Threshold),
    periods: Number(properties.EvaluationPeriods),
    properties,
  };
}

function seriesOf({ Namespace, MetricName, Dimensions = [] }: TemplateMetric, known: Known): Series {
  return {
    namespace: Namespace,
    metric: MetricName,
    dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, deployed(Value, known)])),
  };
}

export interface Datum extends Series {
  readonly value: number;
}

/** The metrics that CloudWatch makes of log lines in its embedded metric format, as its specification has it. */
export function metricsIn(lines: readonly string[]): Datum[] {
  return lines.flatMap((line) => {
    const root: Record<string, unknown> = JSON.parse(line);
    const metadata = root._aws as { Timestamp: number; CloudWatchMetrics: readonly Directive[] } | undefined;
    if (metadata === undefined) return [];
    expect(Number.isInteger(metadata.Timestamp)).toBe(true);
    return metadata.CloudWatchMetrics.flatMap((directive) => datumsOf(directive, root));
  });
}

interface Directive {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
}

function datumsOf({ Namespace, Dimensions, Metrics }: Directive, root: Record<string, unknown>): Datum[] {
  expect(Metrics.length).toBeLessThanOrEqual(100);
  return Metrics.flatMap(({ Name }) => {
    const values = [root[Name]].flat();
    expect(values.length).toBeLessThanOrEqual(100);
    expect(values.every((value) => typeof value === "number")).toBe(true);
    return Dimensions.flatMap((names) => {
      const dimensions = Object.fromEntries(names.map((name) => [name, root[name]]));
      expect(Object.values(dimensions).every((value) => typeof value === "string")).toBe(true);
      return values.map((value) => ({
        namespace: Namespace,
        metric: Name,
        dimensions: dimensions as Record<string, string>,
        value: value as number,
      }));
    });
  });
}

/** Whether the alarm stands when all of these fall into each of its periods. */
export function stands(
  { series, expression, threshold, properties }: TemplateAlarm,
  data: readonly Datum[],
): boolean {
  expect(properties.ComparisonOperator).toBe("GreaterThanOrEqualToThreshold");
  const sums = new Map(
    [...series].map(([id, wanted]) => [id, sum(data.filter((datum) => isOf(datum, wanted)))] as const),
  );
  const value =
    expression === undefined
      ? sums.get("it")
      : runInNewContext(expression.replaceAll("IF(", "choose("), {
          choose: (condition: boolean, yes: number, no: number) => (condition ? yes : no),
          FILL: (given: number) => given,
          ...Object.fromEntries(sums),
        });
  return value >= threshold;
}

function isOf({ namespace, metric, dimensions }: Datum, wanted: Series): boolean {
  const text = (of: Series["dimensions"]) => JSON.stringify(Object.entries(of).sort());
  return (
    namespace === wanted.namespace && metric === wanted.metric && text(dimensions) === text(wanted.dimensions)
  );
}

function sum(data: readonly Datum[]): number {
  return data.reduce((total, { value }) => total + value, 0);
}
