import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { SQSBatchResponse, SQSRecord } from "aws-lambda";
import { decodeMessage } from "../../runtime/core/message.ts";
import type { Random } from "../simulation/random.ts";
import type { Children } from "./children.ts";
import type { Fault, Record } from "./history.ts";
import type { Answer, Batch, WorkerOrder } from "./worker.ts";

/** Batches that a worker serves at a time: as many function instances in one process. */
const BATCHES_EACH = 3;
const LOOK_MS = 10;

interface Serving {
  readonly ledgers: readonly string[];
  /** Without an answer the worker is gone. */
  readonly finish: (answer: SQSBatchResponse | undefined) => void;
}

interface Worker {
  readonly name: string;
  readonly child: ChildProcess;
  readonly serving: Map<string, Serving>;
  state: "starting" | "running" | "stopped" | "killed";
}

export interface PoolOptions {
  readonly children: Children;
  readonly record: Record;
  readonly random: Random;
  readonly size: number;
  readonly order: Omit<WorkerOrder, "name" | "lateClock">;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly output: number;
}

/** Worker processes. One that dies is replaced at once. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #workers = new Map<number, Worker>();
  #started = 0;
  #batches = 0;
  #reserved = 0;
  #closed = false;
  #break: (reason: Error) => void = () => {};
  /** Rejects when a worker ends by itself: that is no fault of this run, and the next one would end, too. */
  readonly broken = new Promise<never>((_, reject) => {
    this.#break = reject;
  });

  constructor(options: PoolOptions) {
    this.#options = options;
    this.broken.catch(() => {});
    for (let slot = 0; slot < options.size; slot++) this.#start(slot);
  }

  /** How many batches can be served at a time. */
  get capacity(): number {
    return this.#options.size * BATCHES_EACH;
  }

  /** Waits for room for a batch and keeps it. @returns gives it back, to whoever has a batch now */
  async room(): Promise<() => void> {
    while (this.#free().length <= this.#reserved) await delay(LOOK_MS);
    this.#reserved++;
    return () => void this.#reserved--;
  }

  /**
   * Gives a batch to a worker that has room.
   *
   * @returns its answer; nothing when it has died
   */
  async serve(from: Batch["from"], records: SQSRecord[]): Promise<SQSBatchResponse | undefined> {
    const { record } = this.#options;
    let [worker] = this.#free();
    while (!worker) {
      await delay(LOOK_MS);
      [worker] = this.#free();
    }
    const batch = `b${++this.#batches}`;
    const ledgers = from === "mailbox" ? ledgersOf(records) : [];
    const again = records.filter(({ attributes }) => Number(attributes.ApproximateReceiveCount) > 1).length;
    record({ is: "handed", batch, worker: worker.name, messages: records.length, again });
    return new Promise((finish) => {
      worker.serving.set(batch, { ledgers, finish });
      worker.child.send({ batch, from, records } satisfies Batch);
    });
  }

  /** Kills one that runs, rather one that has something to do. @returns what it held */
  kill(): Fault["holds"] {
    const worker = this.#pick();
    return worker ? this.#meet(worker, "kill", "SIGKILL") : [];
  }

  /** Stops one that runs, unless too few would be left. It goes on after `ms`. @returns what it held */
  stop(ms: number): Fault["holds"] {
    const stopped = [...this.#workers.values()].filter(({ state }) => state === "stopped");
    const worker = this.#pick();
    if (!worker || stopped.length + 2 > this.#options.size) return [];
    const holds = this.#meet(worker, "stop", "SIGSTOP");
    setTimeout(() => this.#resume(worker), ms).unref();
    return holds;
  }

  /** Lets those that are stopped go on, and waits for all to finish their batches. */
  async settled(): Promise<void> {
    for (const worker of this.#workers.values()) this.#resume(worker);
    while ([...this.#workers.values()].some(({ serving }) => serving.size > 0)) await delay(LOOK_MS);
  }

  /** Kills all of them: what they have not made durable is gone. */
  killAll(): void {
    for (const worker of this.#workers.values()) this.#meet(worker, "kill", "SIGKILL");
  }

  close(): void {
    this.#closed = true;
    for (const { child } of this.#workers.values()) child.kill("SIGKILL");
  }

  #start(slot: number): void {
    const { children, record, order, cwd, env, output } = this.#options;
    const name = `w${slot}.${++this.#started}`;
    // Every second place has the worse clock; and all where a rule is broken that would only show then.
    const lateClock = slot % 2 === 1 || order.variant !== undefined;
    const own: WorkerOrder = { ...order, name, lateClock };
    const args = [join(import.meta.dirname, "worker.ts"), JSON.stringify(own)];
    const child = children.start(args, { cwd, env, output });
    const worker: Worker = { name, child, serving: new Map(), state: "starting" };
    this.#workers.set(slot, worker);
    child.on("message", (message: "ready" | Answer) => {
      if (message === "ready") {
        record({ is: "start", worker: name });
        if (worker.state === "starting") worker.state = "running";
      } else {
        worker.serving.get(message.batch)?.finish(message);
        worker.serving.delete(message.batch);
      }
    });
    child.on("error", () => {});
    child.on("exit", () => {
      for (const { finish } of worker.serving.values()) finish(undefined);
      worker.serving.clear();
      if (worker.state !== "killed" && !this.#closed) {
        this.#break(
          new Error(`the worker ${name} ended by itself; what it said is in workers.log in ${cwd}`),
        );
      } else if (this.#closed) this.#workers.delete(slot);
      else this.#start(slot);
    });
  }

  #meet(worker: Worker, is: Fault["is"], signal: NodeJS.Signals): Fault["holds"] {
    const holds = [...worker.serving].flatMap(([batch, { ledgers }]) =>
      ledgers.map((ledger) => ({ ledger, batch })),
    );
    this.#options.record({ is, worker: worker.name, holds });
    // From now on it is given nothing more: what is given to the dead is hidden for as long as the queue hides it.
    worker.state = is === "kill" ? "killed" : "stopped";
    worker.child.kill(signal);
    return holds;
  }

  #resume(worker: Worker): void {
    if (worker.state !== "stopped" || worker.child.exitCode !== null || worker.child.signalCode) return;
    worker.state = "running";
    this.#options.record({ is: "resume", worker: worker.name });
    worker.child.kill("SIGCONT");
  }

  #pick(): Worker | undefined {
    const running = [...this.#workers.values()].filter(({ state }) => state === "running");
    const busy = running.filter(({ serving }) => serving.size > 0);
    const among = busy.length > 0 ? busy : running;
    return among[this.#options.random.between(0, Math.max(among.length - 1, 0))];
  }

  /** A worker for each batch that can be served now, the least busy ones first. */
  #free(): Worker[] {
    const running = [...this.#workers.values()].filter(({ state }) => state === "running");
    return running
      .flatMap((worker) =>
        Array.from({ length: BATCHES_EACH - worker.serving.size }, (_, n) => ({
          worker,
          busy: worker.serving.size + n,
        })),
      )
      .sort((a, b) => a.busy - b.busy)
      .map(({ worker }) => worker);
  }
}

function ledgersOf(records: readonly SQSRecord[]): string[] {
  return [...new Set(records.map(({ body }) => decodeMessage(body)[0].to.name))];
}
