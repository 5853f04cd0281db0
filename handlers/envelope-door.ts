import { MAX_DELAY_MS } from "../runtime/core/call-options.ts";
import {
  brokenOff,
  checkSize,
  handOver,
  noAnswer,
  type Route,
  tellUnanswered,
  unlessAborted,
} from "../runtime/core/caller.ts";
import { decodeEnvelope, EnvelopeError } from "../runtime/core/envelope.ts";
import { isKept, outcomeIds } from "../runtime/core/envelope-id.ts";
import { messageOf } from "../runtime/core/errors.ts";
import { withHeader } from "../runtime/core/fetch-call.ts";
import { IDENTITY_HEADER } from "../runtime/core/identity.ts";
import { type ActorClass, methodOf } from "../runtime/core/method.ts";
import { isWake } from "../runtime/core/wake.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Call, Envelope, TraceContext } from "../runtime/ports/mailbox.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";

export interface EnvelopeDoorDeps {
  readonly actors: ReadonlyMap<string, ActorClass>;
  readonly routeTo: (type: string) => Route;
  readonly clock: Clock;
  /** The longest wait for an outcome, in ms. */
  readonly requestWaitMs: number;
  /** Told of every call that comes in, before it is sent: its answer may get lost on the way, and be asked for again. */
  readonly remember?: (envelopeId: string) => void;
  readonly telemetry?: Telemetry | undefined;
}

/** An envelope as another program hands it in. */
export interface HandedIn {
  /** Envelope text. */
  readonly envelope: string;
  /** The other side's clock when it sent this, in ms since the epoch: its times are meant by it. */
  readonly sentAt: number;
  /** Aborted: the other program is gone. */
  readonly signal?: AbortSignal;
  /** The trace of the request that brought it, for an envelope that names none. */
  readonly trace?: TraceContext | undefined;
  /**
   * Who calls, as the header of identities has it: `null` where nobody was asked. `undefined`: whoever hands it in is trusted with what
   * he says of callers.
   */
  readonly caller?: string | null;
}

/** Takes in envelopes that another program has made, and gives back outcome texts; `undefined` for a one-way message. */
export type EnvelopeDoor = (handedIn: HandedIn) => Promise<string | undefined>;

/**
 * The door of `stateful-actors/client`.
 *
 * @returns a door that throws EnvelopeError, or an ActorError when the call is refused (an envelope of a newer format, too) or its outcome unknown
 */
export function createEnvelopeDoor({
  actors,
  routeTo,
  clock,
  requestWaitMs,
  remember,
  telemetry,
}: EnvelopeDoorDeps): EnvelopeDoor {
  return async ({ envelope: text, sentAt, signal, trace, caller }) => {
    const given = decodeEnvelope(text);
    const { id, to, awaited } = given;
    const call = caller === undefined ? given.call : namingCaller(given.call, caller);
    if (isWake(given)) throw new EnvelopeError("a wake comes from an instance's own alarm; send calls here");
    checkIds(given);
    const { mailbox, replies } = routeTo(to.type);
    const Actor = actors.get(to.type);
    if (Actor && call.kind === "method") methodOf(Actor, call.method);
    if (!Number.isSafeInteger(sentAt)) {
      throw new EnvelopeError(
        `the time at which an envelope was sent must be whole ms since the epoch, not ${sentAt}`,
      );
    }
    const now = clock.now();
    const ahead = now - sentAt;
    const envelope: Envelope = {
      ...(trace && { trace }),
      ...given,
      call,
      due: given.due === undefined ? undefined : Math.min(given.due + ahead, now + MAX_DELAY_MS),
      deadline: awaited ? Math.min(given.deadline + ahead, now + requestWaitMs) : given.deadline,
    };
    if (call !== given.call) checkSize(envelope);
    // What another program says of itself is no reason to take more of it than of others.
    mailbox.admit?.(envelope, { inTurn: false });
    remember?.(id);
    // Whoever hands it in may not have heard that he has, and hand it in again.
    await handOver(envelope, mailbox, { repeatable: true });
    if (!awaited) return undefined;
    const waitsSince = telemetry?.work && clock.now();
    const answer = replies.wait(outcomeIds(envelope), envelope.deadline, signal).catch((cause: unknown) => {
      throw brokenOff(envelope, cause);
    });
    const outcome = await unlessAborted(answer, signal, () => mailbox.withdraw?.(envelope));
    if (outcome === undefined) {
      if (telemetry) tellUnanswered(envelope, telemetry);
      throw noAnswer(envelope);
    }
    if (waitsSince !== undefined) telemetry?.work?.add("ReplyWait", clock.now() - waitsSince, to);
    return outcome;
  };
}

/** The call, in whose request `caller` stands as who made it. Headers are no part of its fingerprint. */
function namingCaller(call: Call, caller: string | null): Call {
  if (call.kind !== "fetch") return call;
  try {
    return { ...call, args: withHeader(call.args, IDENTITY_HEADER, caller) };
  } catch (error) {
    throw new EnvelopeError(`the request of a fetch can't be read: ${messageOf(error)}`);
  }
}

/** Every program makes its own ids; one that breaks their rules could file its outcomes in the place of others. */
function checkIds({ id, attempt, awaited }: Envelope): void {
  if (attempt !== undefined && isKept(attempt)) {
    throw new EnvelopeError(
      `an envelope's "attempt" must be 1 to 36 letters, digits, - and _, not ${JSON.stringify(attempt)}`,
    );
  }
  const comesAgain = isKept(id) || !awaited;
  if (comesAgain && !(isKept(id) && attempt !== undefined)) {
    throw new EnvelopeError("an envelope that may come again needs a kept id and an attempt");
  }
}
