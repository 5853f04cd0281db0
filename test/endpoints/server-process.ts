import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { type EventEmitter, once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { pollUntil, tail } from "./processes.ts";

/** A server that runs until `stop` has returned, or until this process is gone. */
export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** For error messages. */
  readonly name: string;
  readonly url: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the server: nothing is inherited. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** The file that takes the server's output. */
  readonly log: string;
  /** Folders to remove when the server has ended. */
  readonly removeAfter: readonly string[];
  /** Whether the server answers. May reject while it does not. */
  readonly ready: () => Promise<boolean>;
  readonly deadlineMs: number;
}

/** Starts a server and waits until it answers. One that does not come up is ended; the error shows the end of its log. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { name, url, command, args, env, cwd, log, removeAfter, ready, deadlineMs } = options;
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, "w");
  const order = JSON.stringify({ command, args, removeAfter });
  const supervisor = spawn(process.execPath, [join(import.meta.dirname, "supervisor.ts"), order], {
    cwd,
    env,
    detached: true,
    stdio: ["pipe", output, output],
  });
  closeSync(output);
  const exited = once(supervisor, "exit");
  const hasExited = () => supervisor.exitCode !== null || supervisor.signalCode !== null;

  const stop = async () => {
    supervisor.stdin?.end();
    await exited;
  };

  await pollUntil(async () => hasExited() || (await ready().catch(() => false)), { deadlineMs });
  if (hasExited() || !(await ready().catch(() => false))) {
    const what = hasExited()
      ? "ended while it was starting"
      : `did not answer on ${url} within ${deadlineMs / 1000} s`;
    await stop();
    throw new Error(`${name} ${what}; the end of ${log}:\n${tail(readFileSync(log, "utf8"))}`);
  }
  return { url, stop };
}

/** Ports that systems give to nobody who asks for any, and from which no connection goes out. */
const [FIRST_PORT, LAST_PORT] = [20_000, 32_000];

/**
 * A TCP port that is free on the loopback interface, and that nobody else gets from here as long as this process lives: the UDP port
 * of the same number, which no server here uses, is held until then.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const holder = createSocket("udp4").unref();
    const address = "127.0.0.1";
    if (!(await begins(holder, () => holder.bind({ port, address, exclusive: true })))) continue;
    const server = createServer();
    const free = await begins(server, () => server.listen(port, address));
    server.close();
    if (free) return port;
    holder.close();
  }
}

function begins(what: EventEmitter, begin: () => void): Promise<boolean> {
  const begun = once(what, "listening").then(
    () => true,
    () => false,
  );
  begin();
  return begun;
}
