import { DeleteMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { receiveBatch } from "../stack/event-source.ts";
import type { Record } from "./history.ts";
import type { Batch } from "./worker.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface EventSource {
  /** Receives nothing more; resolves when no batch is under way. */
  stop(): Promise<void>;
}

/**
 * What stands between a queue and the workers, as Lambda's event source does: it does not die with them. Messages of a worker that has
 * died come again when the queue gives them out again.
 */
export function startEventSource(
  sqs: SQSClient,
  options: {
    readonly queueUrl: string;
    readonly from: Batch["from"];
    readonly pool: WorkerPool;
    /** Most batches at a time. */
    readonly batches: number;
    readonly record: Record;
  },
): EventSource {
  const { queueUrl, from, pool, batches, record } = options;
  let stopped = false;
  const tell = (error: Error) => {
    record({ is: "problem", worker: "event source", what: "request failed", reason: error.message });
  };
  const serve = async (records: SQSRecord[]) => {
    const answer = await pool.serve(from, records);
    if (!answer) return;
    const failed = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const Entries = records
      .filter(({ messageId }) => !failed.has(messageId))
      .map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }));
    if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  };
  const poll = async () => {
    while (!stopped) {
      // Only what a worker has room for is received: it must not grow old here.
      const giveBack = await pool.room();
      const records = await receiveBatch(sqs, queueUrl).catch(tell).finally(giveBack);
      // What could not be deleted comes again.
      if (records?.length) await serve(records).catch(tell);
    }
  };
  const polling = Promise.all(Array.from({ length: batches }, poll));
  return {
    async stop() {
      stopped = true;
      await polling;
    },
  };
}
