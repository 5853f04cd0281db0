import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { messageId as idOfMessage } from "../../core/envelope-id.ts";
import { digest } from "../../core/fingerprint.ts";
import { encodeMessage } from "../../core/message.ts";
import type { DeadLetterQueue } from "../../ports/dead-letters.ts";
import type { Envelope } from "../../ports/mailbox.ts";
import { REASON_ATTRIBUTE } from "./sqs-dead-letters.ts";
import { createSqsLease } from "./sqs-lease.ts";
import { mailboxMessage } from "./sqs-mailbox.ts";

/** How long a message stays hidden from others while it is looked at, in seconds. */
const HIDDEN_SECONDS = 300;

/** A dead-letter queue of SQS: ten messages at a time, hidden for five minutes, in which each of up to 200 envelopes can be sent on. */
export function createDeadLetterQueue(client: SQSClient, queueUrl: string): DeadLetterQueue {
  const QueueUrl = queueUrl;
  const lease = createSqsLease(client, queueUrl);
  return {
    async receive() {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          // Without a wait SQS looks at some of its servers only, and may find nothing there.
          WaitTimeSeconds: 1,
          VisibilityTimeout: HIDDEN_SECONDS,
          MessageSystemAttributeNames: ["SentTimestamp"],
          MessageAttributeNames: [REASON_ATTRIBUTE],
        }),
      );
      return Messages.map(
        ({ MessageId = "", ReceiptHandle = "", Body = "", Attributes, MessageAttributes }) => ({
          messageId: MessageId,
          receipt: ReceiptHandle,
          body: Body,
          sentAt: Number(Attributes?.SentTimestamp),
          reason: MessageAttributes?.[REASON_ATTRIBUTE]?.StringValue,
        }),
      );
    },
    async release(messages) {
      for (let from = 0; from < messages.length; from += 10) {
        await lease.returnAfter(
          messages.slice(from, from + 10).map(({ receipt }) => receipt),
          0,
        );
      }
    },
    async remove({ messageId, receipt }, rest = []) {
      // First what stays: in between there is too much, never too little.
      const [first] = rest;
      if (first)
        await client.send(
          new SendMessageCommand(restMessage(queueUrl, [first, ...rest.slice(1)], messageId)),
        );
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receipt }));
    },
    async count() {
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        }),
      );
      return Object.values(Attributes ?? {}).reduce((sum, count) => sum + Number(count), 0);
    },
  };
}

/** What is left of a message of several envelopes. */
function restMessage(
  queueUrl: string,
  rest: readonly [Envelope, ...Envelope[]],
  messageId: string,
): SendMessageCommandInput {
  const [first] = rest;
  const ids = rest.map(idOfMessage);
  return {
    ...mailboxMessage(queueUrl, first),
    MessageBody: encodeMessage(rest),
    // Of the message that it was in: the next one that loses an envelope leaves another rest.
    MessageDeduplicationId: digest(["rest", messageId, ...ids], "base64url"),
  };
}
