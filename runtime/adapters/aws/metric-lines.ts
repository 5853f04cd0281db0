import { instanceHash } from "../../core/instance-hash.ts";
import type { ProblemMetric, Subject, WorkMetric } from "../../ports/telemetry.ts";

/** The namespace of all metrics in CloudWatch. */
const NAMESPACE = "StatefulActors";

/** CloudWatch takes no more values of a metric from one line. */
const MAX_VALUES = 100;

const TIMES: ReadonlySet<WorkMetric> = new Set(["AlarmDelay", "QueueAge", "ReplyWait", "TurnTime"]);

interface MetricDefinition {
  readonly Name: string;
  readonly Unit: "Count" | "Milliseconds";
}

interface MetricLine {
  readonly at: number;
  readonly stack: string;
  readonly type: string | undefined;
  readonly dimensions: readonly (readonly string[])[];
  readonly metrics: readonly (readonly [definition: MetricDefinition, value: number | readonly number[]])[];
  /** Fields beside the metrics. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/**
 * A line in CloudWatch's embedded metric format, from which it makes the metrics: no request, no right and no library is needed. A
 * dimension and a metric are members of the line, under their names.
 */
function metricLine({ at, stack, type, dimensions, metrics, more }: MetricLine): string {
  return JSON.stringify({
    _aws: {
      Timestamp: at,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: dimensions,
          Metrics: metrics.map(([definition]) => definition),
        },
      ],
    },
    stack,
    ...(type !== undefined && { type }),
    ...more,
    ...Object.fromEntries(metrics.map(([{ Name }, value]) => [Name, value])),
  });
}

/** What has gone wrong, for the stack, on which alarms stand, and for the type. */
export function problemLine({
  metric,
  times,
  ...line
}: Pick<MetricLine, "at" | "stack" | "type"> & {
  readonly metric: ProblemMetric;
  readonly times: number;
}): string {
  const dimensions = line.type === undefined ? [["stack"]] : [["stack"], ["stack", "type"]];
  return metricLine({ ...line, dimensions, metrics: [[{ Name: metric, Unit: "Count" }, times]] });
}

/** What the work of one invocation took, added up by type: a line a type, as a line has one value of each dimension. */
export class WorkLines {
  readonly #byType = new Map<string, { metrics: Map<WorkMetric, number[]>; names: Set<string> }>();

  add(metric: WorkMetric, value: number, { type = "", name }: Subject): void {
    const of = this.#byType.get(type) ?? { metrics: new Map(), names: new Set() };
    this.#byType.set(type, of);
    if (name !== undefined) of.names.add(name);
    const values = of.metrics.get(metric);
    if (values === undefined) of.metrics.set(metric, [value]);
    else if (TIMES.has(metric)) values.push(value);
    else values[0] = (values[0] ?? 0) + value;
  }

  /** What was added since; a line that is about one instance alone says which. */
  take({ at, stack }: Pick<MetricLine, "at" | "stack">): string[] {
    const lines: string[] = [];
    for (const [type, { metrics, names }] of this.#byType) {
      const [only] = names;
      const more =
        names.size === 1 && only !== undefined ? { instance: instanceHash({ type, name: only }) } : {};
      while (metrics.size > 0) {
        const next: [MetricDefinition, number | number[]][] = [];
        for (const [metric, values] of metrics) {
          const some = values.splice(0, MAX_VALUES);
          const Unit = TIMES.has(metric) ? "Milliseconds" : "Count";
          next.push([{ Name: metric, Unit }, some.length === 1 ? (some[0] as number) : some]);
          if (values.length === 0) metrics.delete(metric);
        }
        lines.push(metricLine({ at, stack, type, dimensions: [["stack", "type"]], metrics: next, more }));
      }
    }
    this.#byType.clear();
    return lines;
  }
}
