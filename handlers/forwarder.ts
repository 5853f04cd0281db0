import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { sqsClient } from "../runtime/adapters/aws/clients.ts";
import { createSqsMailbox } from "../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { aboutEnvelope } from "../runtime/core/about.ts";
import { decodeEnvelope, EnvelopeError } from "../runtime/core/envelope.ts";
import { ActorFormatError, messageOf } from "../runtime/core/errors.ts";
import type { Envelope, Mailbox } from "../runtime/ports/mailbox.ts";
import type { ProblemMetric, Telemetry } from "../runtime/ports/telemetry.ts";
import { lambdaTelemetry } from "./aws-telemetry.ts";
import { xrayHeader } from "./aws-tracing.ts";
import { optional, required, shardCount } from "./environment.ts";

/**
 * What a message may still have to wait when it comes out of the delay queue, in ms: clocks differ a little, and
 * another round would make it later than it is early.
 */
const EARLY_MS = 1_000;

/** The forwarder Lambda's handler: messages whose delay is over in, envelopes in mailboxes out. It knows no user code. */
export function createForwarderHandler(): (
  event: SQSEvent,
  context?: Partial<Pick<Context, "awsRequestId">>,
) => Promise<SQSBatchResponse> {
  const telemetry = lambdaTelemetry();
  const mailbox = createSqsMailbox({
    client: sqsClient(),
    mailboxUrl: required("MAILBOX_URL"),
    shards: shardCount(optional("MAILBOX_SHARDS") ?? "1"),
    delayUrl: required("DELAY_URL"),
    clock: systemClock,
    earlyMs: EARLY_MS,
    xrayHeader: xrayHeader(),
  });
  return (event, context) =>
    telemetry.invocation(context?.awsRequestId, () => forwardRecords(event.Records, { mailbox, telemetry }));
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
      let envelope: Envelope | undefined;
      try {
        envelope = decodeEnvelope(record.body);
        await mailbox.send(envelope, { repeatable: true });
      } catch (error) {
        const { metric, what } = failureOf(error);
        const type = envelope?.to.type;
        telemetry.count(metric, type === undefined ? {} : { type });
        telemetry.problem(what, {
          ...(envelope && aboutEnvelope(envelope)),
          messageId,
          receives: Number(record.attributes.ApproximateReceiveCount),
          reason: messageOf(error),
        });
        failures.push(messageId);
      }
    }),
  );
  return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) };
}

function failureOf(error: unknown): { readonly metric: ProblemMetric; readonly what: string } {
  if (error instanceof EnvelopeError) return { metric: "EnvelopesRefused", what: "message refused" };
  // It comes again each minute, for as long as a hundred receives last: long enough for a rollback, or a rollout.
  if (error instanceof ActorFormatError) return { metric: "NewerFormats", what: "newer format" };
  return { metric: "MessagesNotForwarded", what: "message not forwarded" };
}
