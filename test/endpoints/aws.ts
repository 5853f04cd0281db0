import { startMiniStack } from "./ministack.ts";
import { pathWithThisNode } from "./processes.ts";
import type { RunningServer } from "./server-process.ts";

/** The account of MiniStack and LocalStack when the credentials do not name another one. */
export const account = "000000000000";
export const region = "us-east-1";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

/**
 * An AWS-like endpoint: the one that `AWS_ENDPOINT_URL` names, which must answer and is left running, else a MiniStack of our
 * own. `log` is the file for its output.
 *
 * @throws EndpointUnavailable when MiniStack is needed and cannot be had.
 */
export async function awsEndpoint({ log }: { log: string }): Promise<RunningServer> {
  const given = process.env.AWS_ENDPOINT_URL;
  if (!given) return startMiniStack({ log });
  const url = given.replace(/\/+$/, "");
  await checkHealth(url);
  return { url, stop: async () => undefined };
}

async function checkHealth(url: string): Promise<void> {
  const page = `${url}/_localstack/health`;
  const fix = "start LocalStack or MiniStack there, or unset AWS_ENDPOINT_URL to let the tests start one";
  const answer = await fetch(page, { signal: AbortSignal.timeout(10_000) }).catch((cause: unknown) => {
    throw new Error(`AWS_ENDPOINT_URL is ${url}, but ${page} does not answer; ${fix}`, { cause });
  });
  if (!answer.ok) throw new Error(`AWS_ENDPOINT_URL is ${url}, but ${page} answers ${answer.status}; ${fix}`);
}

/** Options for an AWS SDK client that talks to this endpoint (DynamoDB Local takes them too). */
export function sdkOptions(url: string) {
  return { endpoint: url, region, credentials };
}

/**
 * Settings under which the AWS SDK and the CDK CLI can reach no real account, whatever the developer's own settings are:
 * dummy credentials, and no profile, configuration file or metadata service.
 */
export const noRealAccount = {
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_SESSION_TOKEN: "",
  AWS_PROFILE: "",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};

/** The environment for a child process that uses the AWS SDK or the CDK CLI against this endpoint. */
export function awsEnvironment(url: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(AWS_|CDK_|VITEST|NODE_OPTIONS$|NODE_ENV$|npm_)/.test(name),
  );
  const { AWS_PROFILE: _unset, AWS_SESSION_TOKEN: _unsetToo, ...settings } = noRealAccount;
  return {
    ...Object.fromEntries(inherited),
    ...settings,
    PATH: pathWithThisNode(),
    AWS_ENDPOINT_URL: url,
    AWS_ENDPOINT_URL_S3: url,
    CDK_DISABLE_CLI_TELEMETRY: "true",
  };
}
