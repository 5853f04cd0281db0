import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { App, Duration, Stack } from "aws-cdk-lib";
import type { Template } from "aws-cdk-lib/assertions";
import { Alarm, Metric } from "aws-cdk-lib/aws-cloudwatch";
import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import type { Bundle } from "../../../cdk/function-code.ts";
import { Rollout } from "../../../cdk/rollout.ts";
import { functionOf, only, qualified, type Resource, resources } from "./resources.ts";
import { synthesize, writeProject } from "./synthesis.ts";

const ALIAS = "AWS::Lambda::Alias";
const VERSION = "AWS::Lambda::Version";
const SOURCE = "AWS::Lambda::EventSourceMapping";

const project = writeProject();
// Without alarms but those of the rollout itself.
const monitoring = { alarms: "none" } as const;
const synth = (props: object = {}, bundle?: Bundle): Template =>
  synthesize({ props: { project, monitoring, ...props }, ...(bundle && { bundle }) });
const anyOf = (from: Template, type: string) => only(from, type, () => true);
const versionOf = (from: Template) => anyOf(from, VERSION)[0];
const dependsOn = (resource: Resource) => (resource as { DependsOn?: readonly string[] }).DependsOn ?? [];

/** Code that differs from the usual. */
const otherCode: Bundle = ({ handler, outDir }) => {
  writeFileSync(join(outDir, "index.mjs"), `export const handler = () => "another ${handler}";\n`);
  return { warnings: [] };
};

describe("the worker", () => {
  const template = synth();
  const [workerId] = functionOf(template, "Worker");
  const [aliasId, alias] = anyOf(template, ALIAS);

  test("is invoked by its queues as a published version, by an alias that moves on from one to the next", () => {
    expect(alias.Properties).toEqual({
      Name: "live",
      FunctionName: { Ref: workerId },
      FunctionVersion: { "Fn::GetAtt": [versionOf(template), "Version"] },
    });
    const sources = Object.values(resources(template, SOURCE)).map(
      ({ Properties }) => Properties.FunctionName,
    );
    expect(sources).toContainEqual(qualified(aliasId, "live"));
    expect(sources).not.toContainEqual({ Ref: workerId });
  });

  test("gets a new version by new code and by new settings, and by nothing else; alias and event source stay", () => {
    const [code, memory, same, router] = [
      synth({}, otherCode),
      synth({ workerMemory: 1024 }),
      synth(),
      synth({ routerMemory: 1024 }),
    ];
    expect(versionOf(code)).not.toBe(versionOf(template));
    expect(versionOf(memory)).not.toBe(versionOf(template));
    expect(versionOf(same)).toBe(versionOf(template));
    expect(versionOf(router)).toBe(versionOf(template));
    for (const type of [ALIAS, SOURCE]) {
      expect(Object.keys(resources(code, type))).toEqual(Object.keys(resources(template, type)));
    }
  });

  test("is updated after the forwarder, and the router after all of its traffic: who receives before who sends", () => {
    const [forwarderId] = functionOf(template, "Forwarder");
    expect(dependsOn(functionOf(template, "Worker")[1])).toContain(forwarderId);
    expect(dependsOn(functionOf(template, "Router")[1])).toContain(aliasId);
  });

  test("moves at once unless told otherwise: nothing of CodeDeploy is there, and no environment is paid for", () => {
    for (const each of [template, synth({ rollout: Rollout.allAtOnce() })]) {
      const types = Object.values(each.toJSON().Resources as Record<string, Resource>).map(
        ({ Type }) => Type,
      );
      expect(types.filter((type) => type.startsWith("AWS::CodeDeploy"))).toEqual([]);
    }
  });

  test("keeps environments warm where it is told to", () => {
    const [, { Properties }] = anyOf(synth({ provisionedConcurrency: 2 }), ALIAS);
    expect(Properties.ProvisionedConcurrencyConfig).toEqual({ ProvisionedConcurrentExecutions: 2 });
    for (const provisionedConcurrency of [0, -1, 1.5, Number.NaN])
      expect(() => synth({ provisionedConcurrency })).toThrow(ConfigurationError);
    const reserved = { maxConcurrency: 2, reservedConcurrency: 3 };
    expect(() => synth({ ...reserved, provisionedConcurrency: 4 })).toThrow(
      "from 1 to 3, which are reserved",
    );
    expect(() => synth({ ...reserved, provisionedConcurrency: 3 })).not.toThrow();
  });
});

