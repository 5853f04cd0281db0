import { type APIGatewayProxyResult, handle, type LambdaContext, type LambdaEvent } from "hono/aws-lambda";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { type ActorBinding, bindActors } from "../runtime/core/bindings.ts";
import { createCaller } from "../runtime/core/caller.ts";
import type { EnvelopeAnswer, EnvelopeEvent } from "../runtime/core/door-route.ts";
import { EnvelopeError } from "../runtime/core/envelope.ts";
import { ActorError, messageOf } from "../runtime/core/errors.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import { awsClients, awsRoute, ownAddress, ownerAddresses, routesByType } from "./aws-routes.ts";
import { createEnvelopeDoor, type EnvelopeDoor } from "./envelope-door.ts";
import { optional } from "./environment.ts";
import { createFrontDoor } from "./front-door.ts";
import { encodedPath } from "./http-api-path.ts";
import { actorClasses, fetchHandler, type ProjectModule } from "./project-module.ts";
import { surviveStrayRejectionsOnLambda } from "./stray-rejections.ts";

/** An HTTP API answers within 30 s, so the router must have answered before. */
const REQUEST_WAIT_MS = 28_000;

const DOT_SEGMENT: APIGatewayProxyResult = {
  statusCode: 400,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    error: { name: "BadRequestError", message: "a path must not hold a segment . or .. ; use another name" },
  }),
  isBase64Encoded: false,
};

/** The event of an HTTP API, payload format 2.0. */
type HttpApiEvent = Extract<LambdaEvent, { readonly rawPath: string }>;

/** The router Lambda's handler: HTTP API requests, or envelopes of other programs, in; envelopes out, replies back. */
export function createRouterHandler(project: {
  readonly module: ProjectModule;
  readonly actors: readonly ActorBinding[];
}): (
  event: HttpApiEvent | EnvelopeEvent,
  context: LambdaContext,
) => Promise<APIGatewayProxyResult | EnvelopeAnswer> {
  const clock = systemClock;
  const telemetry = consoleTelemetry;
  const owners = ownerAddresses();
  const actors = actorClasses(project.module, project.actors, (type) => owners.has(type));
  const clients = awsClients();
  const own = ownAddress();
  const routeTo = routesByType(
    clients,
    { types: new Set(actors.keys()), route: awsRoute(clients, own, own), retentionMs: own.retentionMs },
    owners,
  );
  const caller = createCaller({ actors, routeTo, clock, ids: randomIds, callWaitMs: REQUEST_WAIT_MS });
  const handler = fetchHandler(project.module);
  const envelopes = createEnvelopeDoor({ actors, routeTo, clock, requestWaitMs: REQUEST_WAIT_MS });
  // A handler of its own may check who calls; the envelopes' way must not lead around it unless asked for.
  const httpCalls = optional("HTTP_CALLS") ?? (handler ? "0" : "1");
  const door = createFrontDoor({
    handler,
    env: bindActors(project.actors, { caller, ids: randomIds }),
    types: new Set(project.actors.map(({ type }) => type)),
    caller,
    envelopes: httpCalls === "1" ? envelopes : undefined,
    requestWaitMs: REQUEST_WAIT_MS,
    clock,
    telemetry,
  });
  surviveStrayRejectionsOnLambda(telemetry);
  const adapter = handle(door);
  return async (event, context) => {
    if ("envelope" in event) return answerEnvelope(event, { envelopes, telemetry });
    const rawPath = encodedPath(event.rawPath);
    if (rawPath === undefined) return DOT_SEGMENT;
    return adapter({ ...event, rawPath }, context);
  };
}

/** The answer to a program that invokes this function itself. */
async function answerEnvelope(
  event: EnvelopeEvent,
  { envelopes, telemetry }: { envelopes: EnvelopeDoor; telemetry: Telemetry },
): Promise<EnvelopeAnswer> {
  try {
    const outcome = await envelopes(event);
    return outcome === undefined ? { sent: true } : { outcome };
  } catch (error) {
    if (error instanceof ActorError || error instanceof EnvelopeError) {
      if (error.cause !== undefined) telemetry.problem("request failed", { reason: messageOf(error.cause) });
      return { error: { name: error.name, message: error.message } };
    }
    throw error;
  }
}
