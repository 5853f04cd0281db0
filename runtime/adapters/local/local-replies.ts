import { isKept } from "../../core/envelope-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Replies } from "../../ports/replies.ts";

/** How many ids are remembered: far more than calls can be under way. Whoever asks for an older one is looked up in the ledger. */
const REMEMBERED = 100_000;
/** How long the outcome of a kept call stands if nothing else is said, in ms. */
export const REPLY_RETENTION_MS = 24 * 60 * 60 * 1000;

/** Outcomes that may be asked for later. They stand until they expire; an expired one counts as absent. */
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

/**
 * Replies within one process: the waiting side is called back at once. The ledger has what may be asked for again, before anybody
 * hears of it, and what comes when nobody waits: the caller may have given up, or have been one of an earlier process.
 */
export function createLocalReplies(clock: Clock, ledger: Ledger = createMemoryLedger(clock)): LocalReplies {
  /** Whoever waits, under each of the ids waited for. Each takes itself out: a list is never changed, but replaced. */
  const waiting = new Map<string, readonly ((outcome: string) => void)[]>();
  /** Calls without a kept id whose outcome is for the ledger; what an earlier process has remembered is only there. */
  const remembered = new ExpiringTexts(clock, { ms: REPLY_RETENTION_MS, entries: REMEMBERED });
  const isInLedger = (id: string): boolean => isKept(id) || remembered.get(id) !== undefined;
  const remember = (id: string): void => {
    if (!isKept(id)) remembered.add(id, "");
  };

  /** @returns whether anybody waited */
  const answer = (id: string, outcome: string): boolean => {
    const waiters = waiting.get(id);
    if (!waiters) return false;
    for (const tell of waiters) tell(outcome);
    return true;
  };

  return {
    remember,
    write(id, outcome) {
      if (!isInLedger(id) && answer(id, outcome)) return;
      remember(id);
      return ledger.write(id, outcome).then((standing) => void answer(id, standing));
    },
    async stash(_, outcome) {
      return outcome;
    },
    stands: () => true,
    async filed(ids) {
      return new Set(ids.filter((id) => ledger.has(id)));
    },
    wait(ids, deadline, signal) {
      // Asked for again: by an id of its own besides the call's.
      if (ids.length > 1) for (const id of ids) remember(id);
      return new Promise((resolve) => {
        for (const id of ids) {
          const outcome = isInLedger(id) ? ledger.read(id) : undefined;
          if (outcome !== undefined) return resolve(outcome);
        }
        const end = (outcome: string | undefined) => {
          cancel();
          signal?.removeEventListener("abort", give);
          for (const id of ids) {
            const others = waiting.get(id)?.filter((each) => each !== end) ?? [];
            if (others.length > 0) waiting.set(id, others);
            else waiting.delete(id);
          }
          resolve(outcome);
        };
        const cancel = clock.after(Math.max(0, deadline - clock.now()), () => {
          // Whoever gave up waiting knows the id, and may ask again.
          for (const id of ids) remember(id);
          end(undefined);
        });
        const give = () => end(undefined);
        for (const id of ids) waiting.set(id, [...(waiting.get(id) ?? []), end]);
        signal?.addEventListener("abort", give);
        if (signal?.aborted) give();
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
  const outcomes = new ExpiringTexts(clock, { ms: retentionMs });
  return {
    write: async (id, outcome) => outcomes.add(id, outcome),
    read: (id) => outcomes.get(id),
    has: (id) => outcomes.get(id) !== undefined,
  };
}

/** What `ExpiringTexts` keep: for how long, and how many. */
interface Keeping {
  readonly ms: number;
  readonly entries?: number;
}

/** Texts that are forgotten after a while, the oldest sooner when they are too many. */
class ExpiringTexts {
  /** In order of time: what has expired is at the front. */
  readonly #texts = new Map<string, { readonly text: string; readonly expires: number }>();
  readonly #clock: Clock;
  readonly #keeping: Required<Keeping>;

  constructor(clock: Clock, keeping: Keeping) {
    this.#clock = clock;
    this.#keeping = { entries: Number.POSITIVE_INFINITY, ...keeping };
  }

  get(id: string): string | undefined {
    this.#forget();
    return this.#texts.get(id)?.text;
  }

  /** @returns the text that stands: the first */
  add(id: string, text: string): string {
    const first = this.get(id);
    if (first !== undefined) return first;
    this.#texts.set(id, { text, expires: this.#clock.now() + this.#keeping.ms });
    this.#forget();
    return text;
  }

  #forget(): void {
    const { entries } = this.#keeping;
    for (const [id, { expires }] of this.#texts) {
      if (expires > this.#clock.now() && this.#texts.size <= entries) break;
      this.#texts.delete(id);
    }
  }
}
