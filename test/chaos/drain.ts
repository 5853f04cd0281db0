import { setTimeout as delay } from "node:timers/promises";
import type { ActorStub } from "../../runtime/client.ts";
import { pollUntil } from "../endpoints/processes.ts";
import type { Ledger } from "../projects/ledger/src/index.ts";
import type { Record, State } from "./history.ts";

const LOOK_MS = 500;
/** How many ledgers are read at a time. */
const READERS = 8;

export interface DrainOptions {
  readonly ledger: (name: string) => ActorStub<Ledger>;
  readonly ledgers: readonly string[];
  /** Whether a message or a wake lies anywhere that is still to reach its ledger. */
  readonly onItsWay: () => Promise<boolean>;
  /** How long what is on its way may take, in ms: what is lost is on no way, and is not waited for. */
  readonly patienceMs: number;
  readonly record: Record;
}

/**
 * Waits until nothing is on its way any more, and only then asks the ledgers what they hold, and records it: a call would notice an alarm
 * whose wake is lost, and make good for it.
 */
export async function drain({ ledger, ledgers, onItsWay, patienceMs, record }: DrainOptions): Promise<void> {
  let quiet = 0;
  // What goes from one place to another could be missed once.
  const arrived = async () => {
    quiet = (await onItsWay()) ? 0 : quiet + 1;
    return quiet > 1;
  };
  await pollUntil(arrived, { deadlineMs: patienceMs, everyMs: LOOK_MS });
  for (const state of await readAll(ledgers, ledger)) record(state);
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
