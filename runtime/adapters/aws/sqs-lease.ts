import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";

/** What a worker can do with messages it holds; at most ten at a time. */
export interface Lease {
  /** Takes finished messages out of the queue, so that their groups go on before the invocation returns. */
  release(receipts: readonly string[]): Promise<void>;
  /** Makes unfinished messages visible again after `seconds` instead of after the whole visibility timeout. */
  returnAfter(receipts: readonly string[], seconds: number): Promise<void>;
}

export function createSqsLease(client: SQSClient, queueUrl: string): Lease {
  return {
    async release(receipts) {
      const Entries = receipts.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
      await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    },
    async returnAfter(receipts, seconds) {
      const Entries = receipts.map((ReceiptHandle, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout: seconds,
      }));
      await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
    },
  };
}
