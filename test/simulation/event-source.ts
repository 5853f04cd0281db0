import type { SQSRecord } from "aws-lambda";
import { type ServeDeps, serveRecords } from "../../handlers/serve-records.ts";
import { decodeMessage } from "../../runtime/core/message.ts";
import type { FifoQueue, Received } from "./fifo-queue.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** The mailbox queue, as records name it. */
const QUEUE_ARN = "arn:aws:sqs:nowhere:000000000000:mailbox.fifo";
/** How long a worker that was stopped at its timeout may still go on, in ms: its machine was stopped before it. */
const GRACE_MS = 3_000;

/** A worker, and what it works with. */
export interface Worker {
  readonly process: Process;
  readonly deps: ServeDeps;
}

export interface EventSourceOptions {
  /** How long one invocation may take, in ms. */
  readonly timeoutMs: number;
  readonly startWorker: () => Worker;
  /** Whether messages are deleted before they are worked on. */
  readonly deletesFirst: boolean;
  /** Whether a message of several envelopes is deleted although not all of them are done. */
  readonly deletesTorn: boolean;
  /** Whether a group's messages come in their order. */
  readonly inOrder: boolean;
  /** Whether a message reaches its worker; else it is deleted unseen. */
  readonly reaches: (body: string, receives: number) => boolean;
  /** Told of messages that were worked on and are deleted. */
  readonly onDeleted: (bodies: readonly string[]) => void;
}

/** Gives the batches of a queue to workers, as Lambda does, and deletes what they have finished. */
export class EventSource {
  readonly #world: World;
  readonly #queue: FifoQueue;
  readonly #options: EventSourceOptions;
  #idle: Worker[] = [];
  #polling = false;

  constructor(world: World, queue: FifoQueue, options: EventSourceOptions) {
    this.#world = world;
    this.#queue = queue;
    this.#options = options;
  }

  /** There may be messages. */
  poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    const { timeline, random, journal } = this.#world;
    timeline.at(timeline.now + random.between(1, 40), () => {
      this.#polling = false;
      const messages = this.#queue.receive();
      if (messages.length === 0) return;
      this.poll();
      this.#invoke(messages).catch((error) => journal.breaks("a batch never throws", String(error?.stack)));
    });
  }

  async #invoke(messages: readonly Received[]): Promise<void> {
    const { timeline, random, journal, chaos } = this.#world;
    const { timeoutMs, deletesFirst, deletesTorn, reaches, inOrder } = this.#options;
    this.#idle = this.#idle.filter(({ process }) => process.alive);
    const warm = this.#idle.splice(random.between(0, this.#idle.length - 1), 1)[0];
    const { process, deps } = warm ?? this.#options.startWorker();
    process.thaw();
    const groups = [...new Set(messages.map(({ group }) => group))].join(", ");
    journal.note(`${process.name} receives ${messages.length} of ${groups}`);
    const cancelEnd = this.#endAfter(timeoutMs, process);
    if (!warm && chaos.active) await process.pause(random.between(0, 2_000));
    const seen = messages.filter(({ body, receives }) => reaches(body, receives));
    if (deletesFirst) this.#queue.delete(messages.map(({ receipt }) => receipt));
    await process.step("before its batch");
    const endsBy = process.clock.now() + timeoutMs;
    const records = (inOrder ? seen : seen.toReversed()).map(recordOf);
    const { batchItemFailures } = await serveRecords(records, { endsBy, deps });
    await process.step("after its batch");
    cancelEnd();
    process.freeze();
    this.#idle.push({ process, deps });
    const kept = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const isTorn = (body: string) => deletesTorn && decodeMessage(body).length > 1;
    const finished = messages.filter(({ sequence, body }) => !kept.has(idOf(sequence)) || isTorn(body));
    if (finished.length === 0) return;
    timeline.at(timeline.now + random.between(1, 30), () => {
      if (chaos.happens("deleteLoss")) {
        journal.count("delete lost");
        return;
      }
      this.#options.onDeleted(this.#queue.delete(finished.map(({ receipt }) => receipt)));
    });
  }

  /** Ends a process at its timeout, unless that is taken back. */
  #endAfter(ms: number, process: Process): () => void {
    const { timeline, random, journal } = this.#world;
    let cancel = timeline.at(timeline.now + ms, () => {
      if (process.alive) journal.count("invocation timed out");
      const wakesUp = process.stalledUntil > timeline.now;
      const at = wakesUp ? process.stalledUntil + random.between(0, GRACE_MS) : timeline.now;
      cancel = timeline.at(at, () => process.die("at its timeout"));
    });
    return () => cancel();
  }
}

function recordOf({ sequence, body, sentAt, firstReceivedAt, receives, receipt }: Received): SQSRecord {
  return {
    messageId: idOf(sequence),
    receiptHandle: receipt,
    body,
    attributes: {
      ApproximateReceiveCount: String(receives),
      SentTimestamp: String(sentAt),
      ApproximateFirstReceiveTimestamp: String(firstReceivedAt),
      SequenceNumber: sequence,
      SenderId: "sender",
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: QUEUE_ARN,
    awsRegion: "nowhere",
  };
}

function idOf(sequence: string): string {
  return `message-${sequence}`;
}
