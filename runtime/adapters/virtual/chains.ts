import { actorKey } from "../../core/actor-id.ts";
import { isWake } from "../../core/wake.ts";
import type { ActorId, Delivery, Envelope } from "../../ports/mailbox.ts";

/** Turns in a row, each set off by the one before, after which a chain that does not let time move is cut. */
const LONGEST_CHAIN = 5_000;

/**
 * Finds chains of turns that would go on for ever while time stands still: an alarm that is set in the past again and again,
 * messages that answer each other at once.
 */
export class Chains {
  /** How many turns have led to a message that is due at once. */
  readonly #links = new Map<string, number>();
  #cut: Error | undefined;

  /** Notes what set off a message that is due at once. */
  note(envelope: Envelope, { links }: { links: number }): void {
    this.#links.set(keyOf(envelope), links + 1);
  }

  /** Cuts the chains that are too long. @returns the deliveries that may run, and how many turns have led to them */
  enter(id: ActorId, deliveries: readonly Delivery[]): { going: readonly Delivery[]; links: number } {
    let longest = 0;
    const going = deliveries.filter(({ envelope }) => {
      const links = this.#links.get(keyOf(envelope)) ?? 0;
      this.#links.delete(keyOf(envelope));
      if (links >= LONGEST_CHAIN) {
        this.#cut ??= endless(id, envelope);
        return false;
      }
      longest = Math.max(longest, links);
      return true;
    });
    return { going, links: longest };
  }

  /**
   * @throws Error a chain has been cut since the last look
   */
  check(): void {
    const cut = this.#cut;
    this.#cut = undefined;
    if (cut) throw cut;
  }
}

function keyOf(envelope: Envelope): string {
  const { id, attempt, to } = envelope;
  return `${actorKey(to)} ${attempt ?? id}`;
}

function endless({ type, name }: ActorId, envelope: Envelope): Error {
  const what = isWake(envelope) ? "its alarm" : `the message ${envelope.call.method}`;
  return new Error(
    `${type} "${name}" was stopped: ${what} came after ${LONGEST_CHAIN} turns at one moment, each set off by the one before, so that time could not go on; set alarms in the future, for example Date.now() + 1_000, and send messages that answer each other with a delayMs`,
  );
}
