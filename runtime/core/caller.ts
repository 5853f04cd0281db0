import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { ActorId, Envelope, Mailbox } from "../ports/mailbox.ts";
import type { Replies } from "../ports/replies.ts";
import { actorKey, utf8Length } from "./actor-id.ts";
import type { CallRequest } from "./call-request.ts";
import { encodeEnvelope } from "./envelope.ts";
import { isKept, keptId, keyedId, outcomeIds } from "./envelope-id.ts";
import {
  ActorCallCycleError,
  ActorCallOptionError,
  ActorCallTimeoutError,
  ActorError,
  ActorIdempotencyError,
  ActorUnknownTypeError,
  PayloadTooLargeError,
  StorageScopeError,
} from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type ActorClass, methodOf, refusePrivate } from "./method.ts";
import { operation } from "./operation.ts";
import { decodeOutcome, type Outcome } from "./outcome.ts";
import { currentRequest } from "./request-context.ts";
import { currentTurn, type Turn } from "./turn.ts";

/** Largest envelope, in UTF-8 bytes: an SQS message holds 1 MiB. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;
/** Deadline of a message that nobody waits for, in ms since the epoch. */
const NO_DEADLINE = Number.MAX_SAFE_INTEGER;

/** The way to the instances of a type and back. */
export interface Route {
  readonly mailbox: Mailbox;
  readonly replies: Pick<Replies, "wait">;
}

export interface CallerDeps {
  /** Classes known on this side; calls on them are refused before anything is sent. */
  readonly actors: ReadonlyMap<string, ActorClass>;
  /**
   * @throws ActorUnknownTypeError nobody has instances of that type
   */
  readonly routeTo: (type: string) => Route;
  readonly clock: Clock;
  readonly ids: Ids;
  /** How long a call waits for its reply, in ms, if nothing around it ends earlier. */
  readonly callWaitMs: number;
}

/** The calling side: a request becomes an envelope, and its reply an outcome. */
export interface Caller {
  /**
   * @throws ActorError the call was refused, or its outcome is unknown
   */
  call(request: CallRequest): Promise<Outcome>;
  /**
   * Sends without a reply: resolves when the message is durable in the mailbox. In a turn it leaves only if that turn
   * commits, and this resolves at once.
   *
   * @param make makes the request; what it throws comes back as a rejection
   * @throws ActorError the message was refused, or it is unknown whether it was sent
   */
  send(make: () => CallRequest): Promise<void>;
}

export function createCaller(deps: CallerDeps): Caller {
  const { actors, routeTo, clock, ids, callWaitMs } = deps;
  /** Refuses here what the worker would refuse, and finds the way. */
  const route = ({ to, call }: CallRequest): Route => {
    const found = routeTo(to.type);
    const Actor = actors.get(to.type);
    if (call.kind === "fetch") return found;
    if (Actor) methodOf(Actor, call.method);
    else refusePrivate(to.type, call.method);
    return found;
  };

  const identify = ({ to, options }: CallRequest, kept: boolean): Pick<Envelope, "id" | "attempt"> => {
    const { envelopeId, idempotencyKey } = options;
    if (envelopeId !== undefined) return { id: envelopeId, attempt: ids.next() };
    // What a turn asks for is asked by the turn, not by the request that its worker happens to serve.
    const request = currentTurn.getStore() ? undefined : currentRequest.getStore();
    const key = idempotencyKey ?? request?.nextKey(to);
    if (key !== undefined) return { id: keyedId(to, key), attempt: ids.next() };
    return kept ? { id: keptId(ids.next()), attempt: ids.next() } : { id: ids.next(), attempt: undefined };
  };

  return {
    async call(request) {
      const { mailbox, replies } = route(request);
      const { to, call, fingerprint, signal } = request;
      const turn = currentTurn.getStore();
      const chain = turn?.chain ?? [];
      if (chain.includes(actorKey(to))) throw cycle(chain, to);
      if (request.options.delayMs !== undefined) throw delayedCall(request);
      const deadline = Math.min(
        clock.now() + callWaitMs,
        turn?.deadline ?? currentRequest.getStore()?.deadline ?? Number.POSITIVE_INFINITY,
      );
      const identity = identify(request, false);
      const envelope = { ...identity, to, call, fingerprint, awaited: true, due: undefined, deadline, chain };
      checkSize(envelope);
      signal?.throwIfAborted();

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
      const answer = replies.wait(outcomeIds(envelope), deadline).catch((cause: unknown) => {
        throw brokenOff(envelope, cause);
      });
      const text = await unlessAborted(answer, signal);
      if (text === undefined) throw noAnswer(envelope);
      const filed = decodeOutcome(text);
      if (filed.fingerprint !== fingerprint) throw otherCall(envelope);
      return filed.outcome;
    },

    send(make) {
      const turn = currentTurn.getStore();
      const pack = (): { readonly mailbox: Mailbox; readonly envelope: Envelope } => {
        const request = make();
        const { mailbox } = route(request);
        const { to, call, fingerprint, options } = request;
        if (options.envelopeId !== undefined && !isKept(options.envelopeId))
          throw notASend(options.envelopeId);
        const envelope = {
          // Whoever sends it may die before he knows that he has, and another one sends it again.
          ...identify(request, true),
          to,
          call,
          // It leaves no result: a call with the same key must not take that for its own.
          fingerprint: fingerprintOf(to, ["one-way", fingerprint]),
          awaited: false,
          due: options.delayMs ? clock.now() + options.delayMs : undefined,
          deadline: NO_DEADLINE,
          chain: [],
        };
        checkSize(envelope);
        return { mailbox, envelope };
      };
      if (turn) return post(turn, () => pack().envelope);
      return (async () => {
        const { mailbox, envelope } = pack();
        await mailbox.send(envelope).catch((cause: unknown) => {
          throw brokenOff(envelope, cause);
        });
      })();
    },
  };
}

