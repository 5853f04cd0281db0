import {
  SendMessageBatchCommand,
  type SendMessageBatchResult,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { utf8Length } from "../../core/actor-id.ts";
import { messageOf } from "../../core/errors.ts";
import { digest } from "../../core/fingerprint.ts";
import { encodePack, PACK_BYTES, PACK_ENVELOPES, packOverhead } from "../../core/message.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import { pause } from "./pause.ts";

/** What one request takes. */
const MESSAGES_PER_REQUEST = 10;
/** Bodies of one request, in UTF-8 bytes. SQS takes more; but it counts a request for every 64 KB, so that nothing would be saved. */
const BYTES_PER_REQUEST = 256 * 1024;
/** How often a message is sent that SQS takes for its own fault not to accept. The SDK does not try these again by itself. */
const TRIES = 4;

/** SQS has refused one message of a request, or has not said what became of it. */
class MessageRefusedError extends Error {
  override readonly name = "MessageRefusedError";
}

interface Waiting {
  readonly message: SendMessageCommandInput;
  readonly bytes: number;
  readonly packable: ActorId | undefined;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** What goes as one message: it arrives with all of its parts, or none. */
interface Parcel {
  readonly parts: readonly [Waiting, ...Waiting[]];
  /** Of the body. */
  readonly bytes: number;
}

/**
 * Sends a message that holds one envelope; resolves once it is in its queue.
 *
 * @param packable the instance that it is for, if it may be put into one message with others for it, each sent like that
 */
export type Send = (message: SendMessageCommandInput, packable?: ActorId) => Promise<void>;

/**
 * Sends messages, those of one moment in requests of up to ten. Each has its own success or failure.
 *
 * Messages of one group arrive in the order in which they were handed over, unless one fails: those behind it may be there without
 * it, and then it is not sent again. So of one group only one request is under way at a time, and what is handed over meanwhile shares the next:
 *
 *     a1 ├── request ──┤             … alone: nothing else was there to go with it
 *     a2, a3, a4       ├── request ──┤
 *     b1        ├── request ──┤      … another group does not wait
 *
 * Those of a group that come right after each other, and may be, are packed into one message, up to a number and a size. A pack
 * holds nothing that SQS would refuse for what is in it: a call is never refused for what it was packed with.
 */
export function createSqsSender({ client, clock }: { client: SQSClient; clock: Clock }): Send {
  const queues = new Map<string | undefined, QueueSender>();
  return (message, packable) => {
    const { QueueUrl } = message;
    const queue = queues.get(QueueUrl) ?? new QueueSender(client, clock);
    queues.set(QueueUrl, queue);
    return queue.send(message, packable);
  };
}

class QueueSender {
  readonly #client: SQSClient;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  /** Groups of which a request is under way. */
  readonly #busy = new Set<string>();
  #gathering = false;

  constructor(client: SQSClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  send(message: SendMessageCommandInput, packable: ActorId | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = utf8Length(message.MessageBody ?? "");
      this.#waiting.push({ message, bytes, packable, resolve, reject });
      if (this.#gathering) return;
      this.#gathering = true;
      void this.#clock.idle().then(() => {
        this.#gathering = false;
        this.#leave();
      });
    });
  }

  #leave(): void {
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) void this.#transmit(batch);
  }

  /** What may go together next: nothing of a group that has a request under way, or of which something stays behind. */
  #take(): Parcel[] {
    const batch: Parcel[] = [];
    const behind: Waiting[] = [];
    const closed = new Set(this.#busy);
    /** The last parcel of each group, by its place in the batch: only that one may take more of the group in. */
    const last = new Map<string, number>();
    let bytes = 0;
    for (const each of this.#waiting) {
      const group = each.message.MessageGroupId;
      if (group !== undefined && closed.has(group)) {
        behind.push(each);
        continue;
      }
      const at = group === undefined ? undefined : last.get(group);
      const before = at === undefined ? undefined : batch[at];
      const pack = before && packed(before, each);
      if (at !== undefined && pack && bytes - before.bytes + pack.bytes <= BYTES_PER_REQUEST) {
        batch[at] = pack;
        bytes += pack.bytes - before.bytes;
      } else if (
        batch.length === 0 ||
        (batch.length < MESSAGES_PER_REQUEST && bytes + each.bytes <= BYTES_PER_REQUEST)
      ) {
        if (group !== undefined) last.set(group, batch.length);
        batch.push({ parts: [each], bytes: each.bytes });
        bytes += each.bytes;
      } else {
        behind.push(each);
        if (group !== undefined) closed.add(group);
      }
    }
    this.#waiting = behind;
    for (const group of groupsOf(batch)) this.#busy.add(group);
    return batch;
  }

  async #transmit(parcels: readonly Parcel[]): Promise<void> {
    const groups = groupsOf(parcels);
    let left: readonly Outgoing[] = parcels.map(outgoing);
    for (let tries = 1; left.length > 0; tries++) {
      left = await this.#request(left, tries === TRIES);
      if (left.length > 0) await pause(this.#clock, 50 * 2 ** tries);
    }
    for (const group of groups) this.#busy.delete(group);
    if (this.#waiting.length > 0) this.#leave();
  }

  /** @returns the messages that SQS may accept when they are sent again; none when this was the last try */
  async #request(batch: readonly Outgoing[], last: boolean): Promise<readonly Outgoing[]> {
    const [first, ...others] = batch;
    if (first === undefined) return [];
    try {
      if (others.length === 0) {
        await this.#client.send(new SendMessageCommand(first.message));
        arrive(first);
        return [];
      }
      return settle(batch, await this.#client.send(batchCommand(batch)), last);
    } catch (error) {
      // One message that is not allowed may have made SQS refuse the request as a whole.
      if (others.length > 0 && isRefusal(error)) {
        for (const each of batch) await this.#request([each], true);
      } else {
        for (const each of batch) fail(each, error);
      }
      return [];
    }
  }
}

