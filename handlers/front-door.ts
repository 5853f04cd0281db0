import {
  ENVELOPE_TYPE,
  ENVELOPES_PATH,
  OUTCOME_TYPE,
  SENT_AT_HEADER,
} from "../runtime/adapters/http/envelope-protocol.ts";
import { checkIdempotencyKey } from "../runtime/core/call-options.ts";
import type { Caller } from "../runtime/core/caller.ts";
import { EnvelopeError } from "../runtime/core/envelope.ts";
import { ActorError, ActorOverloadedError, messageOf, stackOf } from "../runtime/core/errors.ts";
import { IDENTITY_HEADER } from "../runtime/core/identity.ts";
import { isLater } from "../runtime/core/is-later.ts";
import { currentRequest, RequestContext } from "../runtime/core/request-context.ts";
import type { Env } from "../runtime/core/stateful-actor.ts";
import { requestTrace, traceIdOf } from "../runtime/core/trace-context.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Eventual } from "../runtime/ports/eventual.ts";
import type { TraceContext } from "../runtime/ports/mailbox.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import type { Ended, Tracer } from "../runtime/ports/tracer.ts";
import type { EnvelopeDoor } from "./envelope-door.ts";
import { errorResponse, refusal, unlessHungUp } from "./http-error.ts";
import { lightParts } from "./light-response.ts";
import type { FetchHandler } from "./project-module.ts";
import { pathOf } from "./request-path.ts";
import { createRpcDoor } from "./rpc-door.ts";

/** Largest request body, in bytes: what fits into an envelope. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** How much of a refused body is read before its connection is given up, in bytes. */
const MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES;

export interface FrontDoorDeps {
  /** The project's own handler; without one the RPC door answers. */
  readonly handler: FetchHandler | undefined;
  readonly env: Env;
  readonly types: ReadonlySet<string>;
  readonly caller: Caller;
  /** Takes the calls of `stateful-actors/client`; `undefined` where they must not come in over HTTP. */
  readonly envelopes: EnvelopeDoor | undefined;
  /**
   * Whether whoever lets requests in says in a header who calls. Then the calls of `stateful-actors/client` say the same to an actor's
   * `fetch`, not what the client makes up.
   */
  readonly namesCaller?: boolean;
  /** How long one request may take, in ms, all of its calls together. */
  readonly requestWaitMs: number;
  /** Largest body of a request. */
  readonly maxBodyBytes?: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Who makes spans of requests, if that is wanted. */
  readonly tracer?: Tracer | undefined;
}

/** Where requests come in. */
export interface FrontDoor {
  /** Never rejects: every failure is answered in JSON. */
  fetch(request: Request): Promise<Response>;
}

/** Where requests come in, on Lambda and on the embedded server alike. */
export function createFrontDoor({
  handler,
  env,
  types,
  caller,
  envelopes,
  namesCaller = false,
  requestWaitMs,
  maxBodyBytes = MAX_BODY_BYTES,
  clock,
  telemetry,
  tracer,
}: FrontDoorDeps): FrontDoor {
  const handle: FetchHandler = handler ?? createRpcDoor({ types, caller });

  const answer = (request: Request, trace: TraceContext | undefined): Eventual<Response> => {
    const path = pathOf(request.url);
    if (envelopes && request.method === "POST" && path === ENVELOPES_PATH)
      return takeEnvelope(request, { envelopes, namesCaller, trace });
    if (!isDecodable(path))
      return refusal(400, "BadRequestError", "the path holds a percent sign that is no valid escape");
    const idempotencyKey = request.headers.get("idempotency-key") ?? undefined;
    if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey);
    const context = new RequestContext({ deadline: clock.now() + requestWaitMs, idempotencyKey, trace });
    return currentRequest.run(context, handle, request, env);
  };

  const checked = (response: unknown): Response =>
    response instanceof Response
      ? typed(response)
      : refusal(500, "InternalError", "the fetch handler returned no Response");

  const failure = (thrown: unknown, trace: TraceContext | undefined): Response => {
    const error =
      thrown instanceof Error ? thrown : new Error(`the fetch handler threw ${messageOf(thrown)}`);
    // An actor's own error is its caller's business, and the side that ran the turn has reported it.
    if (!(error instanceof ActorError) || (error.effect !== "failed" && error.cause !== undefined)) {
      telemetry.count("RequestsFailed", {});
      telemetry.problem("request failed", {
        ...(trace && { traceId: traceIdOf(trace) }),
        reason: messageOf(error.cause ?? error),
        stackTrace: stackOf(error),
      });
    }
    return errorResponse(error);
  };

  return {
    async fetch(request) {
      const trace = requestTrace(request.headers);
      try {
        const found = limited(request, maxBodyBytes);
        const taken = isLater(found) ? await found : found;
        const respond = () => (taken ? answer(taken, trace) : tooLarge(request, maxBodyBytes));
        const response = tracer
          ? await tracer.request(
              { name: request.method, trace },
              async () => checked(await respond()),
              endOfRequest,
            )
          : checked(await respond());
        // What a HEAD asks for has no body, whatever the handler makes.
        return request.method === "HEAD" ? new Response(null, response) : response;
      } catch (error) {
        return failure(error, trace);
      }
    },
  };
}

