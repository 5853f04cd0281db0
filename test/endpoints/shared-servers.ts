import { join } from "node:path";
import { attempt } from "./attempt.ts";
import { awsEndpoint } from "./aws.ts";
import { cacheFolder } from "./cached-folder.ts";
import type { Missing } from "./gate.ts";
import { startLocalStack } from "./localstack.ts";
import type { RunningServer } from "./server-process.ts";

interface Shared {
  readonly server: Promise<RunningServer | Missing>;
  users: number;
}

// Vitest loads the setup of each project with modules of its own, so what they share hangs on `globalThis`.
const key: unique symbol = Symbol.for("stateful-actors.test.servers");
const holder = globalThis as typeof globalThis & { [key]?: Map<string, Shared> };

/** The one AWS-like endpoint of a run. */
export function sharedAws(): Promise<RunningServer | Missing> {
  return sharedServer("aws", () => awsEndpoint({ log: logFile("ministack") }));
}

/** The one LocalStack of a run, whatever the AWS-like endpoint is. */
export function sharedLocalStack(): Promise<RunningServer | Missing> {
  return sharedServer("localstack", () => startLocalStack({ log: logFile("localstack") }));
}

/** A server that the first who asks starts. It ends when all who got it have called `stop`. */
async function sharedServer(
  name: string,
  start: () => Promise<RunningServer>,
): Promise<RunningServer | Missing> {
  holder[key] ??= new Map();
  const servers = holder[key];
  const shared = servers.get(name) ?? { server: attempt(start), users: 0 };
  servers.set(name, shared);
  shared.users += 1;
  const server = await shared.server;
  if ("missing" in server) return server;
  return {
    url: server.url,
    stop: async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      servers.delete(name);
      await server.stop();
    },
  };
}

/** Where a server's output goes; kept until the next run, for reading after a failure. */
export function logFile(server: string): string {
  // `npm test` runs two parts at once, each with servers of its own.
  const { STATEFUL_ACTORS_TEST_PART: part = "" } = process.env;
  return join(cacheFolder(), "logs", `${server}${part && `-${part}`}.log`);
}
