import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** The child processes of a run, which end with it at the latest, also when it is killed. */
export class Children {
  readonly #reaper = spawn(process.execPath, [join(import.meta.dirname, "reaper.ts")], {
    stdio: ["pipe", "ignore", "inherit"],
    detached: true,
  });
  readonly #running = new Set<ChildProcess>();

  /** Starts Node on a file, with a channel for messages. What it says goes to `output`. */
  start(
    args: readonly string[],
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly output: number },
  ): ChildProcess {
    const { cwd, env, output } = options;
    const stdio = ["ignore", output, output, "ipc"] as const;
    const child = spawn(process.execPath, args, { cwd, env, stdio: [...stdio] });
    this.#running.add(child);
    this.#reaper.stdin.write(`+${child.pid}\n`);
    child.on("exit", () => {
      this.#running.delete(child);
      this.#reaper.stdin.write(`-${child.pid}\n`);
    });
    return child;
  }

  /** Ends all that still run. */
  async close(): Promise<void> {
    const ended = [...this.#running].map((child) => once(child, "exit"));
    for (const child of this.#running) child.kill("SIGKILL");
    await Promise.all(ended);
    const reaped = once(this.#reaper, "exit");
    this.#reaper.stdin.end();
    await reaped;
  }
}
