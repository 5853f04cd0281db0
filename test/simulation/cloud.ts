import { ConflictException, type SchedulerClient } from "@aws-sdk/client-scheduler";
import type { SendMessageCommandInput, SQSClient } from "@aws-sdk/client-sqs";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { actorKey } from "../../runtime/core/actor-id.ts";
import { decodeEnvelope, encodeEnvelope } from "../../runtime/core/envelope.ts";
import { decodeMessage } from "../../runtime/core/message.ts";
import { wakeEnvelope } from "../../runtime/core/wake.ts";
import type { Wake } from "../../runtime/ports/alarm-clock.ts";
import type { Clock } from "../../runtime/ports/clock.ts";
import type { ActorId, Mailbox } from "../../runtime/ports/mailbox.ts";
import { DelayQueue } from "./delay-queue.ts";
import { simulatedDynamo } from "./dynamo-client.ts";
import type { Item } from "./expressions.ts";
import { FifoQueue, type FifoQueueOptions } from "./fifo-queue.ts";
import type { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { type Landed, Table } from "./table.ts";
import type { World } from "./world.ts";

export const MAILBOX_URL = "mailbox";
export const DELAY_URL = "delay";
export const DEAD_LETTER_URL = "dead-letters";
/** What a message may still have to wait when the forwarder gets it, in ms. */
const FORWARDED_EARLY_MS = 1_000;

export interface ForwarderRules {
  /** Whether what comes out of the delay queue before its time goes back there. */
  readonly putsBack: boolean;
  /** Whether a message is deleted before it is sent on. */
  readonly deletesFirst: boolean;
}

export interface CloudOptions {
  readonly queue: FifoQueueOptions;
  readonly forwarder: ForwarderRules;
  /** Whether a term of a condition of a write to the tables is looked at. */
  readonly minds: (term: string) => boolean;
  /** What a process gets of an item that it reads by its key. */
  readonly bendItem: (item: Item) => Item;
  /** By which id the queue knows a message. */
  readonly deduplicationId: (message: SendMessageCommandInput) => string;
  /** Told of writes to the actor table, and to the reply table, that have landed. */
  readonly onCommitted: (writes: readonly Landed[]) => void;
  readonly onReplied: (writes: readonly Landed[]) => void;
  /** Told of messages that a worker has deleted itself. */
  readonly onDeleted: (bodies: readonly string[]) => void;
  /** Told of every request before it is sent. */
  readonly onRequest: (request: SentRequest) => void;
}

/** A request as it goes to AWS. */
export interface SentRequest {
  /** The name of the process that sends it; the number behind its kind tells it from others. */
  readonly from: string;
  /** `PutItem` */
  readonly command: string;
  readonly input: object;
}

/** The services as one process finds them. */
export interface Clients {
  readonly dynamo: ReturnType<typeof simulatedDynamo>;
  readonly sqs: SQSClient;
  readonly scheduler: SchedulerClient;
}

/** The queues, the Scheduler and the tables. */
export class Cloud {
  readonly messages: FifoQueue;
  readonly actors: Table;
  readonly replies: Table;
  /** The way into the queues by which nothing is lost: the forwarder's. */
  readonly mailbox: Mailbox;
  readonly #world: World;
  readonly #options: CloudOptions;
  readonly #delays: DelayQueue;
  readonly #scheduler: Scheduler;

  constructor(world: World, options: CloudOptions) {
    const { timeline, journal } = world;
    const { queue, forwarder, minds, onCommitted, onReplied } = options;
    this.#world = world;
    this.#options = options;
    this.messages = new FifoQueue(world, queue);
    this.actors = new Table(world, { partition: "actor", sort: "entry", minds, onLanded: onCommitted });
    this.replies = new Table(world, { partition: "id", minds, onLanded: onReplied });
    const clock: Clock = {
      now: () => timeline.now,
      after: (ms, fire) => timeline.at(timeline.now + ms, fire),
      idle: () => timeline.idle(),
      quiet: () => timeline.idle(),
    };
    this.mailbox = createSqsMailbox({
      client: {
        send: async (sent: SentCommand) => {
          options.onRequest({ from: "forwarder", command: commandOf(sent), input: sent.input });
          return this.#sendAll(sent.input, forwarder.putsBack);
        },
      } as unknown as SQSClient,
      mailboxUrl: MAILBOX_URL,
      delayUrl: DELAY_URL,
      clock,
      earlyMs: FORWARDED_EARLY_MS,
    });
    this.#delays = new DelayQueue(world, {
      forward: (body) => {
        journal.count("forwarded");
        void this.mailbox.send(decodeEnvelope(body), { repeatable: true });
      },
      deletesFirst: forwarder.deletesFirst,
    });
    this.#scheduler = new Scheduler(world, (body) => this.#delays.send(body, 0));
  }

  clientsOf(process: Process): Clients {
    const tables = { actors: this.actors, replies: this.replies };
    return {
      dynamo: this.#watched(
        process,
        simulatedDynamo(this.#world, { tables, process, bendItem: this.#options.bendItem }),
      ),
      sqs: this.#watched(process, this.#sqs(process)),
      scheduler: this.#watched(process, this.#schedulerClient(process)),
    };
  }

  #watched<T>({ name: from }: Process, client: T): T {
    const { send } = client as { send: (sent: SentCommand, ...more: unknown[]) => unknown };
    const watched = (sent: SentCommand, ...more: unknown[]) => {
      this.#options.onRequest({ from, command: commandOf(sent), input: sent.input });
      return send(sent, ...more);
    };
    return { send: watched } as T;
  }

  /** Whether any copy of a wake may still come into its mailbox, or lies in it: any, or only one that no worker has. */
  isOnItsWay(to: ActorId, wake: Wake, which: "all" | "waiting"): boolean {
    const body = encodeEnvelope(wakeEnvelope(to, wake));
    const places = [
      this.messages.bodies(actorKey(to), which),
      this.#delays.bodies(),
      this.#scheduler.bodies(),
    ];
    return places.some((bodies) => bodies.includes(body));
  }

  /** How many messages and schedules there are. */
  get size(): number {
    return this.messages.size + this.#delays.size + this.#scheduler.size;
  }

  #sqs(process: Process): SQSClient {
    const send = (sent: SentCommand) => {
      const { input } = sent;
      const what = commandOf(sent);
      const receipts = () => (input.Entries ?? []).map(({ ReceiptHandle = "" }) => ReceiptHandle);
      if (what === "SendMessage" || what === "SendMessageBatch")
        return process.request(what, () => this.#sendAll(input, true));
      if (what === "ChangeMessageVisibilityBatch") {
        const ms = (input.Entries?.[0]?.VisibilityTimeout ?? 0) * 1000;
        return process.request(what, () => {
          const held = this.messages.hide(receipts(), ms);
          return {
            Successful: (input.Entries ?? []).filter(({ ReceiptHandle = "" }) => held.has(ReceiptHandle)),
          };
        });
      }
      if (what === "DeleteMessageBatch") {
        return process.request(what, () => this.#options.onDeleted(this.messages.delete(receipts())));
      }
      throw new Error(`the simulation knows no ${what}`);
    };
    return { send } as unknown as SQSClient;
  }

  /** The message of a request, or all that it has. */
  #sendAll(input: SentCommand["input"], delayed: boolean): { Successful: { Id: string | undefined }[] } {
    const { Entries = [], ...message } = input;
    if (Entries.length === 0) this.#send(message, delayed);
    for (const entry of Entries) this.#send({ ...message, ...entry }, delayed);
    return { Successful: Entries.map(({ Id }) => ({ Id })) };
  }

  /** @param delayed whether messages into the delay queue arrive there */
  #send(message: SendMessageCommandInput, delayed: boolean): void {
    const { QueueUrl, MessageBody = "", DelaySeconds = 0 } = message;
    const [{ to }, ...others] = decodeMessage(MessageBody);
    if (others.length > 0) this.#world.journal.count("packed");
    // A group is a hash of the instance; by its key it can be read.
    const group = actorKey(to);
    if (QueueUrl === DEAD_LETTER_URL) {
      this.messages.bury(MessageBody, { group, id: message.MessageDeduplicationId ?? "" });
    } else if (QueueUrl === MAILBOX_URL) {
      this.messages.send(MessageBody, { group, id: this.#options.deduplicationId(message) });
    } else if (delayed) {
      this.#delays.send(MessageBody, DelaySeconds * 1000);
    }
  }

  #schedulerClient(process: Process): SchedulerClient {
    const create = (input: ScheduleInput) => {
      const time = /^at\((.*)\)$/.exec(input.ScheduleExpression)?.[1];
      const made = this.#scheduler.create(input.Name, {
        at: Date.parse(`${time}Z`),
        body: JSON.stringify(JSON.parse(input.Target.Input)),
      });
      if (made === "refused") throw new Error("the quota of schedules is used up");
      if (made === "exists")
        throw new ConflictException({ message: "it exists", Message: "", $metadata: {} });
    };
    const send = ({ input }: { input: ScheduleInput }, { abortSignal }: { abortSignal: AbortSignal }) =>
      Promise.race([
        process.request("CreateSchedule", () => create(input)),
        new Promise((_, reject) => abortSignal.addEventListener("abort", () => reject(abortSignal.reason))),
      ]);
    return { send } as unknown as SchedulerClient;
  }
}

function commandOf(sent: object): string {
  return sent.constructor.name.replace(/Command$/, "");
}

interface SentCommand {
  readonly input: SendMessageCommandInput & {
    readonly Entries?: readonly {
      readonly Id?: string;
      readonly ReceiptHandle?: string;
      readonly VisibilityTimeout?: number;
    }[];
  };
}

interface ScheduleInput {
  readonly Name: string;
  readonly ScheduleExpression: string;
  readonly Target: { readonly Input: string };
}
