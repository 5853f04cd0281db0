import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { HttpConnection } from "./http-connection.ts";
import type { Usage } from "./meter.ts";

const METER = join(import.meta.dirname, "meter.ts");
/** How long a server may take to its first answer, in ms. */
const START_MS = 60_000;

/** How a server is started: the arguments of `node`, for a port and a folder of its own. */
export type ServerArguments = (place: { readonly port: number; readonly folder: string }) => string[];

export interface MeasuredServer {
  readonly port: number;
  /** From the start of its process until its first write was acknowledged, in ms. */
  readonly startMs: number;
  usage(): Promise<Usage>;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

/**
 * Starts a server and waits for the first write that it acknowledges.
 *
 * @param options.metered whether it can be asked for its usage: its start takes a little longer then
 */
export async function startServer(
  args: ServerArguments,
  { folder, metered }: { folder: string; metered: boolean },
): Promise<MeasuredServer> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [...(metered ? ["--import", METER] : []), ...args({ port, folder })],
    { stdio: ["ignore", "ignore", "inherit", ...(metered ? (["ipc"] as const) : [])] },
  );
  const ended = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    await firstAnswer(port, child);
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    port,
    startMs: performance.now() - began,
    async usage() {
      const told = once(child, "message");
      child.send("usage");
      const [usage] = await told;
      return usage as Usage;
    },
    kill,
  };
}

async function firstAnswer(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    try {
      const connection = await HttpConnection.open(port);
      const { status } = await connection.send("POST", "/accounts/first/deposit", '{"amount":10}');
      connection.close();
      if (status === 200) return;
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`the server gave no answer on port ${port}`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
