import { setImmediate as immediate } from "node:timers/promises";
import {
  createMemoryDeadLetters,
  type MemoryDeadLetters,
} from "../../../runtime/adapters/local/memory-dead-letters.ts";
import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { Activations } from "../../../runtime/core/activation.ts";
import type { BatchDeps } from "../../../runtime/core/batch.ts";
import { encode } from "../../../runtime/core/codec.ts";
import type { ActorClass } from "../../../runtime/core/method.ts";
import { decodeOutcome, type Outcome } from "../../../runtime/core/outcome.ts";
import type { Wake } from "../../../runtime/ports/alarm-clock.ts";
import type { Clock } from "../../../runtime/ports/clock.ts";
import type { ActorId, Delivery, Envelope } from "../../../runtime/ports/mailbox.ts";
import type { Replies } from "../../../runtime/ports/replies.ts";

/** Time that moves only when told. */
export class StepClock implements Clock {
  #now = 1_000_000;
  #timers: { at: number; fire: () => void }[] = [];
  #idling = 0;

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.length;
  }

  // The event loop's own idea of it: every microtask has run, however long the chain.
  async idle(): Promise<void> {
    this.#idling++;
    await immediate();
    this.#idling--;
  }

  quiet(): Promise<void> {
    return new Promise((resolve) => process.nextTick(resolve));
  }

  /** Moves time, firing what is due on the way, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      // Whoever waits for idleness goes on before time does.
      do await immediate();
      while (this.#idling > 0);
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = end;
    await this.idle();
  }
}

/** Replies that remember everything that was filed. */
export class RecordedReplies implements Replies {
  readonly texts = new Map<string, string>();
  readonly writes: string[] = [];
  /** Outcomes that can't be read any more. */
  readonly gone = new Set<string>();
  reads = 0;
  failures = 0;

  async write(id: string, outcome: string): Promise<void> {
    if (this.failures > 0) {
      this.failures--;
      throw new Error("the reply table is out of reach");
    }
    this.writes.push(id);
    if (!this.texts.has(id)) this.texts.set(id, outcome);
  }

  async stash(_: string, outcome: string): Promise<string> {
    return outcome;
  }

  stands(outcome: string): boolean {
    return !this.gone.has(outcome);
  }

  async filed(ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.reads++;
    return new Set(ids.filter((id) => this.texts.has(id)));
  }

  async wait(ids: readonly string[]): Promise<string | undefined> {
    return ids.map((id) => this.texts.get(id)).find((text) => text !== undefined);
  }

  outcome(id: string): Outcome | undefined {
    const text = this.texts.get(id);
    return text === undefined ? undefined : decodeOutcome(text).outcome;
  }
}

export interface TestDeps extends BatchDeps {
  readonly clock: StepClock;
  readonly replies: RecordedReplies;
  readonly deadLetters: MemoryDeadLetters;
  readonly problems: string[];
  /** What was counted, with the type of its actor. */
  readonly counted: string[];
  /** Wakes that were armed, in order. */
  readonly armed: { readonly to: ActorId; readonly wake: Wake }[];
  /** One-way messages that have left, in order. */
  readonly posted: Envelope[];
}

/** A whole batch side in memory, on virtual time. */
export function testDeps(actors: Record<string, ActorClass>, env: unknown = {}): TestDeps {
  const problems: string[] = [];
  const counted: string[] = [];
  const posted: Envelope[] = [];
  const armed: { to: ActorId; wake: Wake }[] = [];
  return {
    actors: new Map(Object.entries(actors)),
    env,
    store: createMemoryStore(),
    replies: new RecordedReplies(),
    clock: new StepClock(),
    telemetry: {
      problem: (what, { reason }) => void problems.push(`${what}: ${reason}`),
      count: (metric, { type }) => void counted.push(`${metric} ${type}`),
    },
    methodBudgetMs: 30_000,
    alarmBudgetMs: 300_000,
    alarmClock: { arm: async (to, wake) => void armed.push({ to, wake }) },
    armed,
    counted,
    exposeStacks: false,
    deadLetters: createMemoryDeadLetters(),
    mailbox: { send: async (envelope) => void posted.push(envelope) },
    posted,
    activations: new Activations(10),
    problems,
  };
}

/** Times that never cut a batch short. */
export const UNLIMITED = { stopBy: Number.POSITIVE_INFINITY, commitBy: Number.POSITIVE_INFINITY };

/** Of every call that tests make without a caller. */
export const FINGERPRINT = "0123456789ab";

let sequence = 1000;

/** A delivery as a FIFO queue would hand it over the first time. */
export function delivery(to: ActorId, method: string, ...args: unknown[]): Delivery {
  sequence++;
  return {
    envelope: {
      id: `envelope-${sequence}`,
      attempt: undefined,
      to,
      call: { kind: "method", method, args: encode(args, "arguments") },
      fingerprint: FINGERPRINT,
      awaited: true,
      due: undefined,
      deadline: Number.MAX_SAFE_INTEGER,
      chain: [],
    },
    mark: { queue: "queue-1", sequence: String(sequence) },
    suspect: false,
    receives: 1,
  };
}

/** The same call, asked for again: a message of its own. */
export function askedAgain({ envelope }: Delivery): Delivery {
  sequence++;
  return {
    envelope: { ...envelope, attempt: `attempt-${sequence}` },
    mark: { queue: "queue-1", sequence: String(sequence) },
    suspect: false,
    receives: 1,
  };
}

/** The same delivery, received again. */
export function redelivered(original: Delivery): Delivery {
  return { ...original, suspect: true, receives: original.receives + 1 };
}