function endOfRequest({ status }: Response): Ended {
  return status < 500 ? { ok: true } : { ok: false, error: { name: `${status}` } };
}

/** The request, or `undefined` where its body is over the limit. */
export function limited(
  request: Request,
  maxBytes = MAX_BODY_BYTES,
): Request | undefined | Promise<Request | undefined> {
  return isAnnounced(request) ? withinLimit(request, maxBytes) : readWithinLimit(request, maxBytes);
}

/** Whether a request says how long its body is. What announces two lengths is to be believed in neither. */
function isAnnounced({ headers }: Request): boolean {
  return headers.has("content-length") && !headers.has("transfer-encoding");
}

function withinLimit(request: Request, maxBytes: number): Request | undefined {
  return Number(request.headers.get("content-length")) > maxBytes ? undefined : request;
}

/** The same for a body of unknown length: it is read. */
async function readWithinLimit(request: Request, maxBytes: number): Promise<Request | undefined> {
  if (!request.body) return request;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (const reader = request.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > maxBytes) return undefined;
    parts.push(value);
  }
  return new Request(request, { body: Buffer.concat(parts) });
}

export async function tooLarge({ body }: Request, maxBytes = MAX_BODY_BYTES): Promise<Response> {
  const answer = refusal(413, "PayloadTooLargeError", `the request body is over ${maxBytes} bytes`);
  // What can't be read to its end leaves a connection that nobody can use again.
  if (!(await discard(body))) answer.headers.set("connection", "close");
  return answer;
}

async function takeEnvelope(
  request: Request,
  {
    envelopes,
    namesCaller,
    trace,
  }: { envelopes: EnvelopeDoor; namesCaller: boolean; trace: TraceContext | undefined },
): Promise<Response> {
  const sentAt = Number(request.headers.get(SENT_AT_HEADER));
  // A page of another site can't send this type without asking first.
  if (request.headers.get("content-type") !== ENVELOPE_TYPE || !(sentAt > 0)) {
    return refusal(400, "BadRequestError", "this path takes envelopes of stateful-actors/client");
  }
  try {
    const outcome = await envelopes({
      envelope: await request.text(),
      sentAt,
      signal: request.signal,
      trace,
      ...(namesCaller && { caller: request.headers.get(IDENTITY_HEADER) }),
    });
    if (outcome === undefined) return new Response(null, { status: 202 });
    return new Response(outcome, { headers: { "content-type": OUTCOME_TYPE } });
  } catch (error) {
    if (error instanceof EnvelopeError) return refusal(400, "BadRequestError", error.message);
    return unlessHungUp(error, request);
  }
}

/** The answer to a request that there is no room for. */
export function turnAway(request: Request): Promise<Response> {
  return refuseUnread(
    request,
    errorResponse(
      new ActorOverloadedError(
        "the server has as many requests under way as it can hold; ask again a little later",
      ),
    ),
  );
}

/** Gives an answer to a request whose body nobody has read. */
export async function refuseUnread(request: Request, answer: Response): Promise<Response> {
  if (!(await discard(request.body))) answer.headers.set("connection", "close");
  return answer;
}

/**
 * A refused body is read on for a while: a client that is still sending would see a broken connection, not the refusal.
 *
 * @returns whether it was read to its end
 */
async function discard(body: ReadableStream<Uint8Array> | null): Promise<boolean> {
  if (!body) return true;
  if (body.locked) return false;
  let bytes = 0;
  for await (const part of body) {
    bytes += part.byteLength;
    if (bytes > MAX_DISCARDED_BYTES) return false;
  }
  return true;
}

/** Bytes without a type are bytes: on Lambda they would travel as text, and be broken on the way. */
function typed(response: Response): Response {
  const said = lightParts(response)?.headers ?? response.headers;
  if (typeof said === "string" || said.has("content-type") || response.body === null) return response;
  const headers = new Headers(response.headers);
  headers.set("content-type", "application/octet-stream");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** Whether a path holds no half of an escape: handlers take names out of it with `decodeURIComponent`, which throws on that. */
function isDecodable(path: string): boolean {
  if (!path.includes("%")) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
