import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { lambdaTelemetry } from "../../../handlers/aws-telemetry.ts";
import type { ProblemMetric, Telemetry } from "../../../runtime/ports/telemetry.ts";
import { alarmsIn, type Datum, metricsIn, stands } from "./cloudwatch.ts";
import { FAULTS } from "./faults.ts";
import { functionOf, resources, variables } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

const all = synthesize({ props: { monitoring: { alarms: "all" } } });
const alarms = [...alarmsIn(all).values()];
const byUrl = synthesize({ props: { monitoring: { alarms: "all" }, frontDoor: "function-url" } });

/**
 * Metrics of AWS's own, with the dimensions that they have, by the pages "Available CloudWatch metrics for Amazon SQS", "Types of metrics
 * for Lambda functions", "Monitoring Lambda function URLs", "Monitor HTTP APIs with CloudWatch" and "DynamoDB metrics and dimensions".
 */
const AWS: Readonly<Record<string, readonly string[]>> = {
  "AWS/SQS ApproximateAgeOfOldestMessage": ["QueueName"],
  "AWS/SQS ApproximateNumberOfMessagesVisible": ["QueueName"],
  "AWS/Lambda Errors": ["FunctionName"],
  "AWS/Lambda Invocations": ["FunctionName"],
  "AWS/Lambda Throttles": ["FunctionName"],
  "AWS/Lambda Url5xxCount": ["FunctionName"],
  "AWS/Lambda UrlRequestCount": ["FunctionName"],
  "AWS/ApiGateway 5xx": ["ApiId"],
  "AWS/ApiGateway Count": ["ApiId"],
  "AWS/DynamoDB ReadThrottleEvents": ["TableName"],
  "AWS/DynamoDB WriteThrottleEvents": ["TableName"],
  "AWS/DynamoDB SystemErrors": ["Operation", "TableName"],
};

/** What the functions log when something happens, in the environment that the template gives them. */
async function logged(
  happens: (telemetry: ReturnType<typeof lambdaTelemetry>) => Promise<unknown>,
  more: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((line) => lines.push(String(line)) > 0);
  for (const [name, value] of Object.entries({ ...variables(functionOf(all, "Worker")[1]), ...more })) {
    if (typeof value === "string") vi.stubEnv(name, value);
  }
  onTestFinished(() => {
    vi.unstubAllEnvs();
    write.mockRestore();
  });
  await happens(lambdaTelemetry());
  write.mockRestore();
  return lines;
}

/** AWS's own series of an alarm at values beyond doubt: emulators make none of them. */
function given(name: string, value: number): Datum[] {
  return [...(alarmsIn(all).get(name)?.series.values() ?? [])]
    .filter(({ namespace }) => namespace !== "StatefulActors")
    .map((series) => ({ ...series, value }));
}

describe("each alarm", () => {
  const ours = alarms.filter(({ series }) => [...series.values()].some(isOurs));

  test.each(ours.map((alarm) => [alarm.name, alarm] as const))(
    "%s stands after the fault that it is for",
    async (name, alarm) => {
      const [series] = [...alarm.series.values()].filter(isOurs);
      const lines = await logged(FAULTS[series?.metric as ProblemMetric]);
      const data = metricsIn(lines);
      expect(
        data.filter(({ metric, dimensions }) => metric === series?.metric && !("type" in dimensions)),
      ).not.toEqual([]);
      expect(stands(alarm, [...data, ...given(name, 100)])).toBe(true);
      expect(stands(alarm, given(name, 100))).toBe(false);
    },
  );

  test("on what AWS itself measures is on a metric that there is, with the dimensions that it has", () => {
    const series = [...alarms, ...alarmsIn(byUrl).values()].flatMap((alarm) => [...alarm.series.values()]);
    const foreign = series.filter((each) => !isOurs(each));
    for (const { namespace, metric, dimensions } of foreign) {
      expect(Object.keys(dimensions).sort(), `${namespace} ${metric}`).toEqual(AWS[`${namespace} ${metric}`]);
    }
    const used = new Set(foreign.map(({ namespace, metric }) => `${namespace} ${metric}`));
    expect([...used].sort()).toEqual(Object.keys(AWS).sort());
  });

  test("on what AWS itself measures stands where that is over its threshold, and not below", () => {
    const foreign = alarms.filter(({ series }) => ![...series.values()].some(isOurs));
    expect(foreign.length).toBeGreaterThan(10);
    for (const alarm of foreign) {
      const data = [...alarm.series.values()].map((series) => ({ ...series, value: 100 }));
      expect(stands(alarm, data), alarm.name).toBe(true);
      expect(
        stands(
          alarm,
          data.map((datum) => ({ ...datum, value: 0 })),
        ),
        alarm.name,
      ).toBe(false);
    }
  });

  test("watches things of this stack: each of its queues, functions and tables, and its API", () => {
    const watched = new Set(
      alarms.flatMap(({ series }) => [...series.values()].flatMap((each) => Object.values(each.dimensions))),
    );
    const ids = (type: string) => Object.keys(resources(all, type));
    const delayQueue = ids("AWS::SQS::Queue").filter((id) => id.includes("DelayLineDelayed"));
    for (const id of ids("AWS::SQS::Queue").filter((each) => !delayQueue.includes(each))) {
      expect([...watched]).toContain(`<${id}.QueueName>`);
    }
    for (const type of ["AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::ApiGatewayV2::Api"]) {
      for (const id of ids(type)) expect([...watched]).toContain(`<${id}>`);
    }
  });

  test("says what it means, and is explained on the page for incidents", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/incidents.md"), "utf8");
    for (const { name, description } of alarms) {
      expect(description).toMatch(
        new RegExp(`^[A-Z].+\\. What to do: docs/incidents\\.md of stateful-actors, ${name}\\.$`),
      );
      expect(page, `docs/incidents.md explains ${name}`).toContain(`\`${name}\``);
    }
  });
});

