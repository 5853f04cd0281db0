import { checkName } from "../runtime/core/actor-id.ts";
import { MAX_DELAY_MS } from "../runtime/core/call-options.ts";
import { brokenOff, noAnswer, type Route } from "../runtime/core/caller.ts";
import { decodeEnvelope, EnvelopeError } from "../runtime/core/envelope.ts";
import { isEnvelopeId, isKept, outcomeIds } from "../runtime/core/envelope-id.ts";
import { FINGERPRINT_LENGTH, isFingerprint } from "../runtime/core/fingerprint.ts";
import { type ActorClass, methodOf } from "../runtime/core/method.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Envelope } from "../runtime/ports/mailbox.ts";

export interface EnvelopeDoorDeps {
  readonly actors: ReadonlyMap<string, ActorClass>;
  readonly routeTo: (type: string) => Route;
  readonly clock: Clock;
  /** The longest wait for an outcome, in ms. */
  readonly requestWaitMs: number;
  /** Told of every call that comes in, before it is sent: its answer may get lost on the way, and be asked for again. */
  readonly remember?: (envelopeId: string) => void;
}

/** An envelope as another program hands it in. */
export interface HandedIn {
  /** Envelope text. */
  readonly envelope: string;
  /** The other side's clock when it sent this, in ms since the epoch: its times are meant by it. */
  readonly sentAt: number;
}

/** Takes in envelopes that another program has made, and gives back outcome texts; `undefined` for a one-way message. */
export type EnvelopeDoor = (handedIn: HandedIn) => Promise<string | undefined>;

/**
 * The door of `stateful-actors/client`.
 *
 * @returns a door that throws EnvelopeError, or an ActorError when the call is refused or its outcome unknown
 */
export function createEnvelopeDoor({
  actors,
  routeTo,
  clock,
  requestWaitMs,
  remember,
}: EnvelopeDoorDeps): EnvelopeDoor {
  return async ({ envelope: text, sentAt }) => {
    const given = decodeEnvelope(text);
    const { id, to, call, awaited } = given;
    checkIds(given);
    const { mailbox, replies } = routeTo(to.type);
    checkName(to.name);
    const Actor = actors.get(to.type);
    if (Actor && call.kind === "method") methodOf(Actor, call.method);
    if (!Number.isSafeInteger(sentAt)) {
      throw new EnvelopeError(
        `the time at which an envelope was sent must be whole ms since the epoch, not ${sentAt}`,
      );
    }
    const now = clock.now();
    const ahead = now - sentAt;
    const envelope = {
      ...given,
      due: given.due === undefined ? undefined : Math.min(given.due + ahead, now + MAX_DELAY_MS),
      deadline: awaited ? Math.min(given.deadline + ahead, now + requestWaitMs) : given.deadline,
    };
    remember?.(id);
    await mailbox.send(envelope).catch((cause: unknown) => {
      throw brokenOff(envelope, cause);
    });
    if (!awaited) return undefined;
    const outcome = await replies.wait(outcomeIds(envelope), envelope.deadline).catch((cause: unknown) => {
      throw brokenOff(envelope, cause);
    });
    if (outcome === undefined) throw noAnswer(envelope);
    return outcome;
  };
}

/** Every program makes its own ids; one that breaks their rules could file its outcomes in the place of others. */
function checkIds({ id, attempt, awaited, fingerprint }: Envelope): void {
  for (const [field, text] of Object.entries({ id, attempt })) {
    if (text === undefined || (isEnvelopeId(text) && !(field === "attempt" && isKept(text)))) continue;
    throw new EnvelopeError(
      `an envelope's "${field}" must be 1 to 36 letters, digits, - and _, not ${JSON.stringify(text.slice(0, 64))}`,
    );
  }
  if (!isFingerprint(fingerprint)) {
    throw new EnvelopeError(
      `an envelope's "fingerprint" must be ${FINGERPRINT_LENGTH} hexadecimal digits, not ${JSON.stringify(fingerprint.slice(0, 64))}`,
    );
  }
  const comesAgain = isKept(id) || !awaited;
  if (comesAgain && !(isKept(id) && attempt !== undefined)) {
    throw new EnvelopeError("an envelope that may come again needs a kept id and an attempt");
  }
}