/** A message of a turn is one of its writes: part of its commit, and its failure fails the turn unless somebody looks at it. */
function post(turn: Turn, pack: () => Envelope): Promise<void> {
  if (!turn.open) {
    return Promise.reject(
      new StorageScopeError("a message was sent after its turn had ended; await what sends it"),
    );
  }
  return turn.track(operation(() => turn.draft.post(encodeEnvelope(pack()))));
}

/** The answer, or at once the signal's reason when it is aborted. */
async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return answer;
  let forget = () => {};
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    forget = () => signal.removeEventListener("abort", abort);
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    forget();
    // Nobody looks at the answer of an aborted call.
    answer.catch(() => {});
  }
}

function checkSize(envelope: Envelope): void {
  const bytes = utf8Length(encodeEnvelope(envelope));
  if (bytes > MAX_ENVELOPE_BYTES) {
    throw new PayloadTooLargeError(
      `${envelope.call.kind === "fetch" ? "the request makes" : `the arguments of ${envelope.call.method} make`} an envelope of ${bytes} bytes; at most ${MAX_ENVELOPE_BYTES} are allowed`,
      { effect: "refused" },
    );
  }
}

function cycle(chain: readonly string[], to: ActorId): ActorCallCycleError {
  const path = [...chain, actorKey(to)].join(" → ");
  return new ActorCallCycleError(
    `the call would wait for itself: ${path}; an instance takes its next call only when the present one has ended`,
  );
}

function delayedCall({ to, call, options }: CallRequest): ActorCallOptionError {
  return new ActorCallOptionError(
    `a delayMs of ${options.delayMs} is for one-way messages; use stub.with({ delayMs }).send.${call.method}(…) of ${to.type}`,
  );
}

function notASend(envelopeId: string): ActorCallOptionError {
  return new ActorCallOptionError(
    `the envelopeId ${envelopeId} is that of a call; ask again for it with a call, not with a one-way message`,
  );
}

function otherCall({ id, to, call }: Envelope): ActorIdempotencyError {
  return new ActorIdempotencyError(
    `${to.type}.${call.method} was not run: its idempotency key or envelope id belongs to a call of something else, with other arguments, or one-way; use a fresh key for another call (envelope ${id})`,
  );
}

/** Nobody answered in time. */
export function noAnswer({ id, to, call }: Envelope): ActorCallTimeoutError {
  return new ActorCallTimeoutError(
    `${to.type}.${call.method} did not answer in time; it may still run (envelope ${id})`,
    { envelopeId: id },
  );
}

/** A timed-out write is unknown, not failed; what the network said is no caller's business. */
export function brokenOff({ id, to, call }: Envelope, cause: unknown): ActorError {
  // The other side of a door has said what became of it.
  if (cause instanceof ActorError) return cause;
  return new ActorCallTimeoutError(
    `the mailbox or the reply of ${to.type}.${call.method} was out of reach; it may still run (envelope ${id})`,
    { envelopeId: id, cause },
  );
}

/** A route for every type of this deployment alone. */
export function onlyRoute(route: Route, types: ReadonlySet<string>): CallerDeps["routeTo"] {
  return (type) => {
    if (types.has(type)) return route;
    throw new ActorUnknownTypeError(
      `no actor of type "${type.slice(0, 64)}" here; there is: ${[...types].join(", ")}`,
    );
  };
}

/** One mailbox for all: each envelope goes the way of its receiver's type. */
export function mailboxOf(routeTo: CallerDeps["routeTo"]): Mailbox {
  return {
    async send(envelope) {
      await routeTo(envelope.to.type).mailbox.send(envelope);
    },
  };
}
