import { createHash } from "node:crypto";
import { SendMessageCommand, type SendMessageCommandInput, type SQSClient } from "@aws-sdk/client-sqs";
import { actorKey } from "../../core/actor-id.ts";
import { encodeEnvelope } from "../../core/envelope.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId, Envelope, Mailbox } from "../../ports/mailbox.ts";

/** The longest delay that SQS takes for one message, in seconds. */
const MAX_DELAY_SECONDS = 900;

export interface SqsMailboxOptions {
  readonly client: SQSClient;
  /** The FIFO queue in which each instance is one message group. */
  readonly mailboxUrl: string;
  /** The standard queue in which envelopes lie until they are due. */
  readonly delayUrl: string;
  readonly clock: Clock;
  /** How long before it is due an envelope may go into the mailbox, in ms. */
  readonly earlyMs?: number;
}

/**
 * Mailboxes as message groups of one FIFO queue, and a delay queue before them, as a FIFO queue delays all of its
 * messages alike or none. What is due later than a message can be delayed is put back by the forwarder for the rest.
 */
export function createSqsMailbox(options: SqsMailboxOptions): Mailbox {
  const { client, mailboxUrl, delayUrl, clock, earlyMs = 0 } = options;
  return {
    async send(envelope) {
      const ahead = (envelope.due ?? 0) - clock.now();
      const message =
        ahead > earlyMs ? delayedMessage(delayUrl, envelope, ahead) : mailboxMessage(mailboxUrl, envelope);
      await client.send(new SendMessageCommand(message));
    },
  };
}

/** The message that carries an envelope to its instance. */
function mailboxMessage(queueUrl: string, envelope: Envelope): SendMessageCommandInput {
  return {
    QueueUrl: queueUrl,
    MessageBody: encodeEnvelope(envelope),
    MessageGroupId: groupId(envelope.to),
    // Protects this one attempt against network retries and a second forwarding. A second attempt at the same call must
    // arrive: whoever runs it looks for the outcome of the first.
    MessageDeduplicationId: envelope.attempt ?? envelope.id,
  };
}

/** The message that keeps an envelope for the next `ahead` ms, or for as many of them as SQS takes. */
function delayedMessage(queueUrl: string, envelope: Envelope, ahead: number): SendMessageCommandInput {
  return {
    QueueUrl: queueUrl,
    MessageBody: encodeEnvelope(envelope),
    // Whole seconds only: rather a little late than early.
    DelaySeconds: Math.min(Math.ceil(ahead / 1000), MAX_DELAY_SECONDS),
  };
}

/** Names are free text, group ids are 128 characters of ASCII: a hash of the actor. */
function groupId(id: ActorId): string {
  return createHash("sha256").update(actorKey(id)).digest("base64url");
}
