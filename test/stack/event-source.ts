import { setTimeout as delay } from "node:timers/promises";
import {
  CreateQueueCommand,
  type CreateQueueCommandInput,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { sdkOptions } from "../endpoints/aws.ts";

/** Between a look that failed and the next one. */
const PAUSE_MS = 200;

const QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:mailbox.fifo";

export function sqsAt(url: string): SQSClient {
  return new SQSClient(sdkOptions(url));
}

/** A fresh FIFO queue with the settings that the stack's mailbox has. */
export function makeMailbox(client: SQSClient, { visibilitySeconds = 60 } = {}): Promise<string> {
  return makeQueue(client, {
    QueueName: `mailbox-${crypto.randomUUID()}.fifo`,
    Attributes: {
      FifoQueue: "true",
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
      VisibilityTimeout: String(visibilitySeconds),
    },
  });
}

/** A fresh standard queue, as the stack has for messages that are not due yet. */
export function makeDelayQueue(client: SQSClient, { visibilitySeconds = 60 } = {}): Promise<string> {
  return makeQueue(client, {
    QueueName: `delayed-${crypto.randomUUID()}`,
    Attributes: { VisibilityTimeout: String(visibilitySeconds) },
  });
}

async function makeQueue(client: SQSClient, input: CreateQueueCommandInput): Promise<string> {
  const { QueueUrl } = await client.send(new CreateQueueCommand(input));
  if (!QueueUrl) throw new Error("the queue has no URL");
  return QueueUrl;
}

export async function queueArn(client: SQSClient, queueUrl: string): Promise<string> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] }),
  );
  if (!Attributes?.QueueArn) throw new Error(`the queue ${queueUrl} has no ARN`);
  return Attributes.QueueArn;
}

/** Receives one batch, as an event source would hand it to the function. */
export async function receiveBatch(
  client: SQSClient,
  queueUrl: string,
  waitSeconds = 1,
): Promise<SQSRecord[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ["All"],
    }),
  );
  return Messages.map(recordOf);
}

/** Deletes what a batch has settled, as an event source does when the function has returned. */
export async function deleteBatch(
  client: SQSClient,
  queueUrl: string,
  records: readonly SQSRecord[],
): Promise<void> {
  const Entries = records.map(({ receiptHandle }, index) => ({
    Id: String(index),
    ReceiptHandle: receiptHandle,
  }));
  await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
}

/**
 * An event source with several batches in flight, as Lambda has it for a FIFO queue. Emulators serve one batch at a
 * time, so this stands in for theirs where actors call actors.
 *
 * `stop` rejects if the function ever threw: it may fail messages, but never as a whole.
 */
export function startEventSource(
  client: SQSClient,
  { queueUrl, worker }: { queueUrl: string; worker: (event: SQSEvent) => Promise<SQSBatchResponse> },
): { stop(): Promise<void> } {
  let stopped = false;
  const thrown: unknown[] = [];
  const invocations = new Set<Promise<void>>();
  const serve = async (records: SQSRecord[]) => {
    let failed: ReadonlySet<string>;
    try {
      const { batchItemFailures } = await worker({ Records: records });
      failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    } catch (error) {
      thrown.push(error);
      return;
    }
    const done = records.filter(({ messageId }) => !failed.has(messageId));
    // What stays comes again, to whoever settles it a second time.
    if (done.length > 0) await deleteBatch(client, queueUrl, done).catch(() => {});
  };
  const poll = async () => {
    while (!stopped) {
      // A busy endpoint breaks off a connection now and then: an event source asks again.
      const records = await receiveBatch(client, queueUrl).catch(() => delay(PAUSE_MS, []));
      if (records.length === 0) continue;
      const invocation = serve(records).finally(() => invocations.delete(invocation));
      invocations.add(invocation);
    }
  };
  const polling = poll();
  return {
    async stop() {
      stopped = true;
      await polling;
      await Promise.all(invocations);
      if (thrown.length > 0) throw new AggregateError(thrown, `the function failed: ${thrown[0]}`);
    },
  };
}

function recordOf({ MessageId = "", ReceiptHandle = "", Body = "", Attributes = {} }: Message): SQSRecord {
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes as unknown as SQSRecord["attributes"],
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: QUEUE_ARN,
    awsRegion: "us-east-1",
  };
}
