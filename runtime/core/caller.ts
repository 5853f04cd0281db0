import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { ActorId, Envelope, Mailbox } from "../ports/mailbox.ts";
import type { Replies } from "../ports/replies.ts";
import { actorKey, utf8Length } from "./actor-id.ts";
import { encode } from "./codec.ts";
import { encodeEnvelope } from "./envelope.ts";
import {
  ActorCallCycleError,
  ActorCallTimeoutError,
  CodecError,
  messageOf,
  PayloadTooLargeError,
} from "./errors.ts";
import { type ActorClass, methodOf } from "./method.ts";
import { decodeOutcome, resultOf } from "./outcome.ts";
import { requestDeadline } from "./request-deadline.ts";
import { currentTurn } from "./turn.ts";

/** Largest envelope, in UTF-8 bytes: an SQS message holds 1 MiB. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;
export interface CallerDeps {
  /** Classes known on this side; calls on them are refused before anything is sent. */
  readonly actors: ReadonlyMap<string, ActorClass>;
  readonly mailbox: Mailbox;
  readonly replies: Replies;
  readonly clock: Clock;
  readonly ids: Ids;
  /** How long a call waits for its reply, in ms, if nothing around it ends earlier. */
  readonly callWaitMs: number;
}

/** The calling side: a method call becomes an envelope, and its reply a value or an error. */
export type Caller = (to: ActorId, method: string, args: readonly unknown[]) => Promise<unknown>;

export function createCaller({ actors, mailbox, replies, clock, ids, callWaitMs }: CallerDeps): Caller {
  return async (to, method, args) => {
    const Actor = actors.get(to.type);
    if (Actor) methodOf(Actor, method);

    const turn = currentTurn.getStore();
    const chain = turn?.chain ?? [];
    if (chain.includes(actorKey(to))) throw cycle(chain, to);
    const deadline = Math.min(
      clock.now() + callWaitMs,
      turn?.deadline ?? Number.POSITIVE_INFINITY,
      requestDeadline.getStore() ?? Number.POSITIVE_INFINITY,
    );
    const call = { method, args: encodeArguments(method, args) };
    const envelope: Envelope = { id: ids.next(), to, call, deadline, chain };
    checkSize(envelope);

    const leave = async () => {
      // What this turn has read may not be durable yet; nothing may leave the instance before it is.
      await turn?.readsDurable();
      await mailbox.send(envelope).catch((cause: unknown) => {
        throw brokenOff(envelope, cause);
      });
    };
    const left = leave();
    // A call that nobody awaits leaves all the same: a worker may be frozen as soon as its turns have ended.
    turn?.hold(left);
    await left;
    const outcome = await replies.wait(envelope.id, deadline).catch((cause: unknown) => {
      throw brokenOff(envelope, cause);
    });
    if (outcome === undefined) throw noAnswer(envelope);
    return resultOf(decodeOutcome(outcome), method);
  };
}

function encodeArguments(method: string, args: readonly unknown[]): string {
  try {
    return encode(args, `the arguments of ${method}`);
  } catch (cause) {
    throw new CodecError(messageOf(cause), { effect: "refused" });
  }
}

function checkSize(envelope: Envelope): void {
  const bytes = utf8Length(encodeEnvelope(envelope));
  if (bytes > MAX_ENVELOPE_BYTES) {
    throw new PayloadTooLargeError(
      `the arguments of ${envelope.call.method} make an envelope of ${bytes} bytes; at most ${MAX_ENVELOPE_BYTES} are allowed`,
    );
  }
}

function cycle(chain: readonly string[], to: ActorId): ActorCallCycleError {
  const path = [...chain, actorKey(to)].join(" → ");
  return new ActorCallCycleError(
    `the call would wait for itself: ${path}; an instance takes its next call only when the present one has ended`,
  );
}

function noAnswer({ id, to, call }: Envelope): ActorCallTimeoutError {
  return new ActorCallTimeoutError(
    `${to.type}.${call.method} did not answer in time; it may still run (envelope ${id})`,
    { envelopeId: id },
  );
}

/** A timed-out write is unknown, not failed; what the network said is no caller's business. */
function brokenOff({ id, to, call }: Envelope, cause: unknown): ActorCallTimeoutError {
  return new ActorCallTimeoutError(
    `the mailbox or the reply of ${to.type}.${call.method} was out of reach; it may still run (envelope ${id})`,
    { envelopeId: id, cause },
  );
}
