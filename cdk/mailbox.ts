import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { DeduplicationScope, FifoThroughputLimit, Queue, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { ConfigurationError } from "./configuration-error.ts";
import { queueEncryption } from "./encryption.ts";
import { knownNumber } from "./known-number.ts";
import { physicalName } from "./physical-name.ts";

/**
 * An envelope that was received this often and not settled goes to the dead-letter queue. The queue counts for all of a batch what
 * one envelope does: those that end their workers are given up one after the other, the first at its seventh receive and each
 * further one four later, and what is behind them must still get its turn. So it must when each of ten takes its whole budget, and a
 * worker has time for one.
 */
export const MAX_RECEIVES = 30;

/**
 * How much longer than the worker's timeout a batch stays invisible when nobody does anything about it. Lambda refuses a queue
 * whose visibility timeout is below the function's timeout; and the batch is already invisible while it waits for its
 * invocation to start, so without a margin a long batch whose lease can't be renewed would end on an expired one. It is
 * also the short lease that a worker renews: what it renews last, at its timeout, is over after this.
 */
const LEASE_MARGIN = Duration.seconds(30);

export interface MailboxProps {
  /** How many queues take new messages. */
  readonly shards: number;
  /** How many more are there, and are worked off. */
  readonly drainingShards: number;
  /** The longest time one worker invocation can take. */
  readonly workerTimeout: Duration;
  readonly encryptionKey: IKey | undefined;
}

/** The longest name of a queue. */
const MAX_NAME_LENGTH = 80;

/** The mailboxes of all instances: FIFO queues, one or more, in one of which each instance is one message group. */
export class Mailbox extends Construct {
  /** The first one. */
  readonly queue: Queue;
  /** All of them, those that only drain included. */
  readonly queues: readonly Queue[];
  /** How many take new messages: the first so many. */
  readonly shards: number;
  /** Envelopes that no worker could settle, kept for 14 days. */
  readonly deadLetters: Queue;
  /**
   * The longest that one receive can hide a batch: the visibility timeout of the queue. A worker that runs shortens it, so
   * that it holds the batch little longer than it lives.
   */
  readonly lease: Duration;
  readonly #key: IKey | undefined;

  constructor(scope: Construct, id: string, props: MailboxProps) {
    super(scope, id);
    this.lease = Duration.seconds(props.workerTimeout.toSeconds() + LEASE_MARGIN.toSeconds());
    this.#key = props.encryptionKey;
    this.deadLetters = this.#createQueue(new Construct(this, "DeadLetters"), {
      retentionPeriod: Duration.days(14),
    });
    this.shards = props.shards;
    const first = new Construct(this, "Envelopes");
    const name = physicalName(first, { suffix: ".fifo" });
    this.queues = Array.from({ length: props.shards + props.drainingShards }, (_, shard) =>
      this.#createQueue(shard === 0 ? first : new Construct(this, `Envelopes${shard}`), {
        queueName: shard === 0 ? name : shardName(name, shard),
        visibilityTimeout: this.lease,
        retentionPeriod: Duration.days(4),
        deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVES },
      }),
    );
    this.queue = this.queues[0] as Queue;
  }

  #createQueue(scope: Construct, props: QueueProps): Queue {
    return new Queue(scope, "Queue", {
      // A generated name would lack the suffix on AWS-compatible endpoints, which then make a standard queue.
      queueName: physicalName(scope, { suffix: ".fifo" }),
      ...props,
      fifo: true,
      // Instances share nothing, so neither deduplication nor throughput is counted over the whole queue.
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      // The envelope id is the deduplication id: two calls with equal content are two calls.
      contentBasedDeduplication: false,
      ...queueEncryption(this.#key),
      enforceSSL: true,
      // Also with retained tables: a kept queue with this name would make the next deployment fail.
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}

/**
 * The name of a further queue, which senders make from the first one's as well (`runtime/adapters/aws/mailbox-shards.ts`), so
 * that they need not be told of each.
 */
function shardName(first: string, shard: number): string {
  const name = first.replace(/\.fifo$/, `-${shard}.fifo`);
  if (name.length <= MAX_NAME_LENGTH) return name;
  throw new ConfigurationError(
    `the queue ${name} would have ${name.length} characters, and SQS takes ${MAX_NAME_LENGTH}: choose a shorter name for the stack, or one shard`,
  );
}

/** Each has an event source of its own, and every caller a right to it. */
const MAX_SHARDS = 32;

export function checkedShards(property: string, shards: number, least: number): number {
  knownNumber(property, shards);
  if (Number.isInteger(shards) && shards >= least && shards <= MAX_SHARDS) return shards;
  throw new ConfigurationError(
    `${property} ${shards}: it is a count of queues; choose a whole number from ${least} to ${MAX_SHARDS}`,
  );
}
