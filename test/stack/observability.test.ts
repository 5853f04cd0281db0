import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { lambdaTelemetry } from "../../handlers/aws-telemetry.ts";
import type { ProblemMetric } from "../../runtime/ports/telemetry.ts";
import { sdkOptions } from "../endpoints/aws.ts";
import { describeWith } from "../endpoints/gate.ts";
import * as probe from "../projects/probe/src/index.ts";
import { alarmsIn, metricsIn } from "../unit/cdk/cloudwatch.ts";
import { FAULTS } from "../unit/cdk/faults.ts";
import { synthesize } from "../unit/cdk/synthesis.ts";
import { type InProcessStack, startInProcessStack } from "./in-process-stack.ts";

/** The lines of JSON that the functions have written so far. */
function captureLog() {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((line) => {
    const text = String(line);
    if (text.startsWith("{")) lines.push(text);
    return true;
  });
  return { lines, stop: () => write.mockRestore() };
}

describeWith(inject("aws"), "what the operator is told", ({ url }) => {
  describe("of the handlers in process", () => {
    const exporter = new InMemorySpanExporter();
    let stack: InProcessStack;
    let log: ReturnType<typeof captureLog>;
    beforeAll(async () => {
      trace.setGlobalTracerProvider(
        new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
      );
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      const variables = { ACTORS_STACK: "bank", ACTORS_METRICS: "all", ACTORS_TRACING: "opentelemetry" };
      for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
      log = captureLog();
      stack = await startInProcessStack({
        url,
        module: { ...probe },
        actors: ["Probe", "Relay"].map((type) => ({ binding: type.toUpperCase(), type })),
        setVariable: vi.stubEnv,
      });
    });
    afterAll(async () => {
      await stack?.stop();
      log?.stop();
      trace.disable();
      context.disable();
      vi.unstubAllEnvs();
    });

    test("router, queue, worker and the actor that it calls are one trace", async () => {
      const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
      const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
      const { status, text } = await stack.request(
        "POST",
        "/Relay/traced/increment",
        '["counted",1]',
        headers,
      );
      expect([status, text]).toEqual([200, "1"]);
      const spans = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
      const byName = new Map(spans.map((span) => [span.name, span]));
      const names = [
        "POST",
        "call Relay.increment",
        "turn Relay.increment",
        "call Probe.increment",
        "turn Probe.increment",
      ];
      expect([...byName.keys()].sort()).toEqual(names.toSorted());
      for (const [index, name] of names.entries()) {
        const parent =
          index === 0 ? "00f067aa0ba902b7" : byName.get(names[index - 1] ?? "")?.spanContext().spanId;
        expect(byName.get(name)?.parentSpanContext?.spanId, name).toBe(parent);
      }
    });

    test("its work is measured: by router and worker, for the stack and the type, and what failed has its trace", async () => {
      log.lines.length = 0;
      const traceId = "11111111111111111111111111111111";
      const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
      await stack.request("POST", "/Probe/told/increment", "[]", headers);
      await stack.request("POST", "/Probe/told/putThenThrow", '["k"]', headers);
      const measured = () => new Set(metricsIn(log.lines).map(({ metric }) => metric));
      await expect
        .poll(measured, { timeout: 60_000 })
        .toEqual(
          new Set([
            "ReplyWait",
            "QueueAge",
            "TurnTime",
            "HydrationsCold",
            "HydrationsWarm",
            "Commits",
            "TurnsFailed",
          ]),
        );
      for (const { dimensions } of metricsIn(log.lines)) expect(dimensions.stack).toBe("bank");
      const problem = log.lines
        .map((line) => JSON.parse(line))
        .find(({ message }) => message === "turn failed");
      expect(problem).toMatchObject({
        stack: "bank",
        type: "Probe",
        instance: expect.stringMatching(/^[0-9a-f]{12}$/),
        method: "putThenThrow",
        receives: 1,
        version: 1,
        traceId,
        reason: "thrown on purpose",
      });
      expect(log.lines.join()).not.toContain('"told"');
    });
  });

  // The emulator looks at namespace and name of a metric; that dimensions fit is test/unit/cdk/monitoring.test.ts.
  describe("by alarms on the endpoint's own CloudWatch", () => {
    const client = new CloudWatchClient(sdkOptions(url));
    const alarms = alarmsIn(synthesize({ props: { monitoring: { alarms: "all" } } }));
    const ours = [...alarms.values()].filter(
      ({ expression, series }) =>
        expression === undefined && series.get("it")?.namespace === "StatefulActors",
    );
    const run = crypto.randomUUID().slice(0, 8);
    afterAll(() => client.destroy());

    const stateOf = async (AlarmName: string) => {
      const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [AlarmName] }));
      return MetricAlarms[0]?.StateValue;
    };

    test.each(ours.map((alarm) => [alarm.name, alarm] as const))(
      "%s stands after its fault",
      async (name, alarm) => {
        const series = alarm.series.get("it");
        const AlarmName = `${name}-${run}`;
        // Each run of this file has values of its own.
        const Namespace = `${series?.namespace}-${run}`;
        const Dimensions = Object.entries(series?.dimensions ?? {}).map(([Name, Value]) => ({ Name, Value }));
        const { AlarmDescription: _, Metrics: __, ...properties } = alarm.properties;
        const input = {
          ...properties,
          AlarmName,
          Namespace,
          Dimensions,
        } as unknown as PutMetricAlarmCommandInput;
        await client.send(new PutMetricAlarmCommand(input));
        expect(await stateOf(AlarmName)).not.toBe("ALARM");

        vi.stubEnv("ACTORS_STACK", "bank");
        const log = captureLog();
        await FAULTS[series?.metric as ProblemMetric](lambdaTelemetry()).finally(() => {
          log.stop();
          vi.unstubAllEnvs();
        });
        const data = metricsIn(log.lines).filter(
          ({ metric, dimensions }) => metric === series?.metric && !dimensions.type,
        );
        await client.send(
          new PutMetricDataCommand({
            Namespace,
            MetricData: data.map(({ metric, value }) => ({ MetricName: metric, Dimensions, Value: value })),
          }),
        );
        await expect.poll(() => stateOf(AlarmName), { timeout: 60_000 }).toBe("ALARM");
      },
    );
  });
});
