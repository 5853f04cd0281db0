import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiClient, type SendRequest } from "./api-client.ts";
import { account, awsEnvironment, region } from "./aws.ts";
import type { AwsEndpoint } from "./endpoint.ts";
import { type Finished, run, tail } from "./processes.ts";

const checkout = join(import.meta.dirname, "..", "..");
const cdkCli = join(checkout, "node_modules", ".bin", "cdk");

export interface DeployOptions {
  /** The URL of an AWS-like endpoint. */
  readonly endpoint: string;
  /** The project that is deployed: a folder with a manifest. */
  readonly projectDir: string;
  /** A CDK app of its own instead of the package's: a file that Node runs. */
  readonly app?: string | undefined;
  /** The stack's name, when it shall not be the one in the manifest. */
  readonly stack?: string;
  /** More context values for the CDK app (`-c name=value`). */
  readonly context?: Readonly<Record<string, string>>;
}

/** A deployed stack, as plain data. */
export interface DeployedStack {
  readonly endpoint: string;
  readonly stack: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** The address of the API as the stack gives it; see `host` for how it is reached. */
  readonly url: string;
  readonly host: string;
}

export interface Deployment extends DeployedStack {
  request: SendRequest;
  /** Removes the stack with the CDK CLI. */
  destroy(): Promise<void>;
}

/** The CDK app that deploys a project to this endpoint: another one than the package's where there are no HTTP APIs. */
export function appFor({ httpApis }: AwsEndpoint): string | undefined {
  return httpApis ? undefined : join(checkout, "test", "projects", "function-url", "app.ts");
}

/** Deploys a project with the real CDK CLI and the project's own CDK app, as a user does. */
export async function deployProject(options: DeployOptions): Promise<Deployment> {
  const { endpoint, projectDir, app, stack, context = {} } = options;
  const contextValues = {
    project: projectDir,
    auth: "none",
    removal: "destroy",
    ...(stack ? { stack } : {}),
    ...context,
  };
  const contextArgs = [
    ...(app === undefined ? [] : ["--app", `npx --no -- node ${app}`]),
    ...Object.entries(contextValues).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];

  await bootstrap(endpoint);
  const [name, outputs] = await inTemporaryFolder(async (folder) => {
    const file = join(folder, "outputs.json");
    const args = ["--all", "--require-approval", "never", "--outputs-file", file, "--output", folder];
    await runCdk(endpoint, ["deploy", ...args, ...contextArgs]);
    return onlyStack(JSON.parse(await readFile(file, "utf8")) as Record<string, Record<string, string>>);
  });
  const url = outputs.Url;
  if (!url) throw new Error(`the stack ${name} has no output Url; it has ${Object.keys(outputs).join(", ")}`);
  const { host } = new URL(url);
  return {
    endpoint,
    stack: name,
    outputs,
    url,
    host,
    request: apiClient({ endpoint, host }),
    destroy: () =>
      inTemporaryFolder(async (folder) => {
        await runCdk(endpoint, ["destroy", "--all", "--force", "--output", folder, ...contextArgs]);
      }),
  };
}

function onlyStack(stacks: Record<string, Record<string, string>>): [string, Record<string, string>] {
  const [first, ...others] = Object.entries(stacks);
  if (first && others.length === 0) return first;
  throw new Error(
    `the CDK app must deploy one stack with outputs, and gave: ${Object.keys(stacks).join(", ")}`,
  );
}

async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "stateful-actors-deploy-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the bucket for assets, once for an endpoint. */
export async function bootstrap(endpoint: string): Promise<void> {
  const assets = `cdk-hnb659fds-assets-${account}-${region}`;
  const { ok: done } = await fetch(`${endpoint}/${assets}`, { method: "HEAD" });
  // Away from cdk.json: with an app in sight the CLI would synthesise it first.
  if (!done) await runCdk(endpoint, ["bootstrap", `aws://${account}/${region}`], tmpdir());
}

/** Runs the CDK CLI against an endpoint; rejects with its last lines when it fails. */
export async function runCdk(endpoint: string, args: readonly string[], cwd = checkout): Promise<Finished> {
  const finished = await run(
    cdkCli,
    [...args, "--ci", "--no-color", "--no-notices", "--no-version-reporting"],
    {
      cwd,
      env: awsEnvironment(endpoint),
      timeoutMs: 600_000,
    },
  );
  if (finished.code !== 0) throw new Error(`cdk ${args.join(" ")} failed:\n${tail(finished.output, 40)}`);
  return finished;
}
