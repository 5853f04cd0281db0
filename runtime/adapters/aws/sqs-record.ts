import { createHash } from "node:crypto";
import type { SQSRecord } from "aws-lambda";
import { decodeMessage } from "../../core/message.ts";
import type { Delivery, Mark } from "../../ports/mailbox.ts";

/** A delivery as the event source hands it over: several may lie in one message, which comes and goes as a whole. */
export interface SqsDelivery extends Delivery {
  readonly messageId: string;
  readonly receipt: string;
}

/**
 * The deliveries in a record, in order, all for one instance. The actor comes from the envelopes: emulators drop attributes, and a
 * forged group id must not move a call to another instance.
 *
 * @param leaseMs the shortest time that a worker's messages stay hidden: what was sent longer ago may have been delivered before,
 *   as receives are counted approximately
 * @throws EnvelopeError
 * @throws ActorFormatError
 */
export function deliveriesOf(
  record: SQSRecord,
  { now, leaseMs }: { now: number; leaseMs: number },
): [SqsDelivery, ...SqsDelivery[]] {
  const { attributes, messageId, receiptHandle: receipt } = record;
  // Unknown counts as suspect: the check costs one read, a missed one an effect applied twice.
  const receives = Number(attributes.ApproximateReceiveCount) || 2;
  const sent = Number(attributes.SentTimestamp);
  const suspect = !(receives <= 1 && now - sent < leaseMs);
  const mark = markOf(record);
  const [first, ...others] = decodeMessage(record.body);
  const common = { suspect, messageId, receipt, receives, ...(sent > 0 && { sentAt: sent }) };
  return [
    { envelope: first, mark, ...common },
    ...others.map((envelope, index) => ({
      envelope,
      mark: mark && { ...mark, index: index + 1 },
      ...common,
    })),
  ];
}

function markOf({ attributes, eventSourceARN }: SQSRecord): Mark | undefined {
  // Some emulators pad it with zeros, which a Mark does not have.
  const sequence = /^0*([1-9]\d*)$/.exec(attributes.SequenceNumber ?? "")?.[1];
  return sequence === undefined ? undefined : { queue: queueIdentity(eventSourceARN), sequence };
}

/** Short, as it lies in every head. */
function queueIdentity(arn: string): string {
  return createHash("sha256").update(arn).digest("base64url").slice(0, 8);
}
