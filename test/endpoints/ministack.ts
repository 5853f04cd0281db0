import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathWithThisNode } from "./processes.ts";
import { onePackage, pythonWith } from "./python.ts";
import { freePort, type RunningServer, startServer } from "./server-process.ts";

const requirement = "ministack==1.5.33";

/**
 * Starts MiniStack, an emulator of AWS that runs Lambda functions as local Node processes, on a free loopback port. At first
 * use it is installed into a virtual environment of its own in the cache folder. `log` is the file for its output.
 *
 * @throws EndpointUnavailable without a fitting Python, or when MiniStack cannot be installed.
 */
export async function startMiniStack({ log }: { log: string }): Promise<RunningServer> {
  mkdirSync(dirname(log), { recursive: true });
  const python = await pythonWith(onePackage(requirement), log);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const state = mkdtempSync(join(tmpdir(), "stateful-actors-ministack-"));
  return startServer({
    name: requirement,
    url,
    command: python,
    args: ["-m", "ministack"],
    // Functions inherit this environment, so it must not carry the developer's credentials or Node options.
    env: {
      PATH: pathWithThisNode(),
      HOME: state,
      TMPDIR: state,
      STATE_DIR: join(state, "state"),
      BIND_HOST: "127.0.0.1",
      GATEWAY_PORT: String(port),
      IOT_MTLS_ENABLED: "0",
      SFTP_ENABLED: "0",
      PYTHONUNBUFFERED: "1",
      PYTHONDONTWRITEBYTECODE: "1",
    },
    cwd: state,
    log,
    removeAfter: [state],
    ready: async () => (await fetch(`${url}/_localstack/health`)).ok,
    deadlineMs: 300_000,
  });
}
