import { addressIn } from "../runtime/core/envelope.ts";
import { ActorFormatError, messageOf } from "../runtime/core/errors.ts";
import { decodeMessage } from "../runtime/core/message.ts";
import type { DeadMessage } from "../runtime/ports/dead-letters.ts";
import type { ActorId, Envelope } from "../runtime/ports/mailbox.ts";
import { duration, printable } from "./shown.ts";

/** An envelope among the dead letters, or a message that holds none. */
export interface DeadLetter {
  /** The message that it lies in, with others or by itself. */
  readonly message: DeadMessage;
  /** What the worker refused has none, nor what a newer version has sent. */
  readonly envelope: Envelope | undefined;
  /** The instance that it is for. */
  readonly to: ActorId | undefined;
  /** Whether a worker has given it up, and told its caller. */
  readonly givenUp: boolean;
  readonly reason: string;
}

/** All that lies in a message, in order. */
export function deadLettersIn(message: DeadMessage): DeadLetter[] {
  const { reason } = message;
  try {
    const envelopes = decodeMessage(message.body);
    const among =
      envelopes.length > 1
        ? `it lay in one message with ${envelopes.length - 1} more, which was received too often; it may have been answered`
        : "it was received too often and never finished; it was not answered";
    return envelopes.map((envelope) => ({
      message,
      envelope,
      to: envelope.to,
      givenUp: reason !== undefined,
      reason: reason ?? among,
    }));
  } catch (error) {
    const isNewer = error instanceof ActorFormatError;
    const refusal = isNewer ? messageOf(error) : `it is no envelope: ${messageOf(error)}`;
    const to = isNewer ? addressIn(message.body) : undefined;
    return [{ message, envelope: undefined, to, givenUp: false, reason: refusal }];
  }
}

/** What the operator names it by: the envelope's id, or that of the message. */
export function letterId({ envelope, message }: DeadLetter): string {
  return envelope?.id ?? message.messageId;
}

/** Whether `--id` means this one: by its call, its attempt or its message. */
export function isNamed({ envelope, message }: DeadLetter, id: string): boolean {
  return [envelope?.id, envelope?.attempt, message.messageId].includes(id);
}

/** One line for people. Names are free text, and must not reach a terminal as they are. */
export function letterLine(letter: DeadLetter, now: number): string {
  const { envelope, to, message, reason } = letter;
  const method = envelope?.call.method ?? "?";
  const what = to ? `${to.type}[${JSON.stringify(to.name)}].${method}` : "no envelope";
  return [letterId(letter), duration(Math.max(now - message.sentAt, 0)), what, reason]
    .map(printable)
    .join("  ");
}

/** The same for programs. */
export function letterJson(letter: DeadLetter) {
  const { envelope, to, message, givenUp, reason } = letter;
  return {
    id: letterId(letter),
    messageId: message.messageId,
    type: to?.type ?? null,
    name: to?.name ?? null,
    method: envelope?.call.method ?? null,
    answered: givenUp,
    reason,
    sentAt: new Date(message.sentAt).toISOString(),
  };
}
