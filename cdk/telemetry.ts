import { Stack } from "aws-cdk-lib";
import { type CfnPolicy, Policy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { CfnFunction, type ILayerVersion, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { acceptFinding } from "./accepted-findings.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { functionEnvironment } from "./environment.ts";

/** What is measured: what goes wrong, always; and of work that goes well nothing, that of one invocation in twenty, or all. */
export type Metrics = "problems" | "sampled" | "all";

/** Spans through OpenTelemetry's API, for the SDK that a layer brings. */
export interface OpenTelemetryTracing {
  /** A layer with OpenTelemetry's SDK for Node.js, such as the AWS Distro for OpenTelemetry. Worker and router get it. */
  readonly layer: ILayerVersion;
  /**
   * What the layer reads: where spans go, how many are sampled. Take the rights that its exporter needs, beyond X-Ray's, from
   * `actors.worker.grantPrincipal` and `actors.router.grantPrincipal`.
   * @default AWS_LAMBDA_EXEC_WRAPPER alone: "/opt/otel-handler"
   */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What the functions of a deployment tell the operator. */
export interface TelemetryProps {
  /**
   * Whether log lines and spans say the names of instances. Without it a line has a short hash of the instance, the same everywhere, by
   * which one can be followed.
   * @default false
   */
  readonly logNames?: boolean;
  /**
   * What is measured, as metrics of the namespace `StatefulActors` with the dimensions `stack` and `type`. What goes wrong is counted
   * always, and costs nothing while nothing does. Of work that goes well (times in queue and turn, hydrations, commits, waits for
   * replies) `all` costs about 0.34 dollars of log lines a million calls, `sampled` a twentieth of that; CloudWatch charges 0.30 dollars a
   * month for each metric of each type on top, for as long as it comes.
   * @default "problems"
   */
  readonly metrics?: Metrics;
  /**
   * Who traces calls from the front door through the queue to the actors that they call. `"xray"`: AWS X-Ray's own segments of the functions,
   * linked through the queues. With a layer: spans of each call and turn through OpenTelemetry. Whatever this says, a
   * client's `traceparent` is passed on and stands in log lines.
   * @default "off"
   */
  readonly tracing?: "off" | "xray" | OpenTelemetryTracing;
}

interface Functions {
  readonly worker: LambdaFunction;
  readonly router: LambdaFunction;
  readonly forwarder: LambdaFunction;
}

/**
 * Tells the functions what to log, to measure and to trace.
 *
 * Throws a ConfigurationError for a choice that is none, and for a project's variable that would hide one of these.
 *
 * @returns the value of the dimension `stack` of their metrics
 */
export function addTelemetry(
  scope: Construct,
  functions: Functions,
  {
    logNames = false,
    metrics = "problems",
    tracing = "off",
    envVars,
    environment: property,
  }: TelemetryProps & {
    readonly envVars: Readonly<Record<string, string>>;
    readonly environment?: Readonly<Record<string, string>>;
  },
): string {
  const deployment = deploymentName(scope);
  const environment = functionEnvironment({
    project: envVars,
    property,
    own: {
      ACTORS_STACK: deployment,
      ACTORS_LOG_NAMES: logNames ? "1" : undefined,
      ACTORS_METRICS: checkedMetrics(metrics) === "problems" ? undefined : metrics,
      ACTORS_TRACING: tracingMode(tracing),
    },
  });
  const own = Object.entries(environment).filter(([name]) => !Object.hasOwn(envVars, name));
  for (const fn of Object.values(functions)) for (const [name, value] of own) fn.addEnvironment(name, value);
  if (tracing === "off") return deployment;
  for (const fn of Object.values(functions)) traceWithXray(fn);
  if (typeof tracing === "object") {
    for (const fn of [functions.worker, functions.router]) addLayer(fn, tracing);
  }
  return deployment;
}

/** Of its own in account and region: the stack's name and, of a construct in somebody's stack, where in it. */
function deploymentName(scope: Construct): string {
  const stack = Stack.of(scope);
  const path = scope.node.path.slice(stack.node.path.length).replace(/^\//, "");
  return path === "Actors" ? stack.stackName : `${stack.stackName}/${path}`;
}

function checkedMetrics(metrics: Metrics): Metrics {
  if (metrics === "problems" || metrics === "sampled" || metrics === "all") return metrics;
  throw new ConfigurationError(
    `metrics ${metrics}: it says what is measured of work that goes well; choose problems (nothing), sampled or all`,
  );
}

function tracingMode(tracing: NonNullable<TelemetryProps["tracing"]>): string | undefined {
  if (tracing === "off") return undefined;
  if (tracing === "xray") return "xray";
  if (typeof tracing === "object" && tracing.layer !== undefined) return "opentelemetry";
  throw new ConfigurationError(
    `tracing ${JSON.stringify(tracing)}: it says who traces; choose off, xray, or { layer } with OpenTelemetry's SDK`,
  );
}

/** Lambda's own segments: its decision to sample is also the one that OpenTelemetry's SDK finds. */
function traceWithXray(fn: LambdaFunction): void {
  const resource = fn.node.defaultChild;
  if (!(resource instanceof CfnFunction)) throw new Error(`${fn.node.path} is no function of its own`);
  resource.tracingConfig = { mode: "Active" };
  const policy = new Policy(fn, "Tracing", {
    statements: [
      new PolicyStatement({
        actions: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        resources: ["*"],
      }),
    ],
  });
  fn.role?.attachInlinePolicy(policy);
  acceptFinding(policy.node.defaultChild as CfnPolicy, {
    rule: "AwsSolutions-IAM5",
    finding: "Resource::*",
    reason: "X-Ray knows no resources: whoever may send segments may send them for all of the account.",
  });
}

function addLayer(fn: LambdaFunction, { layer, environment }: OpenTelemetryTracing): void {
  fn.addLayers(layer);
  const variables = { AWS_LAMBDA_EXEC_WRAPPER: "/opt/otel-handler", ...environment };
  for (const [name, value] of Object.entries(variables)) fn.addEnvironment(name, value);
}
