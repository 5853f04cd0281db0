import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import {
  ENVELOPE_TYPE,
  ENVELOPES_PATH,
  OUTCOME_TYPE,
  SENT_AT_HEADER,
} from "../runtime/adapters/http/envelope-protocol.ts";
import { checkIdempotencyKey } from "../runtime/core/call-options.ts";
import type { Caller } from "../runtime/core/caller.ts";
import { EnvelopeError } from "../runtime/core/envelope.ts";
import { ActorError, messageOf, stackOf } from "../runtime/core/errors.ts";
import { currentRequest, RequestContext } from "../runtime/core/request-context.ts";
import type { Env } from "../runtime/core/stateful-actor.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import type { EnvelopeDoor } from "./envelope-door.ts";
import { errorResponse, refusal } from "./http-error.ts";
import type { FetchHandler } from "./project-module.ts";
import { createRpcDoor } from "./rpc-door.ts";

/** Largest request body, in bytes: what fits into an envelope. */
const MAX_BODY_BYTES = 1024 * 1024;
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
  /** How long one request may take, in ms, all of its calls together. */
  readonly requestWaitMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Where requests come in, on Lambda and on the embedded server alike. Every failure is answered in JSON. */
export function createFrontDoor({
  handler,
  env,
  types,
  caller,
  envelopes,
  requestWaitMs,
  clock,
  telemetry,
}: FrontDoorDeps): Hono {
  const answer: FetchHandler = handler ?? createRpcDoor({ types, caller });
  const door = new Hono();
  door.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: async ({ req }) => {
        const answer = refusal(
          413,
          "PayloadTooLargeError",
          `the request body is over ${MAX_BODY_BYTES} bytes`,
        );
        // What can't be read to its end leaves a connection that nobody can use again.
        if (!(await discard(req.raw.body))) answer.headers.set("connection", "close");
        return answer;
      },
    }),
  );
  if (envelopes) door.post(ENVELOPES_PATH, ({ req }) => takeEnvelope(req.raw, envelopes));
  door.all("*", async (context) => {
    if (!isDecodable(context.req.raw.url)) {
      return refusal(400, "BadRequestError", "the path holds a percent sign that is no valid escape");
    }
    const idempotencyKey = context.req.raw.headers.get("idempotency-key") ?? undefined;
    if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey);
    const request = new RequestContext({ deadline: clock.now() + requestWaitMs, idempotencyKey });
    const response: unknown = await currentRequest
      .run(request, async () => answer(context.req.raw, env))
      .catch((thrown: unknown) => {
        // Hono's error handler sees nothing but errors.
        throw thrown instanceof Error ? thrown : new Error(`the fetch handler threw ${messageOf(thrown)}`);
      });
    if (response instanceof Response) return typed(response);
    return refusal(500, "InternalError", "the fetch handler returned no Response");
  });
  door.onError((error) => {
    // An actor's own error is its caller's business, and the side that ran the turn has reported it.
    if (!(error instanceof ActorError) || (error.effect !== "failed" && error.cause !== undefined)) {
      telemetry.problem("request failed", { reason: messageOf(error.cause ?? error), stack: stackOf(error) });
    }
    return errorResponse(error);
  });
  return door;
}

async function takeEnvelope(request: Request, envelopes: EnvelopeDoor): Promise<Response> {
  const sentAt = Number(request.headers.get(SENT_AT_HEADER));
  // A page of another site can't send this type without asking first.
  if (request.headers.get("content-type") !== ENVELOPE_TYPE || !(sentAt > 0)) {
    return refusal(400, "BadRequestError", "this path takes envelopes of stateful-actors/client");
  }
  try {
    const outcome = await envelopes({ envelope: await request.text(), sentAt });
    if (outcome === undefined) return new Response(null, { status: 202 });
    return new Response(outcome, { headers: { "content-type": OUTCOME_TYPE } });
  } catch (error) {
    if (error instanceof EnvelopeError) return refusal(400, "BadRequestError", error.message);
    throw error;
  }
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
  if (response.body === null || response.headers.has("content-type")) return response;
  const headers = new Headers(response.headers);
  headers.set("content-type", "application/octet-stream");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** Handlers take names out of the path with `decodeURIComponent`, which throws on half an escape. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(new URL(url).pathname);
    return true;
  } catch {
    return false;
  }
}
