import { createHash } from "node:crypto";
import type { SendMessageCommandInput, SQSClient } from "@aws-sdk/client-sqs";
import { actorKey } from "../../core/actor-id.ts";
import { encodeEnvelope } from "../../core/envelope.ts";
import { messageId } from "../../core/envelope-id.ts";
import { mayBePacked } from "../../core/message.ts";
import { isWake } from "../../core/wake.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId, Envelope, Mailbox } from "../../ports/mailbox.ts";
import { shardOf, shardUrl } from "./mailbox-shards.ts";
import { createSqsSender } from "./sqs-sender.ts";

/** The longest delay that SQS takes for one message, in seconds. */
const MAX_DELAY_SECONDS = 900;

/**
 * How early a wake may come into the mailbox, in ms: its worker waits the last moment. A delay has whole seconds, so that
 * this makes it up to 750 ms late instead of up to a second, before the time that it takes on the way.
 */
const WAKE_EARLY_MS = 250;

export interface SqsMailboxOptions {
  readonly client: SQSClient;
  /** The FIFO queue in which each instance is one message group; the first one when there are several. */
  readonly mailboxUrl: string;
  /** Over how many queues the mailboxes are spread. Every sender of a deployment must say the same. */
  readonly shards?: number;
  /** The standard queue in which envelopes lie until they are due. */
  readonly delayUrl: string;
  readonly clock: Clock;
  /** How long before it is due an envelope may go into the mailbox, in ms. */
  readonly earlyMs?: number;
  /** AWS X-Ray's header of what runs now, for the queue to hand on; absent where X-Ray does not trace. */
  readonly xrayHeader?: (() => string | undefined) | undefined;
}

/**
 * Mailboxes as message groups of a FIFO queue, or of several, and a delay queue before them, as a FIFO queue delays all of its
 * messages alike or none. What is due later than a message can be delayed is put back by the forwarder for the rest.
 * Envelopes of one moment share requests; those for one instance arrive in the order of their sending, and calls among them may
 * share a message.
 */
export function createSqsMailbox(options: SqsMailboxOptions): Mailbox {
  const { client, mailboxUrl, shards = 1, delayUrl, clock, earlyMs = 0, xrayHeader } = options;
  const send = createSqsSender({ client, clock });
  return {
    async send(envelope, { repeatable = false } = {}) {
      const ahead = (envelope.due ?? 0) - clock.now();
      const wakeMs = isWake(envelope) ? WAKE_EARLY_MS : 0;
      if (ahead > Math.max(earlyMs, wakeMs)) {
        await send(withXrayHeader(delayedMessage(delayUrl, envelope, ahead - wakeMs), xrayHeader?.()));
        return;
      }
      const message = mailboxMessage(shardUrl(mailboxUrl, shardOf(envelope.to, shards)), envelope);
      // Of what lies in a pack SQS knows no ids: what may come as a second message must be one by itself.
      const packable = !repeatable && mayBePacked(envelope) ? envelope.to : undefined;
      await send(withXrayHeader(message, xrayHeader?.()), packable);
    },
  };
}

/** The message that carries an envelope to its instance. */
export function mailboxMessage(queueUrl: string, envelope: Envelope): SendMessageCommandInput {
  return {
    QueueUrl: queueUrl,
    MessageBody: encodeEnvelope(envelope),
    MessageGroupId: groupId(envelope.to),
    // Protects this one attempt against network retries and a second forwarding. A second attempt at the same call must
    // arrive: whoever runs it looks for the outcome of the first.
    MessageDeduplicationId: messageId(envelope),
  };
}

function withXrayHeader(
  message: SendMessageCommandInput,
  header: string | undefined,
): SendMessageCommandInput {
  if (header === undefined) return message;
  const AWSTraceHeader = { DataType: "String", StringValue: header };
  return { ...message, MessageSystemAttributes: { AWSTraceHeader } };
}

/** The message that keeps an envelope for the next `ahead` ms, or for as many of them as SQS takes. */
function delayedMessage(queueUrl: string, envelope: Envelope, ahead: number): SendMessageCommandInput {
  return {
    QueueUrl: queueUrl,
    MessageBody: encodeEnvelope(envelope),
    // Whole seconds only: rather a little longer than too short.
    DelaySeconds: Math.min(Math.ceil(ahead / 1000), MAX_DELAY_SECONDS),
  };
}

/** Names are free text, group ids are 128 characters of ASCII: a hash of the actor. */
function groupId(id: ActorId): string {
  return createHash("sha256").update(actorKey(id)).digest("base64url");
}
