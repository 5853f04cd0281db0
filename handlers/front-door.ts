import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Caller } from "../runtime/core/caller.ts";
import { CALL_WAIT_MS, requestDeadline } from "../runtime/core/caller.ts";
import { messageOf } from "../runtime/core/errors.ts";
import type { Env } from "../runtime/core/stateful-actor.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import { errorResponse, refusal } from "./http-error.ts";
import type { FetchHandler } from "./project-module.ts";
import { createRpcDoor } from "./rpc-door.ts";

/** Largest request body, in bytes: what fits into an envelope. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface FrontDoorDeps {
  /** The project's own handler; without one the RPC door answers. */
  readonly handler: FetchHandler | undefined;
  readonly env: Env;
  readonly types: ReadonlySet<string>;
  readonly call: Caller;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Where requests come in, on Lambda and on the embedded server alike. Every failure is answered in JSON. */
export function createFrontDoor({ handler, env, types, call, clock, telemetry }: FrontDoorDeps): Hono {
  const answer: FetchHandler = handler ?? createRpcDoor({ types, call });
  const door = new Hono();
  door.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => refusal(413, "PayloadTooLargeError", `the request body is over ${MAX_BODY_BYTES} bytes`),
    }),
  );
  door.all("*", async (context) => {
    const deadline = clock.now() + CALL_WAIT_MS;
    const response: unknown = await requestDeadline.run(deadline, () => answer(context.req.raw, env));
    if (response instanceof Response) return response;
    return refusal(500, "InternalError", "the fetch handler returned no Response");
  });
  door.onError((error) => {
    const response = errorResponse(error);
    if (response.status === 500)
      telemetry.problem("request failed", {
        error: error.name,
        reason: messageOf(error),
        stack: error.stack,
      });
    return response;
  });
  return door;
}
