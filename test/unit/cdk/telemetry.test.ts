import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { LayerVersion } from "aws-cdk-lib/aws-lambda";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { StatefulActors, type StatefulActorsProps } from "../../../cdk/stateful-actors.ts";
import { rightsOf } from "./policies.ts";
import { functionOf, resources, variables } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, synthesizeConstructs, writeProject } from "./synthesis.ts";

const HANDLERS = ["Worker", "Router", "Forwarder"] as const;
const own = (template: Template, handler: (typeof HANDLERS)[number]) =>
  Object.fromEntries(
    Object.entries(variables(functionOf(template, handler)[1])).filter(([name]) =>
      name.startsWith("ACTORS_"),
    ),
  );

describe("what the functions tell", () => {
  test("is what goes wrong, by the stack's name, without names of instances; nothing is traced", () => {
    const template = synthesize();
    for (const handler of HANDLERS) {
      expect(own(template, handler)).toEqual({ ACTORS_STACK: "bank" });
      const [, fn] = functionOf(template, handler);
      expect(fn.Properties.TracingConfig).toBeUndefined();
      expect(JSON.stringify(rightsOf(template, fn))).not.toContain("xray:");
    }
  });

  test("is more where it is asked for", () => {
    const template = synthesize({ props: { logNames: true, metrics: "sampled" } });
    for (const handler of HANDLERS) {
      expect(own(template, handler)).toEqual({
        ACTORS_STACK: "bank",
        ACTORS_LOG_NAMES: "1",
        ACTORS_METRICS: "sampled",
      });
    }
  });

  test("two constructs of one stack don't count together", () => {
    const stacks = Object.values(resources(synthesizeConstructs(["Blue", "Green"]), "AWS::Lambda::Function"))
      .map((fn) => variables(fn).ACTORS_STACK)
      .sort();
    expect(stacks).toEqual([...Array(3).fill("shared/Blue"), ...Array(3).fill("shared/Green")]);
  });

  test("can't be hidden by a variable of the project", () => {
    const project = writeProject({ manifest: '[env_vars]\nACTORS_STACK = "mine"\n' });
    expect(() => synthesize({ props: { project } })).toThrow("[env_vars] ACTORS_STACK");
  });
});

describe("tracing", () => {
  function withTracing(makeTracing: (stack: Stack) => StatefulActorsProps["tracing"] & object): Template {
    const stack = new Stack(new App({ outdir: newFolder() }), "bank");
    const props = { project: writeProject(), auth: Auth.none(), tracing: makeTracing(stack) };
    new StatefulActors(stack, "Actors", props, { bundle: fakeBundle });
    return Template.fromStack(stack);
  }

  test("by X-Ray: segments of all functions, the right to send them, and messages that carry its header", () => {
    const template = synthesize({ props: { tracing: "xray" } });
    for (const handler of HANDLERS) {
      const [, fn] = functionOf(template, handler);
      expect(fn.Properties.TracingConfig).toEqual({ Mode: "Active" });
      expect(fn.Properties.Layers).toBeUndefined();
      expect(rightsOf(template, fn)["*"]).toEqual(["xray:PutTelemetryRecords", "xray:PutTraceSegments"]);
      expect(own(template, handler)).toMatchObject({ ACTORS_TRACING: "xray" });
    }
  });

  test("by OpenTelemetry: the layer and its variables for the functions that run the project's code", () => {
    const arn = "arn:aws:lambda:us-east-1:123456789012:layer:otel:1";
    const template = withTracing((stack) => ({
      layer: LayerVersion.fromLayerVersionArn(stack, "Otel", arn),
      environment: { OTEL_SERVICE_NAME: "bank" },
    }));
    for (const handler of ["Worker", "Router"] as const) {
      const [, fn] = functionOf(template, handler);
      expect(fn.Properties.Layers).toEqual([arn]);
      expect(variables(fn)).toMatchObject({
        ACTORS_TRACING: "opentelemetry",
        AWS_LAMBDA_EXEC_WRAPPER: "/opt/otel-handler",
        OTEL_SERVICE_NAME: "bank",
      });
    }
    const [, forwarder] = functionOf(template, "Forwarder");
    expect(forwarder.Properties.Layers).toBeUndefined();
    expect(variables(forwarder)).not.toHaveProperty("AWS_LAMBDA_EXEC_WRAPPER");
  });
});
