import { App, Stack, Tags } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { FUNCTION, functionOf, only, resources } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

/** What each event source may start at once. */
function scaling(template: Template, handler: "Worker" | "Forwarder"): unknown[] {
  const [id] =
    handler === "Worker" ? only(template, "AWS::Lambda::Alias", () => true) : functionOf(template, handler);
  return Object.values(resources(template, "AWS::Lambda::EventSourceMapping"))
    .filter(({ Properties }) => JSON.stringify(Properties.FunctionName).includes(`"${id}"`))
    .map(({ Properties }) => Properties.ScalingConfig);
}

describe("concurrency", () => {
  test("is limited by nothing unless asked for", () => {
    const template = synthesize({ props: { shards: 2 } });
    expect(scaling(template, "Worker")).toEqual([undefined, undefined]);
    for (const { Properties } of Object.values(resources(template, FUNCTION)))
      expect(Properties).not.toHaveProperty("ReservedConcurrentExecutions");
  });

  test("of each mailbox queue is as told, and the delay line's is its own", () => {
    const template = synthesize({ props: { shards: 2, drainingShards: 1, maxConcurrency: 50 } });
    expect(scaling(template, "Worker")).toEqual(Array(3).fill({ MaximumConcurrency: 50 }));
    expect(scaling(template, "Forwarder")).toEqual([{ MaximumConcurrency: 20 }]);
  });

  test("is reserved for the router alone", () => {
    const template = synthesize({ props: { routerConcurrency: 80 } });
    expect(functionOf(template, "Router")[1].Properties.ReservedConcurrentExecutions).toBe(80);
    for (const handler of ["Worker", "Forwarder"] as const) {
      expect(functionOf(template, handler)[1].Properties).not.toHaveProperty("ReservedConcurrentExecutions");
    }
  });

  test.each([0, -1, 1.5, Number.NaN])("of the router can't be %d", (routerConcurrency) => {
    const attempt = () => synthesize({ props: { routerConcurrency } });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(/^routerConcurrency .*: it is a count of functions that run at once; choose/);
  });

  test("is reserved for the worker alone", () => {
    const template = synthesize({ props: { shards: 2, maxConcurrency: 50, reservedConcurrency: 100 } });
    expect(functionOf(template, "Worker")[1].Properties.ReservedConcurrentExecutions).toBe(100);
    for (const handler of ["Router", "Forwarder"] as const) {
      expect(functionOf(template, handler)[1].Properties).not.toHaveProperty("ReservedConcurrentExecutions");
    }
  });
});

test("the CDK's tags reach all that can have one", () => {
  const stack = new Stack(new App({ outdir: newFolder() }), "bank");
  const actors = new StatefulActors(
    stack,
    "Actors",
    { project: writeProject(), auth: Auth.none() },
    { bundle: fakeBundle },
  );
  Tags.of(actors).add("team", "payments");
  const template = Template.fromStack(stack);
  for (const type of [
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    FUNCTION,
    "AWS::Logs::LogGroup",
    "AWS::IAM::Role",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::Lambda::EventSourceMapping",
  ]) {
    const all = Object.values(resources(template, type));
    expect(all.length).toBeGreaterThan(0);
    for (const { Properties } of all) {
      expect(Properties.Tags, type).toContainEqual({ Key: "team", Value: "payments" });
    }
  }
});