describe("a gradual rollout", () => {
  const own = () => {
    const stack = new Stack(new App(), "alarms");
    return Alarm.fromAlarmArn(stack, "Own", "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:too-slow");
  };

  test.each([
    [
      Rollout.canary({ percent: 10, wait: Duration.minutes(15), alarms: [own()] }),
      { Type: "TimeBasedCanary", TimeBasedCanary: { CanaryPercentage: 10, CanaryInterval: 15 } },
      true,
    ],
    [
      Rollout.linear({ percent: 25, every: Duration.hours(1) }),
      { Type: "TimeBasedLinear", TimeBasedLinear: { LinearPercentage: 25, LinearInterval: 60 } },
      false,
    ],
  ])(
    "shifts the alias by CodeDeploy, and back when an invocation fails or an alarm of the user's goes off: %#",
    (rollout, routing, hasOwn) => {
      const template = synth({ rollout });
      const [, config] = anyOf(template, "AWS::CodeDeploy::DeploymentConfig");
      expect(config.Properties).toMatchObject({ ComputePlatform: "Lambda", TrafficRoutingConfig: routing });
      const [groupId, group] = anyOf(template, "AWS::CodeDeploy::DeploymentGroup");
      const [applicationId] = anyOf(template, "AWS::CodeDeploy::Application");
      const [aliasId, alias] = anyOf(template, ALIAS);
      expect((alias as { UpdatePolicy?: unknown }).UpdatePolicy).toEqual({
        CodeDeployLambdaAliasUpdate: {
          ApplicationName: { Ref: applicationId },
          DeploymentGroupName: { Ref: groupId },
        },
      });
      const [alarmId, alarm] = only(template, "AWS::CloudWatch::Alarm", ({ AlarmDescription }) =>
        String(AlarmDescription).includes("rollout"),
      );
      expect(alarm.Properties).toMatchObject({
        Namespace: "AWS/Lambda",
        MetricName: "Errors",
        Threshold: 1,
        TreatMissingData: "notBreaching",
      });
      expect(JSON.stringify(alarm.Properties.Dimensions)).toContain(":live");
      expect(group.Properties).toMatchObject({
        AlarmConfiguration: {
          Enabled: true,
          Alarms: [{ Name: { Ref: alarmId } }, ...(hasOwn ? [{ Name: "too-slow" }] : [])],
        },
        AutoRollbackConfiguration: {
          Enabled: true,
          Events: expect.arrayContaining(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]),
        },
      });
      const [, role] = only(template, "AWS::IAM::Role", ({ AssumeRolePolicyDocument }) =>
        JSON.stringify(AssumeRolePolicyDocument).includes("codedeploy."),
      );
      // Its rights are for this alias, none of them for all functions of the account.
      expect(role.Properties).not.toHaveProperty("ManagedPolicyArns");
      const [{ PolicyDocument: policy }] = role.Properties.Policies as [
        { PolicyDocument: { Statement: { Action: unknown; Resource: unknown }[] } },
      ];
      const wide = policy.Statement.filter(({ Resource }) => JSON.stringify(Resource).includes("*"));
      expect(wide.map(({ Action }) => Action)).toEqual(["cloudwatch:DescribeAlarms"]);
      expect(policy.Statement.flatMap(({ Action }) => Action).sort()).toEqual([
        "cloudwatch:DescribeAlarms",
        "lambda:GetAlias",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
      ]);
      // CloudFormation waits for the shift, and only then comes the router.
      expect(dependsOn(functionOf(template, "Router")[1])).toContain(aliasId);
    },
  );

  test.each<[string, () => Rollout, RegExp]>([
    [
      "no part",
      () => Rollout.canary({ percent: 0, wait: Duration.minutes(1) }),
      /^percent 0: .* from 1 to 99, or Rollout.allAtOnce/,
    ],
    ["the whole", () => Rollout.linear({ percent: 100, every: Duration.minutes(1) }), /^percent 100: /],
    ["a broken percent", () => Rollout.canary({ percent: 2.5, wait: Duration.minutes(1) }), /^percent 2.5: /],
    ["no time", () => Rollout.canary({ percent: 10, wait: Duration.minutes(0) }), /^wait 0 min: /],
    ["seconds", () => Rollout.canary({ percent: 10, wait: Duration.seconds(90) }), /^wait 1.5 min: /],
    ["more than two days", () => Rollout.canary({ percent: 10, wait: Duration.days(3) }), /from 1 to 2880$/],
    [
      "steps of more than two days",
      () => Rollout.linear({ percent: 10, every: Duration.hours(6) }),
      /^every 360 min: .* from 1 to 320$/,
    ],
  ])("is refused: %s", (_, make, message) => {
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(message);
  });

  test("can look at any metric: an alarm on the worker's own is one of the stack's", () => {
    const stack = new Stack(new App(), "own");
    const alarm = new Alarm(stack, "Slow", {
      metric: new Metric({ namespace: "StatefulActors", metricName: "TurnTime" }),
      threshold: 1,
      evaluationPeriods: 1,
    });
    expect(Rollout.canary({ percent: 1, wait: Duration.minutes(1), alarms: [alarm] }).alarms).toEqual([
      alarm,
    ]);
  });
});
