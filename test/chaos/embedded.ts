import { once } from "node:events";
import { mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createSqliteDeadLetterQueue } from "../../runtime/adapters/local/sqlite-dead-letters.ts";
import { createSqliteDirectory } from "../../runtime/adapters/local/sqlite-directory.ts";
import { readStateFile } from "../../runtime/adapters/local/state-file.ts";
import { stateHealth } from "../../runtime/adapters/local/state-health.ts";
import { connect } from "../../runtime/client.ts";
import { decode } from "../../runtime/core/codec.ts";
import { decodeEnvelope } from "../../runtime/core/envelope.ts";
import { pollUntil } from "../endpoints/processes.ts";
import { freePort } from "../endpoints/server-process.ts";
import type { Ledger } from "../projects/ledger/src/index.ts";
import { Random } from "../simulation/random.ts";
import { Children } from "./children.ts";
import { drain } from "./drain.ts";
import { type Buried, openHistory, type Record } from "./history.ts";
import { startLoad } from "./load.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const PROJECT = join(CHECKOUT, "test/projects/ledger");
/** The project's state in the state folder. */
const STATE_FILE = "ledger-svc/state.sqlite";
const START_MS = 300_000;
const CALLERS = 24;
const LEDGERS = 32;
/** How long a server is left alone once it answers, in ms. */
const LONGEST_LIFE_MS = 1_500;
/** How often one is killed while it starts, and how long after its birth at most, in ms. */
const INFANTS = 0.1;
const LONGEST_INFANCY_MS = 900;
/** How long messages and alarms that are on their way in the end may take, in ms. */
const PATIENCE_MS = 300_000;
/** How often a server is killed at least, whatever the time is. */
const LEAST_KILLS = 5;

export interface EmbeddedRunOptions {
  readonly folder: string;
  readonly seed: number;
  readonly kills: number;
  /** Ends the run after so many ms, unless it was killed only a few times by then. */
  readonly forMs?: number;
}

/** Load on the embedded server, as its command starts it, while that is killed and started again. @returns the file of the history */
export async function runEmbedded(options: EmbeddedRunOptions): Promise<string> {
  const { folder, seed, kills, forMs = Number.POSITIVE_INFINITY } = options;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "history.jsonl");
  const { record, close } = openHistory(file);
  const children = new Children();
  const random = new Random(seed);
  const deadline = Date.now() + forMs;
  try {
    const ledgers = Array.from({ length: LEDGERS }, (_, n) => `l${n}`);
    const server = new Server({ folder, children, port: await freePort(), record, ledgers });
    // A server that dies leaves nothing that another one would have to wait for.
    record({ is: "leased", batch: "all" });
    const ledger = (name: string) => server.ledgers.idFromName(name);
    await server.start();
    const load = startLoad({
      ways: { patient: ledger, hasty: ledger },
      record,
      random: random.fork(),
      callers: CALLERS,
      ledgers,
    });
    const goesOn = (killed: number) => killed < LEAST_KILLS || Date.now() < deadline;
    for (let killed = 0; killed < kills && goesOn(killed); killed++) {
      if (killed > 0 && random.chance(INFANTS)) {
        server.launch();
        await delay(random.between(0, LONGEST_INFANCY_MS));
      } else {
        if (killed > 0) await server.start();
        await delay(random.between(50, LONGEST_LIFE_MS));
      }
      await server.kill();
    }
    await server.start();
    await load.stop();
    await server.kill();
    await server.start();
    const onItsWay = async () => isOnItsWay(folder);
    await drain({ ledger, ledgers, onItsWay, patienceMs: PATIENCE_MS, record });
    for (const letter of await deadLetters(folder)) record(letter);
  } finally {
    await children.close();
    close();
  }
  return file;
}

/** Whether the state file holds an alarm, or a message that was not delivered, or not even sent. */
async function isOnItsWay(folder: string): Promise<boolean> {
  const db = readStateFile(join(folder, STATE_FILE));
  try {
    const { messages, unsent } = stateHealth(db, { dueBefore: 0 });
    if (messages.count + unsent > 0) return true;
    const all = { type: "Ledger", prefix: "", after: undefined, limit: LEDGERS };
    const { instances } = await createSqliteDirectory(db).list(all);
    return instances.some(({ alarm }) => alarm !== undefined);
  } finally {
    db.close();
  }
}

/** What was running at four kills in a row was given up, by design. */
async function deadLetters(folder: string): Promise<Buried[]> {
  const db = readStateFile(join(folder, STATE_FILE));
  try {
    // Nothing is removed here.
    const queue = createSqliteDeadLetterQueue(db, { remove: async () => {} });
    return (await queue.receive()).map(({ body }) => {
      const { to, call } = decodeEnvelope(body);
      const args = call.kind === "method" ? (decode(call.args, "arguments") as unknown[]) : [];
      const what = call.method === "hear" ? args.join("#") : String(args[0]);
      return { is: "buried", ledger: to.name, line: `${call.method} ${what}` };
    });
  } finally {
    db.close();
  }
}

interface ServerOptions {
  readonly folder: string;
  readonly children: Children;
  readonly port: number;
  readonly record: Record;
  readonly ledgers: readonly string[];
}

/** The real command, on one port and one state folder as often as it is started. */
class Server {
  readonly #options: ServerOptions;
  readonly #output: number;
  #child: ReturnType<Children["start"]> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#output = openSync(join(options.folder, "server.log"), "a");
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.port}`;
  }

  get ledgers() {
    return connect({ url: this.url }).namespace<Ledger>("Ledger");
  }

  launch(): void {
    const { folder, children, port } = this.#options;
    const args = [join(CHECKOUT, "cli/actors.ts"), "dev", PROJECT, "--port", String(port), "--state", folder];
    const env = { PATH: process.env.PATH };
    this.#child = children.start(args, { cwd: folder, env, output: this.#output });
  }

  async start(): Promise<void> {
    this.launch();
    const answers = async () => (await fetch(this.url).catch(() => undefined)) !== undefined;
    if (!(await pollUntil(answers, { deadlineMs: START_MS, everyMs: 20 }))) {
      throw new Error(`the server did not answer on ${this.url} within ${START_MS} ms`);
    }
    this.#options.record({ is: "start", worker: "server" });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null) throw new Error("the server ended by itself");
    const { record, ledgers } = this.#options;
    record({ is: "kill", worker: "server", holds: ledgers.map((ledger) => ({ ledger, batch: "all" })) });
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}