function isOurs({ namespace }: { namespace: string }): boolean {
  return namespace === "StatefulActors";
}

describe("what is counted", () => {
  test.each(Object.keys(FAULTS) as ProblemMetric[])(
    "%s is, for the stack and for the type where there is one",
    async (metric) => {
      const data = metricsIn(await logged(FAULTS[metric])).filter((datum) => datum.metric === metric);
      const untyped = metric === "RequestsFailed" || metric === "EnvelopesRefused";
      expect(new Set(data.map(({ dimensions }) => JSON.stringify(dimensions)))).toEqual(
        new Set([
          JSON.stringify({ stack: "bank" }),
          ...(untyped ? [] : [JSON.stringify({ stack: "bank", type: "Account" })]),
        ]),
      );
    },
  );

  test("is told with what it is about, and without the instance's name", async () => {
    for (const fault of Object.values(FAULTS)) {
      const lines = await logged(fault);
      for (const line of lines) expect(line).not.toMatch(/"ann"|Account\/ann/);
    }
  });
});

describe("the page for incidents", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/incidents.md"), "utf8");
  const queries = [...page.matchAll(/^```\n(filter [\s\S]*?)^```$/gm)].map(([, query = ""]) => query);

  test("asks for fields that lines have, and for messages that there are", async () => {
    const lines = await logged(
      async (telemetry) => {
        for (const fault of Object.values(FAULTS)) await fault(telemetry);
        await telemetry.invocation("request", () => works(telemetry));
      },
      { ACTORS_METRICS: "all" },
    );
    const fields = new Set(lines.flatMap((line) => Object.keys(JSON.parse(line))));
    const handlers = join(import.meta.dirname, "../../../");
    const sources = ["handlers", "runtime"].flatMap((folder) => sourcesIn(join(handlers, folder)));
    expect(queries.length).toBe(7);
    for (const query of queries) {
      const texts = [...query.matchAll(/'([^']*)'/g)].map(([, text = ""]) => text);
      for (const text of texts.filter((each) => /^[a-zA-Z]+ /.test(each))) {
        expect(
          sources.some((source) => source.includes(`"${text}"`)),
          text,
        ).toBe(true);
      }
      expect(fieldsOf(query).filter((field) => !fields.has(field))).toEqual([]);
    }
  });

  test("has each metric that is counted or measured, and each field of a line", async () => {
    for (const metric of Object.keys(FAULTS)) expect(page).toContain(`\`${metric}\``);
    const lines = await logged(async (telemetry) => {
      for (const fault of Object.values(FAULTS)) await fault(telemetry);
    });
    const problems = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "WARN");
    for (const field of new Set(problems.flatMap(Object.keys))) expect(page).toContain(`\`${field}\``);
  });
});