/** A parcel with the next message of its group in it; `undefined` where that must be one by itself. */
function packed({ parts, bytes }: Parcel, next: Waiting): Parcel | undefined {
  const { packable } = next;
  if (packable === undefined || parts.some((part) => part.packable === undefined)) return undefined;
  const together = (parts.length === 1 ? packOverhead(packable) : 0) + bytes + 1 + next.bytes;
  if (parts.length === PACK_ENVELOPES || together > PACK_BYTES) return undefined;
  return { parts: [...parts, next], bytes: together };
}

/** A parcel as it is sent, and sent again: the same message each time. */
interface Outgoing {
  readonly message: SendMessageCommandInput;
  readonly parts: readonly Waiting[];
}

function outgoing({ parts }: Parcel): Outgoing {
  const [{ message, packable }, ...others] = parts;
  if (others.length === 0 || packable === undefined) return { message, parts };
  const texts = parts.map((part) => part.message.MessageBody ?? "");
  const ids = parts.map((part) => part.message.MessageDeduplicationId ?? "");
  return {
    message: {
      ...message,
      MessageBody: encodePack(packable, texts),
      // Of its attempts: SQS must know it when the request is made again. No attempt is ever packed twice.
      MessageDeduplicationId: digest(["pack", ...ids], "base64url"),
    },
    parts,
  };
}

function arrive({ parts }: Outgoing): void {
  for (const { resolve } of parts) resolve();
}

function fail({ parts }: Outgoing, reason: unknown): void {
  for (const { reject } of parts) reject(reason);
}

function batchCommand(batch: readonly Outgoing[]): SendMessageBatchCommand {
  const Entries = batch.map(({ message: { QueueUrl: _, ...entry } }, index) => ({
    ...entry,
    Id: String(index),
    MessageBody: entry.MessageBody,
  }));
  return new SendMessageBatchCommand({ QueueUrl: batch[0]?.message.QueueUrl, Entries });
}

/** Tells each message of a request what became of it. @returns those that shall be sent again */
function settle(
  batch: readonly Outgoing[],
  { Successful = [], Failed = [] }: Partial<SendMessageBatchResult> = {},
  last: boolean,
): Outgoing[] {
  const arrived = new Set(Successful.map(({ Id }) => Id));
  const failures = new Map(Failed.map((failure) => [failure.Id, failure]));
  const again: Outgoing[] = [];
  /** Whether one behind it has arrived, or may have: sent again, it would come after that. */
  const isOvertaken = (index: number) => {
    const group = batch[index]?.message.MessageGroupId;
    return batch.some(
      ({ message }, other) =>
        other > index &&
        group !== undefined &&
        message.MessageGroupId === group &&
        !failures.has(String(other)),
    );
  };
  for (const [index, each] of batch.entries()) {
    const failure = failures.get(String(index));
    if (arrived.has(String(index))) arrive(each);
    else if (failure && !failure.SenderFault && !last && !isOvertaken(index)) again.push(each);
    else {
      const reason = failure ? `${failure.Code}: ${failure.Message ?? ""}` : "it is in no part of the answer";
      fail(each, new MessageRefusedError(`SQS did not take the message: ${reason}`));
    }
  }
  return again;
}

/** Whether the request as a whole was refused for what is in it, and so nothing of it has arrived. */
function isRefusal(error: unknown): boolean {
  const fault = (error as { readonly $fault?: unknown } | undefined)?.$fault;
  return fault === "client" && !/throttl/i.test(`${(error as Error).name} ${messageOf(error)}`);
}

function groupsOf(parcels: readonly Parcel[]): Set<string> {
  return new Set(parcels.flatMap(({ parts: [first] }) => first.message.MessageGroupId ?? []));
}
