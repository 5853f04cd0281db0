// Runs one server and ends it, with all of its children, when standard input closes. The kernel closes that pipe however the
// test process dies, SIGKILL included, so no server outlives the tests that started it.
//
// Started by server-process.ts: node supervisor.ts '{"command": …, "args": […], "removeAfter": […]}'

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

const graceMs = 5_000;

interface Order {
  readonly command: string;
  readonly args: readonly string[];
  readonly removeAfter: readonly string[];
}

const order = JSON.parse(process.argv[2] ?? "") as Order;
const child = spawn(order.command, order.args, { stdio: ["ignore", "inherit", "inherit"], detached: true });

function signalGroup(signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The whole group has ended already.
  }
}

function end(): void {
  signalGroup("SIGTERM");
  setTimeout(() => signalGroup("SIGKILL"), graceMs).unref();
}

function finish(code: number): never {
  signalGroup("SIGKILL");
  for (const folder of order.removeAfter) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

process.stdin.on("end", end).on("error", end).resume();
process.on("SIGTERM", end);
process.on("SIGINT", end);
child.on("error", (error) => {
  console.error(error.message);
  finish(127);
});
child.on("exit", (code) => finish(code ?? 1));
