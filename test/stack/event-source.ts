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

/** An endpoint that fails so often in a row is not busy, it is gone. */
const MOST_FAILURES = 20;

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
 * `ended` and `stop` reject if the function ever threw, which may fail messages, but never as a whole; and if the queue could not be
 * asked many times in a row, which ends the event source.
 */
export function startEventSource(
  client: SQSClient,
  { queueUrl, worker }: { queueUrl: string; worker: (event: SQSEvent) => Promise<SQSBatchResponse> },
): { readonly ended: Promise<void>; stop(): Promise<void> } {
  let stopped = false;
  const problems: Error[] = [];
  const giveUp = (problem: Error) => {
    stopped = true;
    problems.push(problem);
  };
  // A busy endpoint breaks off a connection now and then: an event source asks again.
  const receive = patient("receive from", giveUp);
  const remove = patient("delete from", giveUp);
  const invocations = new Set<Promise<void>>();
  const serve = async (records: SQSRecord[]) => {
    let failed: ReadonlySet<string>;
    try {
      const { batchItemFailures } = await worker({ Records: records });
      failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    } catch (error) {
      problems.push(new Error("the function failed", { cause: error }));
      return;
    }
    const done = records.filter(({ messageId }) => !failed.has(messageId));
    // What stays comes again, to whoever settles it a second time.
    if (done.length > 0) await remove(() => deleteBatch(client, queueUrl, done));
  };
  const poll = async () => {
    while (!stopped) {
      const records = await receive(() => receiveBatch(client, queueUrl));
      if (records === undefined) await delay(PAUSE_MS);
      if (!records?.length) continue;
      const invocation = serve(records).finally(() => invocations.delete(invocation));
      invocations.add(invocation);
    }
  };
  const serveAll = async () => {
    await poll();
    await Promise.all(invocations);
    if (problems.length > 0) throw new AggregateError(problems, problems.map(reasonOf).join("; "));
  };
  const ended = serveAll();
  // Whoever stops it is told.
  ended.catch(() => {});
  return {
    ended,
    stop() {
      stopped = true;
      return ended;
    },
  };
}

/** Lets requests fail, until too many in a row have. */
function patient(what: string, giveUp: (problem: Error) => void) {
  let failures = 0;
  return async <T>(request: () => Promise<T>): Promise<T | undefined> => {
    try {
      const answer = await request();
      failures = 0;
      return answer;
    } catch (error) {
      failures++;
      if (failures === MOST_FAILURES)
        giveUp(new Error(`could not ${what} the queue ${failures} times in a row`, { cause: error }));
      return undefined;
    }
  };
}

function reasonOf({ message, cause }: Error): string {
  return `${message}: ${cause}`;
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
