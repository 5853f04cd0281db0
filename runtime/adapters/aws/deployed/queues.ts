import {
  GetQueueAttributesCommand,
  paginateListQueues,
  QueueDoesNotExist,
  type SQSClient,
} from "@aws-sdk/client-sqs";

/** A queue as SQS describes it. What is `undefined` was not told. */
export interface QueueState {
  readonly url: string;
  readonly arn: string;
  readonly name: string;
  readonly fifo: boolean;
  readonly visibilitySeconds: number | undefined;
  readonly retentionSeconds: number | undefined;
  readonly delaySeconds: number | undefined;
  readonly throughputLimit: string | undefined;
  readonly deduplicationScope: string | undefined;
  readonly contentBasedDeduplication: boolean | undefined;
  /** Whether it is encrypted by a key of SQS's own. */
  readonly ownKey: boolean | undefined;
  /** SQS leaves it out where there is none. */
  readonly redrive: { readonly targetArn: string; readonly maxReceives: number } | undefined;
  /** Messages, approximately. */
  readonly waiting: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** @returns `undefined`: there is no such queue */
export async function queueState(client: SQSClient, url: string): Promise<QueueState | undefined> {
  const attributes = await attributesOf(client, url);
  if (attributes === undefined) return undefined;
  const number = (name: string) => (attributes[name] === undefined ? undefined : Number(attributes[name]));
  const flag = (name: string) => (attributes[name] === undefined ? undefined : attributes[name] === "true");
  const redrive = attributes.RedrivePolicy && JSON.parse(attributes.RedrivePolicy);
  return {
    url,
    arn: attributes.QueueArn ?? "",
    name: nameOf(url),
    fifo: attributes.FifoQueue === "true",
    visibilitySeconds: number("VisibilityTimeout"),
    retentionSeconds: number("MessageRetentionPeriod"),
    delaySeconds: number("DelaySeconds"),
    throughputLimit: attributes.FifoThroughputLimit,
    deduplicationScope: attributes.DeduplicationScope,
    contentBasedDeduplication: flag("ContentBasedDeduplication"),
    ownKey: flag("SqsManagedSseEnabled"),
    redrive: redrive && {
      targetArn: String(redrive.deadLetterTargetArn),
      maxReceives: Number(redrive.maxReceiveCount),
    },
    waiting: number("ApproximateNumberOfMessages") ?? 0,
    inFlight: number("ApproximateNumberOfMessagesNotVisible") ?? 0,
    delayed: number("ApproximateNumberOfMessagesDelayed") ?? 0,
  };
}

async function attributesOf(
  client: SQSClient,
  url: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }),
    );
    return Attributes ?? {};
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return undefined;
    throw error;
  }
}

/** The names of the queues that begin so. */
export async function namesOfQueues(client: SQSClient, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { QueueUrls = [] } of paginateListQueues(
    { client, pageSize: 1_000 },
    { QueueNamePrefix: prefix },
  ))
    names.push(...QueueUrls.map(nameOf));
  return names;
}

export function nameOf(urlOrArn: string): string {
  return urlOrArn.slice(Math.max(urlOrArn.lastIndexOf("/"), urlOrArn.lastIndexOf(":")) + 1);
}
