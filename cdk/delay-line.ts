import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { EventSourceMapping, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Queue, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { keyStatements, queueEncryption } from "./encryption.ts";
import { HandlerFunction, type SharedFunctionProps } from "./handler-function.ts";
import type { Mailbox } from "./mailbox.ts";

const MEMORY_MIB = 256;

/** Enough for every try that the SDK makes to send a message. */
const TIMEOUT = Duration.seconds(30);

/** How long a message that could not be forwarded waits for the next try; not below the function's timeout. */
const RETRY_AFTER = Duration.seconds(60);

/**
 * A message that was received this often and not forwarded goes to the dead-letter queue. Forwarding runs nothing, so
 * that trying again does no harm: what keeps failing for an hour and a half is broken, or its mailbox is gone.
 */
const MAX_RECEIVES = 100;

/**
 * How many batches are forwarded at once. After an outage everything that fell due meanwhile comes out of the queue together,
 * wakes above all: this spreads it out, so that it does not take the functions and the tables away from the calls of the
 * present. In everyday traffic it is never reached: a batch takes some ten milliseconds.
 */
const MAX_CONCURRENCY = 20;

export interface DelayLineProps extends SharedFunctionProps {
  readonly mailbox: Mailbox;
  /** Of the keys that it may use. */
  readonly keyArns: readonly string[];
}

/** Where envelopes lie until they are due, and the forwarder that then moves them into their mailbox. */
export class DelayLine extends Construct {
  /** A standard queue, as a FIFO queue takes no delay for a single message. */
  readonly queue: Queue;
  /** Envelopes that could not be forwarded, and wakes that no schedule could put into the queue, kept for 14 days. */
  readonly deadLetters: Queue;
  readonly function: LambdaFunction;
  readonly #key: IKey | undefined;

  constructor(scope: Construct, id: string, props: DelayLineProps) {
    super(scope, id);
    const { mailbox, encryptionKey } = props;
    this.#key = encryptionKey;
    this.deadLetters = this.#createQueue("DeadLetters", { retentionPeriod: Duration.days(14) });
    this.queue = this.#createQueue("Delayed", {
      visibilityTimeout: RETRY_AFTER,
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVES },
    });
    this.function = new HandlerFunction(this, "Handler", {
      ...props,
      handler: "forwarder",
      description: `Forwarder of ${props.project.manifest.name}: moves delayed messages to its actors' mailboxes`,
      memory: MEMORY_MIB,
      timeout: TIMEOUT,
      statements: [
        new PolicyStatement({
          actions: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"],
          resources: [this.queue.queueArn],
        }),
        new PolicyStatement({
          actions: ["sqs:SendMessage"],
          resources: mailbox.queues.slice(0, mailbox.shards).map(({ queueArn }) => queueArn),
        }),
        ...keyStatements(props.keyArns, "sends"),
      ],
      environment: {
        MAILBOX_URL: mailbox.queue.queueUrl,
        ...(mailbox.shards > 1 && { MAILBOX_SHARDS: `${mailbox.shards}` }),
        DELAY_URL: this.queue.queueUrl,
      },
    }).function;
    new EventSourceMapping(this, "Source", {
      target: this.function,
      eventSourceArn: this.queue.queueArn,
      // There is no window to wait for more: it would make every message late.
      batchSize: 10,
      maxConcurrency: MAX_CONCURRENCY,
      reportBatchItemFailures: true,
    });
  }

  #createQueue(id: string, props: QueueProps): Queue {
    return new Queue(this, id, {
      ...props,
      ...queueEncryption(this.#key),
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
