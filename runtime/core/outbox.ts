import type { Mailbox } from "../ports/mailbox.ts";
import { actorKey } from "./actor-id.ts";
import { decodeEnvelope } from "./envelope.ts";

const NONE: readonly string[] = [];

/**
 * The messages that an instance's head holds and that may not have left. They leave in the order in which they were sent,
 * for each receiver; receivers do not wait for each other. The same message may leave twice: whoever gets it knows its id.
 */
export class Outbox {
  readonly #mailbox: Mailbox;
  #unsent: { readonly text: string; sent: boolean }[] = [];
  /** By key of the receiver: the last sending under way, and what kept a message from leaving. */
  readonly #receivers = new Map<string, { leaving: Promise<void>; failure?: { readonly reason: unknown } }>();

  /** @param texts what the head holds; it leaves at once */
  constructor(mailbox: Mailbox, texts: readonly string[]) {
    this.#mailbox = mailbox;
    this.post(texts);
  }

  /** Messages that may not have left yet, as envelope texts, in order. */
  get unsent(): readonly string[] {
    if (this.#unsent.length === 0) return NONE;
    this.#unsent = this.#unsent.filter(({ sent }) => !sent);
    return this.#unsent.map(({ text }) => text);
  }

  /**
   * Sends messages whose commit is durable.
   *
   * @throws ActorFormatError one of them is of a newer format; none has left then
   */
  post(texts: readonly string[]): void {
    if (texts.length === 0) return;
    const messages = texts.map((text) => ({ text, sent: false, envelope: decodeEnvelope(text) }));
    for (const message of messages) {
      const { envelope } = message;
      this.#unsent.push(message);
      const key = actorKey(envelope.to);
      const receiver = this.#receivers.get(key) ?? { leaving: Promise.resolve() };
      this.#receivers.set(key, receiver);
      receiver.leaving = receiver.leaving.then(async () => {
        // Behind a message that could not leave nothing may overtake it.
        if (receiver.failure) return;
        try {
          await this.#mailbox.send(envelope);
          message.sent = true;
        } catch (reason) {
          receiver.failure = { reason };
        }
      });
    }
  }

  /**
   * Resolves when every message has left.
   *
   * @throws what kept a message from leaving
   */
  async sent(): Promise<void> {
    const receivers = [...this.#receivers.values()];
    await Promise.all(receivers.map(({ leaving }) => leaving));
    for (const { failure } of receivers) if (failure) throw failure.reason;
  }
}
