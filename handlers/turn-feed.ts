import { isWake } from "../runtime/core/wake.ts";
import type { Envelope } from "../runtime/ports/mailbox.ts";
import type { TurnEnd, TurnObserver } from "../runtime/ports/turn-observer.ts";

/** How many turns are remembered. */
const REMEMBERED = 1_000;

/** One turn, as a developer looks at it. */
export interface TurnRecord {
  /** Counts up by one. */
  readonly number: number;
  /** When it began, in ms since the epoch, with fractions. */
  readonly at: number;
  /** How long user code took, in ms, with fractions. */
  readonly ms: number;
  readonly type: string;
  readonly name: string;
  readonly method: string;
  /** The instance that waits for it, or what else has brought it. */
  readonly caller: string;
  /** `undefined` when it succeeded. */
  readonly error: TurnEnd["error"];
  /** False when it was refused before user code ran. */
  readonly ran: boolean;
  /** The version of the instance's head with what it changed. */
  readonly version: number;
}

export interface TurnFeed {
  readonly observer: TurnObserver;
  /** The last turns that are durable, the oldest first. */
  recent(): readonly TurnRecord[];
  /** @returns ends it */
  subscribe(listener: (turn: TurnRecord) => void): () => void;
}

/** @param now a clock with fractions of a ms, which never goes back; since the epoch */
export function createTurnFeed(now: () => number): TurnFeed {
  const listeners = new Set<(turn: TurnRecord) => void>();
  let turns: TurnRecord[] = [];
  let number = 0;

  const add = (turn: TurnRecord) => {
    turns.push(turn);
    if (turns.length > 2 * REMEMBERED) turns = turns.slice(-REMEMBERED);
    for (const listener of listeners) listener(turn);
  };

  return {
    observer: {
      began(envelope) {
        const at = now();
        let ms = 0;
        let end: TurnEnd = { error: undefined, ran: false };
        return {
          ended({ error, ran }) {
            ms = now() - at;
            end = { error: error && { name: error.name, message: error.message }, ran };
          },
          durable(version) {
            const { to, call } = envelope;
            add({
              number: ++number,
              at,
              ms,
              type: to.type,
              name: to.name,
              method: call.method,
              caller: callerOf(envelope),
              error: end.error,
              ran: end.ran,
              version,
            });
          },
        };
      },
    },
    recent: () => turns.slice(-REMEMBERED),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function callerOf(envelope: Envelope): string {
  if (isWake(envelope)) return "alarm";
  if (!envelope.awaited) return "message";
  return envelope.chain.at(-1) ?? "outside";
}
