import { Duration, RemovalPolicy } from "aws-cdk-lib";
import {
  DeduplicationScope,
  FifoThroughputLimit,
  Queue,
  QueueEncryption,
  type QueueProps,
} from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { physicalName } from "./physical-name.ts";

/**
 * An envelope that was received this often and not settled goes to the dead-letter queue. A batch holds ten envelopes,
 * and when each takes its whole budget a worker has time for one: the last of them must still get its turn.
 */
export const MAX_RECEIVES = 12;

/**
 * How much longer than the worker's timeout a batch stays invisible. Lambda refuses a queue whose visibility timeout is
 * below the function's timeout; and the batch is already invisible while it waits for its invocation to start, so
 * without a margin the last seconds of a long batch would run on an expired lease.
 */
const LEASE_MARGIN = Duration.seconds(30);

export interface MailboxProps {
  /** The longest time one worker invocation can take. */
  readonly workerTimeout: Duration;
}

/** The mailboxes of all instances: one FIFO queue, in which each instance is one message group. */
export class Mailbox extends Construct {
  readonly queue: Queue;
  /** Envelopes that no worker could settle, kept for 14 days. */
  readonly deadLetters: Queue;
  /** How long a worker holds a batch: the visibility timeout of the queue. */
  readonly lease: Duration;

  constructor(scope: Construct, id: string, props: MailboxProps) {
    super(scope, id);
    this.lease = Duration.seconds(props.workerTimeout.toSeconds() + LEASE_MARGIN.toSeconds());
    this.deadLetters = this.#createQueue("DeadLetters", { retentionPeriod: Duration.days(14) });
    this.queue = this.#createQueue("Envelopes", {
      visibilityTimeout: this.lease,
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVES },
    });
  }

  #createQueue(id: string, props: QueueProps): Queue {
    const scope = new Construct(this, id);
    return new Queue(scope, "Queue", {
      ...props,
      // A generated name would lack the suffix on AWS-compatible endpoints, which then make a standard queue.
      queueName: physicalName(scope, ".fifo"),
      fifo: true,
      // Instances share nothing, so neither deduplication nor throughput is counted over the whole queue.
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      // The envelope id is the deduplication id: two calls with equal content are two calls.
      contentBasedDeduplication: false,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // Also with retained tables: a kept queue with this name would make the next deployment fail.
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
