import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { sqsClient } from "../runtime/adapters/aws/clients.ts";
import { createSqsMailbox } from "../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { decodeEnvelope, EnvelopeError } from "../runtime/core/envelope.ts";
import { messageOf } from "../runtime/core/errors.ts";
import type { Mailbox } from "../runtime/ports/mailbox.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import { required } from "./environment.ts";

/**
 * What a message may still have to wait when it comes out of the delay queue, in ms: clocks differ a little, and
 * another round would make it later than it is early.
 */
const EARLY_MS = 1_000;

/** The forwarder Lambda's handler: messages whose delay is over in, envelopes in mailboxes out. It knows no user code. */
export function createForwarderHandler(): (event: SQSEvent) => Promise<SQSBatchResponse> {
  const mailbox = createSqsMailbox({
    client: sqsClient(),
    mailboxUrl: required("MAILBOX_URL"),
    delayUrl: required("DELAY_URL"),
    clock: systemClock,
    earlyMs: EARLY_MS,
  });
  return (event) => forwardRecords(event.Records, { mailbox, telemetry: consoleTelemetry });
}

export interface ForwardDeps {
  readonly mailbox: Mailbox;
  readonly telemetry: Telemetry;
}

/**
 * Sends what the records carry to its mailbox, each by itself: no order is kept among delayed messages. A record that
 * comes twice is sent twice, and the mailbox drops the second one.
 *
 * @returns the messages that must come again; all others may be deleted
 */
export async function forwardRecords(
  records: readonly SQSRecord[],
  { mailbox, telemetry }: ForwardDeps,
): Promise<SQSBatchResponse> {
  const failures: string[] = [];
  await Promise.all(
    records.map(async (record) => {
      const { messageId } = record;
      try {
        await mailbox.send(decodeEnvelope(record.body));
      } catch (error) {
        const what = error instanceof EnvelopeError ? "message refused" : "message not forwarded";
        telemetry.problem(what, { messageId, reason: messageOf(error) });
        failures.push(messageId);
      }
    }),
  );
  return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) };
}
