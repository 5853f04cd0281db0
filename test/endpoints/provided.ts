import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { attempt } from "./attempt.ts";
import { type DeployedStack, deployProject } from "./deployment.ts";
import { startDynamoDBLocal } from "./dynamodb-local.ts";
import type { AwsEndpoint, Endpoint } from "./endpoint.ts";
import type { Missing } from "./gate.ts";
import type { RunningServer } from "./server-process.ts";
import { logFile, sharedAws, sharedLocalStack } from "./shared-servers.ts";

declare module "vitest" {
  interface ProvidedContext {
    dynamoDBLocal: Endpoint | Missing;
    aws: AwsEndpoint | Missing;
    /** LocalStack's open-source edition, which has another author's reading of AWS's documentation. */
    localstack: AwsEndpoint | Missing;
    /** `examples/account`, deployed once for the whole run. */
    account: DeployedStack | Missing;
  }
}

type Release = () => Promise<void>;

const WHOLE = { httpApis: true, firesSchedules: true };

const nothingToRelease: Release = async () => undefined;

/** A global setup that provides all of it, at the same time. */
export function provideAll(...provide: readonly ((project: TestProject) => Promise<Release>)[]) {
  return async (project: TestProject): Promise<Release> => {
    const releases = await Promise.all(provide.map((each) => each(project)));
    return async () => {
      for (const release of releases) await release();
    };
  };
}

/** Provides `dynamoDBLocal`. */
export async function provideDynamoDBLocal(project: TestProject): Promise<Release> {
  const server = await attempt(() => startDynamoDBLocal({ log: logFile("dynamodb-local") }));
  project.provide("dynamoDBLocal", endpointOf(server));
  return "stop" in server ? server.stop : nothingToRelease;
}

/** Provides `aws`, one endpoint for all projects of a run. */
export async function provideAws(project: TestProject): Promise<Release> {
  const server = await sharedAws();
  project.provide("aws", awsEndpointOf(server, WHOLE));
  return "stop" in server ? server.stop : nothingToRelease;
}

/** Provides `localstack`, one for all projects of a run. */
export async function provideLocalStack(project: TestProject): Promise<Release> {
  const server = await sharedLocalStack();
  project.provide("localstack", awsEndpointOf(server, { httpApis: false, firesSchedules: false }));
  return "stop" in server ? server.stop : nothingToRelease;
}

/** Provides `aws`, and `account` deployed to it. */
export async function provideAccount(project: TestProject): Promise<Release> {
  const server = await sharedAws();
  project.provide("aws", awsEndpointOf(server, WHOLE));
  if (!("stop" in server)) {
    project.provide("account", server);
    return nothingToRelease;
  }
  const projectDir = join(project.vitest.config.root, "examples", "account");
  const deployment = await attempt(() => deployProject({ endpoint: server.url, projectDir }));
  if ("missing" in deployment) {
    project.provide("account", deployment);
    return server.stop;
  }
  const { request: _request, destroy, ...data } = deployment;
  project.provide("account", data);
  return async () => {
    // An endpoint of our own is thrown away as a whole.
    if (process.env.AWS_ENDPOINT_URL) await destroy();
    await server.stop();
  };
}

function endpointOf(server: RunningServer | Missing): Endpoint | Missing {
  return "stop" in server ? { url: server.url } : server;
}

function awsEndpointOf(
  server: RunningServer | Missing,
  abilities: Omit<AwsEndpoint, "url">,
): AwsEndpoint | Missing {
  return "stop" in server ? { url: server.url, ...abilities } : server;
}
