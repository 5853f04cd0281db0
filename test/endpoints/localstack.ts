import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findDynamoDBLocal } from "./dynamodb-local.ts";
import { pathWithThisNode } from "./processes.ts";
import { type PythonPackages, pythonWith } from "./python.ts";
import { freePort, type RunningServer, startServer } from "./server-process.ts";

const here = join(import.meta.dirname, "localstack");
const requirements = join(here, "requirements.txt");

/**
 * Starts LocalStack's open-source edition on a free loopback port, without its container: DynamoDB on the DynamoDB Local that the tests
 * have, functions as Node processes (localstack/host.py). At first use it is installed into a virtual environment of its own in the
 * cache folder. `log` is the file for its output.
 *
 * @throws EndpointUnavailable without a fitting Python or Java, or when something of it cannot be installed.
 */
export async function startLocalStack({ log }: { log: string }): Promise<RunningServer> {
  mkdirSync(dirname(log), { recursive: true });
  const [python, engineIn] = await Promise.all([pythonWith(localStack(), log), findDynamoDBLocal(log)]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const state = mkdtempSync(join(tmpdir(), "stateful-actors-localstack-"));
  return startServer({
    name: "LocalStack",
    url,
    command: python,
    args: [join(here, "host.py")],
    env: {
      PATH: pathWithThisNode(),
      HOME: state,
      TMPDIR: state,
      FILESYSTEM_ROOT: state,
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      // Part of the URLs that it gives out; a name, since those of functions have names of their own before it.
      LOCALSTACK_HOST: `localhost:${port}`,
      DNS_ADDRESS: "0",
      OVERRIDE_IN_DOCKER: "0",
      // Nothing leaves this machine: no usage statistics, no certificate, no catalogue of what else there is, no credentials of a host.
      DISABLE_EVENTS: "1",
      SKIP_SSL_CERT_DOWNLOAD: "1",
      API_ENDPOINT: "http://127.0.0.1:1",
      AWS_EC2_METADATA_DISABLED: "true",
      SQS_DISABLE_CLOUDWATCH_METRICS: "1",
      // How long an environment of a function may take to come up: on a busy machine longer than it thinks.
      LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT: "120",
      // Between two batches.
      LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: "0.01",
      PYTHONUNBUFFERED: "1",
      ENGINE: JSON.stringify(engineIn(state)),
      NODE: process.execPath,
      FUNCTION: join(here, "function.ts"),
    },
    cwd: state,
    log,
    removeAfter: [state],
    ready: async () => (await fetch(`${url}/_localstack/health`)).ok,
    deadlineMs: 300_000,
  });
}

/** The last open release, with what it needs as of then: later versions of that no longer fit it. */
function localStack(): PythonPackages {
  const checksum = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  return {
    name: `localstack-${checksum.slice(0, 12)}`,
    // Most of it is never loaded: what is gets compiled at the first start.
    install: ["--no-compile", "--require-hashes", "-r", requirements],
    // Its sources need 3.12, and of what it needs moto has no version for 3.14.
    python: { oldest: [3, 12], newest: [3, 13] },
  };
}
