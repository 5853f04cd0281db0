import { execFile } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const moduleBin = join(import.meta.dirname, "..", "..", "node_modules", ".bin");

/** What a finished child process left. `code` is -1 when it could not be started or was ended by a signal. */
export interface Finished {
  readonly code: number;
  readonly output: string;
}

/** Runs a command to its end. Never rejects: a command that is not there gives code -1. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<Finished> {
  const { timeoutMs = 60_000, ...rest } = options;
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { ...rest, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`;
        if (!error) return resolve({ code: 0, output });
        resolve({ code: typeof error.code === "number" ? error.code : -1, output: output || error.message });
      },
    );
  });
}

/** The last lines of a text, for an error message. */
export function tail(text: string, lines = 15): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}

/** A PATH on which `node` is the one that runs the tests, so that a child does not pick up an older one of the system. */
export function pathWithThisNode(): string {
  return [dirname(process.execPath), moduleBin, process.env.PATH ?? ""].join(delimiter);
}

/** Whether a process of this id is there (also one that belongs to somebody else). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Asks again and again until `ask` answers true. Returns false when the deadline passes first. */
export async function pollUntil(
  ask: () => Promise<boolean>,
  options: { deadlineMs: number; everyMs?: number },
): Promise<boolean> {
  const end = Date.now() + options.deadlineMs;
  while (Date.now() < end) {
    if (await ask()) return true;
    await delay(options.everyMs ?? 100);
  }
  return false;
}