/** A batch that is measured, and a problem in it that names all that a problem may. */
async function works(telemetry: Telemetry): Promise<void> {
  for (const metric of ["QueueAge", "TurnTime", "Commits"] as const) {
    telemetry.work?.add(metric, 1, { type: "Account", name: "ann" });
  }
  telemetry.problem("turn failed", { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", attempt: 1 });
}

/** What a query of Logs Insights asks for: neither its words, nor names that it gives, nor fields of CloudWatch's own. */
function fieldsOf(query: string): string[] {
  const given = [...query.matchAll(/\bas (\w+)/g)].map(([, name]) => name);
  const words =
    /^(filter|fields|stats|sort|limit|desc|asc|by|as|in|or|and|not|like|ispresent|count|max|avg|sum|latest)$/;
  return [...query.replace(/'[^']*'|\/[^/\n]*\//g, "").matchAll(/@?[A-Za-z]\w*/g)]
    .map(([name]) => name)
    .filter((name) => !name.startsWith("@") && !words.test(name) && !given.includes(name));
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(folder, file), "utf8"));
}

describe("which alarms there are", () => {
  const names = (monitoring: object | undefined, more = {}) => [
    ...alarmsIn(synthesize({ props: { ...(monitoring && { monitoring }), ...more } })).keys(),
  ];
  const ESSENTIAL = ["AlarmsDropped", "DeadLetters", "DelayedDeadLetters", "EnvelopesCrashed", "MailboxAge"];

  test("the essential ones unless something else is said, and one for each further mailbox", () => {
    expect(names(undefined).sort()).toEqual(ESSENTIAL);
    expect(names(undefined, { shards: 2, drainingShards: 1 }).sort()).toEqual([
      ...ESSENTIAL,
      "MailboxAge1",
      "MailboxAge2",
    ]);
    expect(names({ alarms: "none" })).toEqual([]);
    expect(alarms.map(({ name }) => name)).toEqual(expect.arrayContaining(ESSENTIAL));
    expect(alarms.length).toBe(22);
  });

  test("as many of their metrics are charged for as the property says", () => {
    expect(alarms.reduce((count, { series }) => count + series.size, 0)).toBe(32);
  });

  test("essential ones are of one metric each: not every emulator takes more", () => {
    for (const alarm of alarmsIn(synthesize()).values()) expect(alarm.expression, alarm.name).toBeUndefined();
  });

  test("what says nothing is well, and nobody is told unless there is a topic", () => {
    for (const { properties, name } of alarms) {
      expect(properties.TreatMissingData, name).toBe("notBreaching");
      expect(properties.AlarmActions, name).toBeUndefined();
    }
    const stack = new Stack(new App({ outdir: newFolder() }), "bank");
    const topic = new Topic(stack, "Night");
    new StatefulActors(
      stack,
      "Actors",
      { project: writeProject(), auth: Auth.none(), monitoring: { alarmTopics: [topic] } },
      { bundle: fakeBundle },
    );
    const ref = [stack.resolve(topic.topicArn)];
    for (const { properties } of alarmsIn(Template.fromStack(stack)).values()) {
      expect(properties).toMatchObject({ AlarmActions: ref, OKActions: ref });
    }
  });

  test("the age of a mailbox is a choice", () => {
    const template = synthesize({ props: { monitoring: { mailboxAge: Duration.minutes(10) } } });
    expect(alarmsIn(template).get("MailboxAge")).toMatchObject({ threshold: 600, periods: 3 });
  });

  test.each([
    [
      { monitoring: { alarms: "some" } },
      "monitoring.alarms some: it says which alarms there are; choose none, essential or all",
    ],
    [{ monitoring: { mailboxAge: Duration.millis(1_500) } }, "monitoring.mailboxAge 1.5 s"],
    [{ metrics: "none" }, "metrics none: it says what is measured"],
    [{ tracing: "otel" }, 'tracing "otel": it says who traces; choose off, xray, or { layer }'],
  ])("%j is refused", (props, message) => {
    expect(() => synthesize({ props: props as object })).toThrow(message);
  });
});

describe("the dashboard", () => {
  const bodyOf = (props: object) => {
    const [dashboard] = Object.values(resources(synthesize({ props }), "AWS::CloudWatch::Dashboard"));
    return JSON.stringify(dashboard?.Properties.DashboardBody ?? "").replaceAll('\\"', '"');
  };

  test("is not there unless it is asked for", () => {
    expect(resources(all, "AWS::CloudWatch::Dashboard")).toEqual({});
  });

  test("shows everything that is counted, and by type what is measured", () => {
    const body = bodyOf({ monitoring: { dashboard: true }, metrics: "all" });
    for (const metric of Object.keys(FAULTS)) expect(body).toContain(`"${metric}"`);
    for (const metric of [
      "QueueAge",
      "TurnTime",
      "ReplyWait",
      "HydrationsWarm",
      "HydrationsCold",
      "Commits",
      "AlarmDelay",
    ]) {
      expect(body).toContain(`MetricName=`);
      expect(body).toMatch(
        new RegExp(`StatefulActors,stack,type\\} [^}]*MetricName=\\W+${metric}\\W+ stack=\\W+bank`),
      );
    }
  });

  test("says how to measure what it can't show", () => {
    const body = bodyOf({ monitoring: { dashboard: true } });
    expect(body).not.toContain("SEARCH");
    expect(body).toContain("sampled");
  });
});
