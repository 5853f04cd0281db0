import { join } from "node:path";
import { attempt } from "./attempt.ts";
import { awsEndpoint } from "./aws.ts";
import { cacheFolder } from "./cached-folder.ts";
import type { Missing } from "./gate.ts";
import type { RunningServer } from "./server-process.ts";

interface Shared {
  readonly server: Promise<RunningServer | Missing>;
  users: number;
}

// Vitest loads the setup of each project with modules of its own, so what they share hangs on `globalThis`.
const key: unique symbol = Symbol.for("stateful-actors.test.aws");
const holder = globalThis as typeof globalThis & { [key]?: Shared };

/** The one AWS-like endpoint of a run, started by the first who asks. It ends when all who got it have called `stop`. */
export async function sharedAws(): Promise<RunningServer | Missing> {
  holder[key] ??= { server: attempt(() => awsEndpoint({ log: logFile("ministack") })), users: 0 };
  const shared = holder[key];
  shared.users += 1;
  const server = await shared.server;
  if ("missing" in server) return server;
  return {
    url: server.url,
    stop: async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      delete holder[key];
      await server.stop();
    },
  };
}

/** Where a server's output goes; kept until the next run, for reading after a failure. */
export function logFile(server: string): string {
  return join(cacheFolder(), "logs", `${server}.log`);
}
