import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const CLI = join(import.meta.dirname, "../../cli/actors.ts");
const START_DEADLINE_MS = 120_000;

export interface DevRun {
  /** `dev` unless it says otherwise. */
  readonly command?: "dev" | "start";
  readonly args: readonly string[];
  /** Working directory; `.actors` is made here unless the arguments say otherwise. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another program than that of this checkout. */
  readonly program?: string;
}

export interface DevServer {
  readonly url: string;
  readonly pid: number | undefined;
  stdout(): string;
  stderr(): string;
  /** Waits until its output holds the text. */
  said(text: string): Promise<void>;
  /** Asks it to end, as Ctrl+C does unless told otherwise; resolves to its exit code. */
  stop(signal?: "SIGINT" | "SIGTERM"): Promise<number | null>;
  /** Ends it with no chance to close anything. */
  kill9(): Promise<void>;
}

export interface DevExit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the real command as a process of its own, which ends with the test at the latest; call it inside a test. */
export async function startDev(run: DevRun): Promise<DevServer> {
  const dev = launch(run);
  const url = await until(dev, () => /^serving \S+ on (http:\S+)$/m.exec(dev.stdout())?.[1]);
  return {
    url,
    pid: dev.child.pid,
    stdout: dev.stdout,
    stderr: dev.stderr,
    said: async (text) => void (await until(dev, () => dev.stdout().includes(text) || undefined)),
    stop: (signal = "SIGINT") => dev.end(signal),
    kill9: async () => void (await dev.end("SIGKILL")),
  };
}

/** Runs the real command to its end, for arguments that make it end by itself. */
export async function runDev(run: DevRun): Promise<DevExit> {
  const dev = launch(run);
  const code = await until(dev, () => (dev.exited() ? { code: dev.child.exitCode } : undefined));
  return { ...code, stdout: dev.stdout(), stderr: dev.stderr() };
}

interface Launched {
  readonly child: ChildProcess;
  readonly closed: Promise<unknown>;
  stdout(): string;
  stderr(): string;
  exited(): boolean;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

function launch({ command = "dev", args, cwd, env, program = CLI }: DevRun): Launched {
  const child = spawn(process.execPath, [program, command, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  let exited = false;
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
      child.emit("output");
    });
  }
  const closed = once(child, "close").then(() => {
    exited = true;
    child.emit("output");
  });
  const end = async (signal: NodeJS.Signals) => {
    if (!exited) child.kill(signal);
    await closed;
    return child.exitCode;
  };
  onTestFinished(async () => void (await end("SIGKILL")));
  return {
    child,
    closed,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    exited: () => exited,
    end,
  };
}

/** Looks at each output until there is an answer; fails with everything the process said. */
async function until<T>(dev: Launched, answer: () => T | undefined): Promise<T> {
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  for (;;) {
    const found = answer();
    if (found !== undefined) return found;
    const said = () => `\nstdout:\n${dev.stdout()}\nstderr:\n${dev.stderr()}`;
    if (dev.exited()) throw new Error(`the dev server ended with ${dev.child.exitCode}${said()}`);
    await once(dev.child, "output", { signal: deadline }).catch((cause: unknown) => {
      throw new Error(`the dev server gave no answer in ${START_DEADLINE_MS} ms${said()}`, { cause });
    });
  }
}
