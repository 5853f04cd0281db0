import { createHash } from "node:crypto";
import { SendMessageCommand, type SendMessageCommandInput, type SQSClient } from "@aws-sdk/client-sqs";
import { actorKey } from "../../core/actor-id.ts";
import { encodeEnvelope } from "../../core/envelope.ts";
import type { ActorId, Envelope, Mailbox } from "../../ports/mailbox.ts";

/** Mailboxes as message groups of one FIFO queue. */
export function createSqsMailbox(client: SQSClient, queueUrl: string): Mailbox {
  return {
    async send(envelope) {
      await client.send(new SendMessageCommand(message(queueUrl, envelope)));
    },
  };
}

/** The message that carries an envelope. */
function message(queueUrl: string, envelope: Envelope): SendMessageCommandInput {
  return {
    QueueUrl: queueUrl,
    MessageBody: encodeEnvelope(envelope),
    MessageGroupId: groupId(envelope.to),
    // Protects this one send against its own network retries; a caller's second try is another envelope.
    MessageDeduplicationId: envelope.id,
  };
}

/** Names are free text, group ids are 128 characters of ASCII: a hash of the actor. */
function groupId(id: ActorId): string {
  return createHash("sha256").update(actorKey(id)).digest("base64url");
}
