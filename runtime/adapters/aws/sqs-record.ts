import { createHash } from "node:crypto";
import type { SQSRecord } from "aws-lambda";
import { decodeEnvelope } from "../../core/envelope.ts";
import type { Delivery, Mark } from "../../ports/mailbox.ts";

/** A delivery as the event source hands it over. */
export interface SqsDelivery extends Delivery {
  readonly messageId: string;
  readonly receipt: string;
  /** How often it was received, this time included. */
  readonly receives: number;
}

/**
 * The delivery in a record. The actor comes from the envelope: emulators drop attributes, and a forged group id
 * must not move a call to another instance.
 *
 * @param leaseMs the queue's visibility timeout: what was sent longer ago may have been delivered before
 * @throws EnvelopeError
 */
export function deliveryOf(
  record: SQSRecord,
  { now, leaseMs }: { now: number; leaseMs: number },
): SqsDelivery {
  const { attributes } = record;
  // Unknown counts as suspect: the check costs one read, a missed one an effect applied twice.
  const receives = Number(attributes.ApproximateReceiveCount) || 2;
  const sent = Number(attributes.SentTimestamp);
  return {
    envelope: decodeEnvelope(record.body),
    mark: markOf(record),
    suspect: !(receives <= 1 && now - sent < leaseMs),
    messageId: record.messageId,
    receipt: record.receiptHandle,
    receives,
  };
}

function markOf({ attributes, eventSourceARN }: SQSRecord): Mark | undefined {
  const sequence = attributes.SequenceNumber;
  if (sequence === undefined || !/^[1-9]\d*$/.test(sequence)) return undefined;
  return { queue: queueIdentity(eventSourceARN), sequence };
}

/** Short, as it lies in every head. */
function queueIdentity(arn: string): string {
  return createHash("sha256").update(arn).digest("base64url").slice(0, 8);
}
