import type { Clock } from "../ports/clock.ts";
import type { Eventual } from "../ports/eventual.ts";
import type { Ids } from "../ports/ids.ts";
import type { ActorId, Envelope, Mailbox, TraceContext } from "../ports/mailbox.ts";
import type { Replies } from "../ports/replies.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Sent, Tracer } from "../ports/tracer.ts";
import { aboutEnvelope } from "./about.ts";
import { actorKey, utf8Length } from "./actor-id.ts";
import type { CallRequest } from "./call-request.ts";
import { NO_DEADLINE } from "./deadline.ts";
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
import { isLater } from "./is-later.ts";
import { type ActorClass, methodOf, refusePrivate } from "./method.ts";
import { nearName } from "./near-name.ts";
import { operation } from "./operation.ts";
import { decodeOutcome, type Outcome } from "./outcome.ts";
import { currentRequest } from "./request-context.ts";
import { currentTurn, type Turn } from "./turn.ts";

/** Largest envelope, in UTF-8 bytes: an SQS message holds 1 MiB. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;
/** More than the names, ids, numbers and the trace of an envelope take, in bytes. */
const ENVELOPE_OVERHEAD_BYTES = 2048;

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
  /** Who is told of calls that nobody answered; nobody where the caller itself is the operator. */
  readonly telemetry?: Telemetry | undefined;
  /** Who makes spans of calls, if that is wanted. */
  readonly tracer?: Tracer | undefined;
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
  const { actors, routeTo, clock, ids, callWaitMs, telemetry, tracer } = deps;
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

  const ask = async (request: CallRequest, trace: TraceContext | undefined): Promise<Outcome> => {
    const { mailbox, replies } = route(request);
    const { to, call, fingerprint, signal } = request;
    const turn = currentTurn.getStore();
    const chain = turn?.chain ?? [];
    if (chain.length > 0 && chain.includes(actorKey(to))) throw cycle(chain, to);
    if (request.options.delayMs !== undefined) throw delayedCall(request);
    const deadline = Math.min(
      clock.now() + callWaitMs,
      turn?.deadline ?? currentRequest.getStore()?.deadline ?? Number.POSITIVE_INFINITY,
    );
    const identity = identify(request, false);
    const envelope: Envelope = {
      ...identity,
      to,
      call,
      fingerprint,
      awaited: true,
      due: undefined,
      deadline,
      chain,
      ...(trace && { trace }),
    };
    checkSize(envelope);
    signal?.throwIfAborted();

    const leave = (): Eventual<void> => {
      mailbox.admit?.(envelope, { inTurn: turn !== undefined });
      return handOver(envelope, mailbox);
    };
    const left = turn ? leaveTurn(turn, leave) : leave();
    if (left) await left;
    const waitsSince = telemetry?.work && clock.now();
    const answer = replies.wait(outcomeIds(envelope), deadline, signal).catch((cause: unknown) => {
      throw brokenOff(envelope, cause);
    });
    const text = await (signal ? unlessAborted(answer, signal, () => mailbox.withdraw?.(envelope)) : answer);
    if (text === undefined) {
      if (telemetry) tellUnanswered(envelope, telemetry);
      throw noAnswer(envelope);
    }
    if (waitsSince !== undefined) telemetry?.work?.add("ReplyWait", clock.now() - waitsSince, to);
    const filed = decodeOutcome(text);
    if (filed.fingerprint !== fingerprint) throw otherCall(envelope);
    return filed.outcome;
  };

  return {
    call(request) {
      const sent = sentFrom(request);
      return tracer ? tracer.call(sent, (trace) => ask(request, trace)) : ask(request, sent.trace);
    },

    send(make) {
      const turn = currentTurn.getStore();
      const pack = (): { readonly mailbox: Mailbox; readonly envelope: Envelope } => {
        const request = make();
        const { mailbox } = route(request);
        const { to, call, fingerprint, options } = request;
        if (options.envelopeId !== undefined && !isKept(options.envelopeId))
          throw notASend(options.envelopeId);
        const sent = sentFrom(request);
        const trace = tracer ? tracer.send(sent) : sent.trace;
        const envelope: Envelope = {
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
          ...(trace && { trace }),
        };
        checkSize(envelope);
        mailbox.admit?.(envelope, { inTurn: turn !== undefined });
        return { mailbox, envelope };
      };
      if (turn) return post(turn, () => pack().envelope);
      return (async () => {
        const { mailbox, envelope } = pack();
        await handOver(envelope, mailbox);
      })();
    },
  };
}

