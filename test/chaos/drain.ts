import { setTimeout as delay } from "node:timers/promises";
import type { ActorStub } from "../../runtime/client.ts";
import type { Ledger } from "../projects/ledger/src/index.ts";
import { checkAlarms } from "./checks/alarms.ts";
import { checkMessages } from "./checks/messages.ts";
import type { Record, State } from "./history.ts";

const LOOK_MS = 500;
/** How many ledgers are read at a time. */
const READERS = 8;

export interface DrainOptions {
  readonly ledger: (name: string) => ActorStub<Ledger>;
  readonly ledgers: readonly string[];
  /** How long messages and alarms may take to arrive, in ms. */
  readonly patienceMs: number;
  readonly record: Record;
}

/** Waits until all alarms have fired and all messages have arrived, or have had the time to; records what the ledgers hold then. */
export async function drain({ ledger, ledgers, patienceMs, record }: DrainOptions): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const states = await readAll(ledgers, ledger);
    const run = { ledgers: new Map(states.map((state) => [state.ledger, state])) };
    const open = [...checkAlarms(run), ...checkMessages(run)];
    if (open.length === 0 || Date.now() > deadline) {
      for (const state of states) record(state);
      return;
    }
    await delay(LOOK_MS);
  }
}

async function readAll(names: readonly string[], ledger: DrainOptions["ledger"]): Promise<State[]> {
  const left = [...names];
  const states: State[] = [];
  const reader = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      states.push(await readOne(name, ledger(name)));
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return states;
}

async function readOne(name: string, stub: ActorStub<Ledger>): Promise<State> {
  const lines: string[] = [];
  for (;;) {
    const page = await insist(() => stub.lines(lines.length));
    lines.push(...page);
    if (page.length === 0) break;
  }
  return { is: "state", ledger: name, lines, alarm: await insist(() => stub.pending()) };
}

/** How often a read is tried, each time for as long as a call waits. */
const MOST_TRIES = 5;

async function insist<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (tries === MOST_TRIES) throw error;
      await delay(LOOK_MS);
    }
  }
}
