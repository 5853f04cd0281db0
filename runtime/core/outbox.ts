import type { Mailbox } from "../ports/mailbox.ts";
import { actorKey } from "./actor-id.ts";
import { decodeEnvelope } from "./envelope.ts";

/**
 * The messages that an instance's head holds and that may not have left. They leave in the order in which they were sent,
 * for each receiver; receivers do not wait for each other. The same message may leave twice: whoever gets it knows its id.
 */
export class Outbox {
  readonly #mailbox: Mailbox;
  #unsent: { readonly text: string; sent: boolean }[];
  /** The last sending under way, by receiver. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** What kept a message from leaving, by receiver. */
  readonly #failures = new Map<string, unknown>();

  /** @param texts what the head holds; it leaves at once */
  constructor(mailbox: Mailbox, texts: readonly string[]) {
    this.#mailbox = mailbox;
    this.#unsent = [];
    this.post(texts);
  }

  /** Messages that may not have left yet, as envelope texts, in order. */
  get unsent(): readonly string[] {
    this.#unsent = this.#unsent.filter(({ sent }) => !sent);
    return this.#unsent.map(({ text }) => text);
  }

  /**
   * Sends messages whose commit is durable.
   *
   * @throws ActorFormatError one of them is of a newer format; none has left then
   */
  post(texts: readonly string[]): void {
    const messages = texts.map((text) => ({ text, sent: false, envelope: decodeEnvelope(text) }));
    for (const message of messages) {
      const { envelope } = message;
      this.#unsent.push(message);
      const receiver = actorKey(envelope.to);
      const before = this.#leaving.get(receiver) ?? Promise.resolve();
      const leaving = before.then(async () => {
        // Behind a message that could not leave nothing may overtake it.
        if (this.#failures.has(receiver)) return;
        try {
          await this.#mailbox.send(envelope);
          message.sent = true;
        } catch (reason) {
          this.#failures.set(receiver, reason);
        }
      });
      this.#leaving.set(receiver, leaving);
    }
  }

  /**
   * Resolves when every message has left.
   *
   * @throws what kept a message from leaving
   */
  async sent(): Promise<void> {
    await Promise.all(this.#leaving.values());
    for (const reason of this.#failures.values()) throw reason;
  }
}