/** A call that a turn makes. */
function leaveTurn(turn: Turn, leave: () => Eventual<void>): Promise<void> {
  const leaving = async () => {
    // What this turn has read may not be durable yet; nothing may leave the instance before it is.
    await turn.readsDurable();
    await leave();
  };
  const left = leaving();
  // A call that nobody awaits leaves all the same: a worker may be frozen as soon as its turns have ended.
  turn.hold(left);
  return left;
}

/** Puts an envelope into its mailbox. @throws ActorError the message was refused, or it is unknown whether it was sent */
export function handOver(
  envelope: Envelope,
  mailbox: Mailbox,
  options?: Parameters<Mailbox["send"]>[1],
): Eventual<void> {
  const sent = mailbox.send(envelope, options);
  if (!isLater(sent)) return sent;
  return sent.catch((cause: unknown) => {
    throw brokenOff(envelope, cause);
  });
}

/** What a tracer is told: what is asked, and for which call or request. */
function sentFrom({ to, call }: CallRequest): Sent {
  const { trace } = currentTurn.getStore() ?? currentRequest.getStore() ?? {};
  return { to, method: call.method, trace };
}

/** Of a call that was sent: its instance may have more to do than it can, or its worker may be gone. */
export function tellUnanswered(envelope: Envelope, telemetry: Telemetry): void {
  telemetry.count("CallsUnanswered", { type: envelope.to.type });
  telemetry.problem("call unanswered", {
    ...aboutEnvelope(envelope),
    reason: "no reply came before its deadline; it may still run",
  });
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

/** The answer, or at once the signal's reason when it is aborted. @param gone called then */
export async function unlessAborted<T>(
  answer: Promise<T>,
  signal: AbortSignal | undefined,
  gone: () => void,
): Promise<T> {
  if (!signal) return answer;
  let forget = () => {};
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => {
      gone();
      reject(signal.reason);
    };
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

/** @throws PayloadTooLargeError nothing was sent */
export function checkSize(envelope: Envelope): void {
  if (isSurelySmall(envelope)) return;
  const bytes = utf8Length(encodeEnvelope(envelope));
  if (bytes > MAX_ENVELOPE_BYTES) {
    throw new PayloadTooLargeError(
      `${envelope.call.kind === "fetch" ? "the request makes" : `the arguments of ${envelope.call.method} make`} an envelope of ${bytes} bytes; at most ${MAX_ENVELOPE_BYTES} are allowed`,
      { effect: "refused" },
    );
  }
}

/** Whether it fits by its lengths alone, without being encoded: a character of a text takes six bytes at most, escaped. */
function isSurelySmall({ to, call, chain }: Envelope): boolean {
  const texts = [to.type, to.name, call.method, call.args, ...chain];
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  return 6 * characters + ENVELOPE_OVERHEAD_BYTES + 3 * chain.length <= MAX_ENVELOPE_BYTES;
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
    throw unknownType(type, types);
  };
}

/** Nobody here has instances of that type. */
export function unknownType(type: string, types: ReadonlySet<string>): ActorUnknownTypeError {
  const shown = type.slice(0, 64);
  const meant = nearName(shown, types);
  return new ActorUnknownTypeError(
    `no actor of type "${shown}" here; ${meant ? `did you mean ${meant}? ` : ""}there is: ${[...types].join(", ")}`,
  );
}

/** One mailbox for all: each envelope goes the way of its receiver's type. */
export function mailboxOf(routeTo: CallerDeps["routeTo"]): Mailbox {
  return {
    async send(envelope) {
      await routeTo(envelope.to.type).mailbox.send(envelope);
    },
  };
}
