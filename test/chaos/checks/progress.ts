import type { Begin, End, Fault, Recorded } from "../history.ts";
import type { Run, Violation } from "../run.ts";

/** For how long a worker that dies or stops may hold a ledger, in ms. */
export interface Leases {
  readonly leaseMs: number;
  /** The same where it had no time to take a lease of its own. */
  readonly queueMs: number;
}

/** How long a ledger that a fault has held took to answer again. */
export interface Recovery {
  readonly fault: "kill" | "stop";
  readonly ledger: string;
  readonly leased: boolean;
  readonly ms: number;
}

/** What a ledger is held by: until it has answered a call that began later. */
interface Held {
  readonly is: Fault["is"];
  readonly leased: boolean;
  readonly at: number;
  readonly moment: number;
  /** Whether the ledger itself is held, not only one that it waits for. */
  readonly itself: boolean;
}

interface Watched {
  /** Calls under way and the ledgers that they reach. */
  readonly open: Map<string, readonly string[]>;
  /** Since when it owes an answer, and how much longer than usual it may take. */
  since: number;
  mayMs: number;
  held: Held | undefined;
}

interface Asked {
  readonly ledger: string;
  readonly moment: number;
}

/**
 * Whether every ledger that was asked for something answered within its worker's lease and `slackMs`, counted from the last fault that
 * it met; and how long it took after each fault to answer a call that began after it.
 */
export function checkProgress(
  { events }: Pick<Run, "events">,
  options: Leases & { readonly slackMs: number },
): { readonly violations: readonly Violation[]; readonly recoveries: readonly Recovery[] } {
  const watch = new ProgressWatch(options, leasedBatches(events));
  events.forEach((event, moment) => {
    if (event.is === "begin") watch.begun(event, moment);
    else if (event.is === "kill" || event.is === "stop") watch.met(event, moment);
    else if (event.is === "end") watch.ended(event);
  });
  watch.over();
  return watch;
}

class ProgressWatch {
  readonly violations: Violation[] = [];
  readonly recoveries: Recovery[] = [];
  readonly #options: Leases & { readonly slackMs: number };
  /** When each batch got its lease. */
  readonly #leased: ReadonlyMap<string, number>;
  readonly #ledgers = new Map<string, Watched>();
  readonly #asked = new Map<string, Asked>();

  constructor(options: Leases & { readonly slackMs: number }, leased: ReadonlyMap<string, number>) {
    this.#options = options;
    this.#leased = leased;
  }

  begun({ at, op, attempt, kind, to, others }: Begin & Recorded, moment: number): void {
    const ledger = this.#ledger(to);
    if (ledger.open.size === 0 && !ledger.held) {
      ledger.since = at;
      ledger.mayMs = 0;
    }
    // What it waits for may be held already.
    for (const other of others) ledger.mayMs = Math.max(ledger.mayMs, this.#ledgers.get(other)?.mayMs ?? 0);
    this.#asked.set(`${op} ${attempt}`, { ledger: to, moment });
    // What was only sent gives no answer.
    if (kind !== "post") ledger.open.set(`${op} ${attempt}`, others);
  }

  met({ is, at, holds }: Fault & Recorded, moment: number): void {
    const { leaseMs, queueMs } = this.#options;
    for (const { ledger: name, batch } of holds) {
      const leased = (this.#leased.get(batch) ?? Number.POSITIVE_INFINITY) < moment;
      const mayMs = leased ? leaseMs : queueMs;
      for (const [other, ledger] of this.#ledgers) {
        const waits = [...ledger.open.values()].some((reached) => reached.includes(name));
        if (!waits || other === name) continue;
        ledger.mayMs = Math.max(mayMs, ledger.mayMs + ledger.since - at);
        ledger.since = at;
        ledger.held ??= { is, leased, at, moment, itself: false };
      }
      const ledger = this.#ledger(name);
      ledger.since = at;
      ledger.mayMs = mayMs;
      ledger.held = { is, leased, at, moment, itself: true };
    }
  }

  ended({ at, op, attempt, told, error }: End & Recorded): void {
    const asked = this.#asked.get(`${op} ${attempt}`);
    if (!asked) return;
    this.#asked.delete(`${op} ${attempt}`);
    const ledger = this.#ledger(asked.ledger);
    // Whoever asks again may be answered without the ledger; and some answers are no ledger's.
    const answers = attempt === 1 && told !== "unknown" && error !== "ActorConnectionError";
    if (!ledger.open.delete(`${op} ${attempt}`) || !answers) return;
    const { held, since, mayMs } = ledger;
    if (at - since > mayMs + this.#options.slackMs) {
      const what = `${asked.ledger} answered ${op} after ${at - since} ms; at most ${mayMs + this.#options.slackMs} were expected`;
      this.violations.push({ rule: "nothing is stuck", what });
    }
    // What was committed before the fault may still be answered after it.
    if (held && asked.moment < held.moment) return;
    if (held?.itself) {
      this.recoveries.push({ fault: held.is, ledger: asked.ledger, leased: held.leased, ms: at - held.at });
    }
    ledger.held = undefined;
    ledger.since = at;
    ledger.mayMs = this.#mayWait(ledger);
  }

  over(): void {
    for (const [key, { ledger }] of this.#asked) {
      this.violations.push({ rule: "nothing is stuck", what: `${key} of ${ledger} never ended` });
    }
  }

  /** How much longer it may take for those that it waits for. */
  #mayWait({ open }: Watched): number {
    const reached = [...open.values()].flat();
    return Math.max(0, ...reached.map((name) => this.#ledgers.get(name)?.mayMs ?? 0));
  }

  #ledger(name: string): Watched {
    const known = this.#ledgers.get(name) ?? { open: new Map(), since: 0, mayMs: 0, held: undefined };
    this.#ledgers.set(name, known);
    return known;
  }
}

function leasedBatches(events: readonly Recorded[]): ReadonlyMap<string, number> {
  const leased = new Map<string, number>();
  events.forEach((event, moment) => {
    if (event.is === "leased") leased.set(event.batch, moment);
  });
  return leased;
}
