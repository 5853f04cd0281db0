import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { DeadLetters } from "../../ports/dead-letters.ts";
import { mailboxMessage } from "./sqs-mailbox.ts";

/** The message attribute that says why an envelope was given up. What SQS itself moves has none. */
export const REASON_ATTRIBUTE = "reason";

/** Dead letters in the FIFO dead-letter queue of the mailboxes, beside those that SQS moves there. */
export function createSqsDeadLetters(client: SQSClient, queueUrl: string): DeadLetters {
  return {
    async add(envelope, reason) {
      const MessageAttributes = { [REASON_ATTRIBUTE]: { DataType: "String", StringValue: reason } };
      await client.send(new SendMessageCommand({ ...mailboxMessage(queueUrl, envelope), MessageAttributes }));
    },
  };
}
