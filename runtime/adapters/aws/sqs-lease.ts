import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";

/** What a worker can do with messages it holds; at most ten at a time. */
export interface Lease {
  /**
   * Hides messages for `seconds` from now on, whatever was left of their visibility timeout. A FIFO queue refuses what another
   * worker may have been given.
   *
   * @returns the receipts of those that are hidden
   */
  renew(receipts: readonly string[], seconds: number): Promise<ReadonlySet<string>>;
  /** Takes finished messages out of the queue, so that their groups go on before the invocation returns. */
  release(receipts: readonly string[]): Promise<void>;
  /** Makes unfinished messages visible again after `seconds` instead of at the end of their lease. */
  returnAfter(receipts: readonly string[], seconds: number): Promise<void>;
}

export function createSqsLease(client: SQSClient, queueUrl: string): Lease {
  const hide = (receipts: readonly string[], seconds: number) => {
    const Entries = receipts.map((ReceiptHandle, index) => ({
      Id: String(index),
      ReceiptHandle,
      VisibilityTimeout: seconds,
    }));
    return client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
  };
  return {
    async renew(receipts, seconds) {
      const { Successful = [] } = await hide(receipts, seconds);
      const hidden = new Set(Successful.map(({ Id }) => Id));
      return new Set(receipts.filter((_, index) => hidden.has(String(index))));
    },
    async release(receipts) {
      const Entries = receipts.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
      await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    },
    async returnAfter(receipts, seconds) {
      await hide(receipts, seconds);
    },
  };
}
