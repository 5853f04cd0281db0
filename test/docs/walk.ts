import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathWithThisNode, pollUntil } from "../endpoints/processes.ts";
import { freePort } from "../endpoints/server-process.ts";
import { type Block, isAsShown, type Step, stepsOf } from "./page.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
/** How long one command may take, and a server to say that it serves, in ms. */
const DEADLINE_MS = 300_000;
/** Commands that go on until the end of the page. */
const SERVES = /^(npm run dev|npm start|npx actors (dev|start)|npm run actors -- (dev|start))\b/;

const WAITS = /^sleep (?<seconds>\d+); (?<command>.*)$/;
/** How often a command is given whose result passes. */
const MOST_TRIES = 4;

/** A reader who does what a page says, in a folder as it would be after `git clone`, with a neighbour folder for projects. */
export class Reader {
  readonly #folder = mkdtempSync(join(tmpdir(), "actors-docs-"));
  /** The clone: changes in it are not changes of the checkout's folders. */
  readonly #clone = join(this.#folder, "stateful-actors");
  /** The page's ports, each with a free one in its place. */
  readonly #ports = new Map<string, number>();
  readonly #servers: ChildProcess[] = [];
  /** Commands that the page gives once more, after "wait a little": what they show at first passes. */
  readonly #passing: ReadonlySet<string>;

  /** @param page its blocks */
  constructor(page: readonly Block[]) {
    const steps = page.filter(({ language }) => language === "sh").flatMap(({ text }) => stepsOf(text));
    this.#passing = new Set(steps.flatMap(({ command }) => WAITS.exec(command)?.groups?.command ?? []));
    mkdirSync(this.#clone);
    for (const entry of readdirSync(CHECKOUT)) {
      if (!entry.startsWith(".")) symlinkSync(join(CHECKOUT, entry), join(this.#clone, entry));
    }
  }

  /** @throws Error what came is not what the page shows */
  async follow(block: Block): Promise<void> {
    if (block.note?.kind === "file") {
      const file = join(this.#clone, block.note.text);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, block.text);
    } else if (block.language === "sh") {
      const steps = stepsOf(block.text);
      for (const [index, step] of steps.entries()) await this.#takeInTime(step, steps[index - 1]);
    }
  }

  /** @throws Error a test does not pass */
  async runTests({ text, line }: Block): Promise<void> {
    const name = `page-line-${line}.test.ts`;
    writeFileSync(join(this.#clone, name), text);
    await this.#run(`node --import ./test/docs/own-name.ts --test ${name}`);
  }

  async leave(): Promise<void> {
    await Promise.all(this.#servers.map(end));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Where a machine is so busy that what a command shows has passed, it is given again, after the one before it. */
  async #takeInTime(step: Step, before: Step | undefined): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#take(step);
      } catch (error) {
        if (!before || !this.#passing.has(step.command) || tries === MOST_TRIES) throw error;
        await this.#take(before);
      }
    }
  }

  async #take({ command, expected }: Step): Promise<void> {
    // Whoever runs this has installed already.
    const serves = command.replace(/^npm ci && /, "");
    if (SERVES.test(serves)) return this.#serve(serves);
    // A page says "wait a little"; how long that takes here nobody knows.
    const { seconds = "0", command: last = command } = WAITS.exec(command)?.groups ?? {};
    const everyMs = Number(seconds) * 1_000;
    let output = "";
    const isRight = async () => {
      await delay(everyMs);
      output = await this.#run(last);
      return expected === undefined || isAsShown(output, expected);
    };
    if (await isRight()) return;
    if (everyMs > 0 && (await pollUntil(isRight, { deadlineMs: DEADLINE_MS, everyMs: 0 }))) return;
    throw new Error(`${command}\nshould print:\n${expected}\nand prints:\n${output}`);
  }

  async #run(command: string): Promise<string> {
    const child = await this.#spawn(command);
    const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
    const [stdout, stderr] = await Promise.all([
      read(child.stdout),
      read(child.stderr),
      once(child, "close"),
    ]);
    clearTimeout(timer);
    if (child.exitCode !== 0) {
      throw new Error(`${command}\nended with ${child.exitCode ?? child.signalCode}:\n${stdout}${stderr}`);
    }
    return this.#withPagePorts(stdout);
  }

  async #serve(command: string): Promise<void> {
    const child = await this.#spawn(`export PORT=8787; ${command}`);
    this.#servers.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    const serves = async () => child.exitCode !== null || /^serving /m.test(said);
    await pollUntil(serves, { deadlineMs: DEADLINE_MS, everyMs: 50 });
    if (child.exitCode !== null || !/^serving /m.test(said))
      throw new Error(`${command}\ndoes not serve:\n${said}`);
  }

  async #spawn(command: string): Promise<ChildProcess> {
    const here = await this.#withFreePorts(command);
    return spawn("bash", ["-euo", "pipefail", "-c", here], {
      cwd: this.#clone,
      env: { PATH: pathWithThisNode(), HOME: process.env.HOME, NO_COLOR: "1", npm_config_loglevel: "silent" },
      stdio: ["ignore", "pipe", "pipe"],
      // npm and bash have children of their own.
      detached: true,
    });
  }

  async #withFreePorts(command: string): Promise<string> {
    for (const [port] of command.matchAll(/\b87\d\d\b/g)) {
      if (!this.#ports.has(port)) this.#ports.set(port, await freePort());
    }
    return command.replace(/\b87\d\d\b/g, (port) => String(this.#ports.get(port)));
  }

  #withPagePorts(output: string): string {
    let shown = output;
    for (const [port, free] of this.#ports) shown = shown.replaceAll(String(free), port);
    return shown;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "close");
  process.kill(-child.pid, "SIGKILL");
  await gone;
}

async function read(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const part of stream ?? []) text += part;
  return text;
}
