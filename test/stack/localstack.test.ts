import { join } from "node:path";
import { CloudFormationClient, DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { connect } from "../../runtime/client.ts";
import { describeAlarms } from "../acceptance/alarm-suite.ts";
import { actorPath, doorPath, stubPath } from "../acceptance/call-paths.ts";
import { describeCalls } from "../acceptance/call-suite.ts";
import { describeProbe } from "../acceptance/probe-suite.ts";
import type { SendRequest } from "../endpoints/api-client.ts";
import { sdkOptions } from "../endpoints/aws.ts";
import { appFor, type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";
import * as probe from "../projects/probe/src/index.ts";
import { type InProcessStack, startInProcessStack } from "./in-process-stack.ts";

const PROBE = join(import.meta.dirname, "../projects/probe");

describeWith(inject("localstack"), "a project deployed to LocalStack", (endpoint) => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployProject({
      endpoint: endpoint.url,
      projectDir: PROBE,
      stack: "second-judge",
      app: appFor(endpoint),
    });
  });
  afterAll(() => deployment?.destroy());

  // AWS hands over the path of a function URL as it was sent, LocalStack decoded: encoded once more it arrives as on AWS.
  const request: SendRequest = (method, path, ...rest) =>
    deployment.request(method, path.replaceAll("%", "%25"), ...rest);
  const lambda = new LambdaClient(sdkOptions(endpoint.url));

  test("has all of its resources", async () => {
    const client = new CloudFormationClient(sdkOptions(endpoint.url));
    const { StackResources = [] } = await client.send(
      new DescribeStackResourcesCommand({ StackName: deployment.stack }),
    );
    expect(new Set(StackResources.map(({ ResourceStatus }) => ResourceStatus))).toEqual(
      new Set(["CREATE_COMPLETE"]),
    );
    expect(StackResources.map(({ ResourceType }) => ResourceType)).toEqual(
      expect.arrayContaining([
        "AWS::DynamoDB::Table",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::Url",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::SQS::Queue",
      ]),
    );
    client.destroy();
  });

  test("is behind a function URL: there are no HTTP APIs here", async () => {
    expect(deployment.host).toContain(".lambda-url.");
    const credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/apigateway/aws4_request";
    const answer = await fetch(`${endpoint.url}/v2/apis`, { headers: { authorization: credential } });
    expect(answer.status).toBe(501);
  });

  // Its event source, too, runs one batch of a queue at a time.
  describeProbe("deployed to LocalStack", () => ({ request }), {
    actorsCallActors: false,
    overBudget: false,
  });
  describeAlarms("deployed to LocalStack", () => ({ request }));
  const oneAtATime = { stacks: false, chains: false, unknownTypes: true };
  describeCalls("door on LocalStack", () => doorPath(() => ({ request })), { ...oneAtATime, stubs: false });
  const client = stubPath((type) =>
    connect({ router: deployment.outputs.RouterName ?? "", lambda }).namespace(type),
  );
  describeCalls("client over Lambda, on LocalStack", () => client, { ...oneAtATime, stubs: true });
});

describeWith(inject("localstack"), "the handlers in process, on LocalStack", ({ url }) => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await startInProcessStack({
      url,
      module: { ...probe },
      actors: ["Desk", "Clerk", "Probe", "Relay"].map((type) => ({ binding: type.toUpperCase(), type })),
      setVariable: vi.stubEnv,
    });
  });
  afterAll(async () => {
    await stack?.stop();
    vi.unstubAllEnvs();
  });

  const client = stubPath((type) => connect({ router: "router", lambda: stack.lambda }).namespace(type));
  describeCalls("actor to actor, handlers in process, on LocalStack", () => actorPath(client), {
    stubs: true,
    stacks: false,
    chains: true,
    unknownTypes: false,
  });
});
