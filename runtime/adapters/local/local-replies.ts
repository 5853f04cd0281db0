import { isKept } from "../../core/envelope-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Replies } from "../../ports/replies.ts";

/** How long an outcome that nobody asked for yet is kept in memory, in ms. */
const UNCLAIMED_MS = 60_000;
/** How long the outcome of a kept call stands if nothing else is said, in ms. */
export const REPLY_RETENTION_MS = 24 * 60 * 60 * 1000;

/** Outcomes of kept calls. They stand until they expire; an expired one counts as absent. */
export interface Ledger {
  /** Files an outcome. Resolves, once that is durable, to the one that stands: the first. */
  write(id: string, outcome: string): Promise<string>;
  read(id: string): string | undefined;
  /** As `read`, without fetching an outcome that may be large. */
  has(id: string): boolean;
}

export interface LocalReplies extends Replies {
  /** The outcome of this call may be asked for again: the ledger is to have it, like that of a kept call. */
  remember(id: string): void;
}

/** Replies within one process: the waiting side is called back at once, for a kept call once the ledger has its outcome. */
export function createLocalReplies(clock: Clock, ledger: Ledger = createMemoryLedger(clock)): LocalReplies {
  /** Whoever waits, under each of the ids waited for. */
  const waiting = new Map<string, Set<(outcome: string) => void>>();
  const unclaimed = new ExpiringTexts(clock, UNCLAIMED_MS);
  const remembered = new ExpiringTexts(clock, REPLY_RETENTION_MS);
  const isInLedger = (id: string): boolean => isKept(id) || remembered.get(id) !== undefined;
  const remember = (id: string): void => {
    if (!isKept(id)) remembered.add(id, "");
  };

  /** @returns whether anybody waited */
  const answer = (id: string, outcome: string): boolean => {
    const waiters = waiting.get(id);
    for (const tell of [...(waiters ?? [])]) tell(outcome);
    return waiters !== undefined;
  };

  /** What is on file, for one who takes it away. */
  const claim = (id: string): string | undefined => {
    if (isInLedger(id)) return ledger.read(id);
    const outcome = unclaimed.get(id);
    unclaimed.delete(id);
    return outcome;
  };

  return {
    remember,
    async write(id, outcome) {
      if (isInLedger(id)) answer(id, await ledger.write(id, outcome));
      else if (!answer(id, outcome)) unclaimed.add(id, outcome);
    },
    async stash(_, outcome) {
      return outcome;
    },
    async filed(ids) {
      // What an earlier process remembered is in the ledger, and not known to this one.
      return new Set(ids.filter((id) => ledger.has(id) || unclaimed.get(id) !== undefined));
    },
    async wait(ids, deadline) {
      const [id = ""] = ids;
      // A call with an attempt may be asked for again, and has its outcome in the ledger from then on.
      if (ids.length > 1 && unclaimed.get(id) === undefined) remember(id);
      for (const id of ids) {
        const outcome = claim(id);
        if (outcome !== undefined) return outcome;
      }
      return new Promise((resolve) => {
        const end = (outcome: string | undefined) => {
          cancel();
          for (const id of ids) {
            const waiters = waiting.get(id);
            waiters?.delete(end);
            if (waiters?.size === 0) waiting.delete(id);
          }
          resolve(outcome);
        };
        const cancel = clock.after(Math.max(0, deadline - clock.now()), () => {
          // Whoever gave up waiting knows the id, and may ask again.
          for (const id of ids) remember(id);
          end(undefined);
        });
        for (const id of ids) waiting.set(id, (waiting.get(id) ?? new Set()).add(end));
      });
    },
  };
}

/**
 * A Ledger whose outcomes end with the process.
 *
 * @param options.retentionMs how long an outcome stands
 */
export function createMemoryLedger(clock: Clock, { retentionMs = REPLY_RETENTION_MS } = {}): Ledger {
  const outcomes = new ExpiringTexts(clock, retentionMs);
  return {
    write: async (id, outcome) => outcomes.add(id, outcome),
    read: (id) => outcomes.get(id),
    has: (id) => outcomes.get(id) !== undefined,
  };
}

/** Texts that are forgotten after a while. */
class ExpiringTexts {
  /** In order of time: what has expired is at the front. */
  readonly #texts = new Map<string, { readonly text: string; readonly expires: number }>();
  readonly #clock: Clock;
  readonly #ms: number;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  get(id: string): string | undefined {
    this.#forget();
    return this.#texts.get(id)?.text;
  }

  /** @returns the text that stands: the first */
  add(id: string, text: string): string {
    const first = this.get(id);
    if (first !== undefined) return first;
    this.#texts.set(id, { text, expires: this.#clock.now() + this.#ms });
    return text;
  }

  delete(id: string): void {
    this.#texts.delete(id);
  }

  #forget(): void {
    for (const [id, { expires }] of this.#texts) {
      if (expires > this.#clock.now()) break;
      this.#texts.delete(id);
    }
  }
}
