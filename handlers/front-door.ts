import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Caller } from "../runtime/core/caller.ts";
import { ActorError, messageOf, stackOf } from "../runtime/core/errors.ts";
import { requestDeadline } from "../runtime/core/request-deadline.ts";
import type { Env } from "../runtime/core/stateful-actor.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
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
  readonly call: Caller;
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
  call,
  requestWaitMs,
  clock,
  telemetry,
}: FrontDoorDeps): Hono {
  const answer: FetchHandler = handler ?? createRpcDoor({ types, call });
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
  door.all("*", async (context) => {
    if (!isDecodable(context.req.raw.url)) {
      return refusal(400, "BadRequestError", "the path holds a percent sign that is no valid escape");
    }
    const deadline = clock.now() + requestWaitMs;
    const response: unknown = await requestDeadline
      .run(deadline, async () => answer(context.req.raw, env))
      .catch((thrown: unknown) => {
        // Hono's error handler sees nothing but errors.
        throw thrown instanceof Error ? thrown : new Error(`the fetch handler threw ${messageOf(thrown)}`);
      });
    if (response instanceof Response) return typed(response);
    return refusal(500, "InternalError", "the fetch handler returned no Response");
  });
  door.onError((error) => {
    // An actor's own error is its caller's business, and the side that ran the turn has reported it.
    if (!(error instanceof ActorError) || error.cause !== undefined) {
      telemetry.problem("request failed", { reason: messageOf(error.cause ?? error), stack: stackOf(error) });
    }
    return errorResponse(error);
  });
  return door;
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
