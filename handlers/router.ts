import { Hono } from "hono";
import { type APIGatewayProxyResult, handle, type LambdaContext, type LambdaEvent } from "hono/aws-lambda";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { type ActorBinding, bindActors, bindSecrets } from "../runtime/core/bindings.ts";
import { createCaller } from "../runtime/core/caller.ts";
import type { EnvelopeAnswer, EnvelopeEvent } from "../runtime/core/door-route.ts";
import { EnvelopeError } from "../runtime/core/envelope.ts";
import { ActorError, messageOf } from "../runtime/core/errors.ts";
import type { Secrets } from "../runtime/core/secrets.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import {
  type AwsClients,
  awsClients,
  awsRoute,
  ownAddress,
  ownerAddresses,
  routesByType,
} from "./aws-routes.ts";
import { lambdaTelemetry } from "./aws-telemetry.ts";
import { flushSpans, tracerOf } from "./aws-tracing.ts";
import { withCallerIdentity } from "./caller-identity.ts";
import { createEnvelopeDoor, type EnvelopeDoor } from "./envelope-door.ts";
import { optional } from "./environment.ts";
import { createFrontDoor, refuseUnread } from "./front-door.ts";
import { encodedPath } from "./http-api-path.ts";
import { refusal } from "./http-error.ts";
import { actorClasses, fetchHandler, type ProjectModule } from "./project-module.ts";
import { uninvited } from "./same-site.ts";
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

const NO_CONTENT: APIGatewayProxyResult = { statusCode: 204, headers: {}, body: "", isBase64Encoded: false };

/** The event of an HTTP API, payload format 2.0. */
type HttpApiEvent = Extract<LambdaEvent, { readonly rawPath: string }>;

/** The router Lambda's handler: HTTP API requests, or envelopes of other programs, in; envelopes out, replies back. */
export function createRouterHandler(
  project: {
    readonly module: ProjectModule;
    readonly actors: readonly ActorBinding[];
    /** Of a project that declares any. */
    readonly secrets?: Secrets;
  },
  clients: AwsClients = awsClients(),
): (
  event: HttpApiEvent | EnvelopeEvent,
  context: LambdaContext,
) => Promise<APIGatewayProxyResult | EnvelopeAnswer> {
  const clock = systemClock;
  const telemetry = lambdaTelemetry();
  const tracer = tracerOf();
  const owners = ownerAddresses();
  const actors = actorClasses(project.module, project.actors, (type) => owners.has(type));
  const own = ownAddress();
  const routeTo = routesByType(
    clients,
    { types: new Set(actors.keys()), route: awsRoute(clients, own, own), retentionMs: own.retentionMs },
    owners,
  );
  const caller = createCaller({
    actors,
    routeTo,
    clock,
    ids: randomIds,
    callWaitMs: REQUEST_WAIT_MS,
    telemetry,
    tracer,
  });
  bindSecrets(project.secrets);
  const handler = fetchHandler(project.module);
  const envelopes = createEnvelopeDoor({ actors, routeTo, clock, requestWaitMs: REQUEST_WAIT_MS, telemetry });
  const maxBodyBytes = optional("MAX_BODY_BYTES");
  // A handler of its own may check who calls; the envelopes' way must not lead around it unless asked for.
  const httpCalls = optional("HTTP_CALLS") ?? (handler ? "0" : "1");
  const door = createFrontDoor({
    handler,
    env: bindActors(project.actors, { caller, ids: randomIds }),
    types: new Set(project.actors.map(({ type }) => type)),
    caller,
    envelopes: httpCalls === "1" ? envelopes : undefined,
    namesCaller: true,
    requestWaitMs: REQUEST_WAIT_MS,
    ...(maxBodyBytes !== undefined && { maxBodyBytes: Number(maxBodyBytes) }),
    clock,
    telemetry,
    tracer,
  });
  surviveStrayRejectionsOnLambda(telemetry);
  const allowedOrigins = new Set(optional("FRONT_DOOR_ORIGINS")?.split(" "));
  const enter = (request: Request) => {
    const strange = handler ? undefined : uninvited(request, allowedOrigins);
    if (strange === undefined) return door.fetch(request);
    return refuseUnread(request, refusal(403, "ForeignRequestError", strange));
  };
  const adapter = handle(new Hono().all("*", ({ req }) => enter(req.raw)));
  const answer = async (event: HttpApiEvent | EnvelopeEvent, context: LambdaContext) => {
    if ("envelope" in event) return answerEnvelope(event, { envelopes, telemetry });
    if (isPreflight(event)) return NO_CONTENT;
    const rawPath = encodedPath(event.rawPath);
    if (rawPath === undefined) return DOT_SEGMENT;
    return adapter({ ...withCallerIdentity(event), rawPath }, context);
  };
  return (event, context) =>
    telemetry.invocation(context.awsRequestId, async () => {
      try {
        return await answer(event, context);
      } finally {
        await flushSpans(tracer, { clock, telemetry });
      }
    });
}

/**
 * Whether it came by the route that lets browsers ask whether a page of another site may call. Nobody is asked who he is there, so
 * nothing of the project may run; the API itself adds what browsers want to read.
 */
function isPreflight({ routeKey }: HttpApiEvent): boolean {
  return routeKey.startsWith("OPTIONS ");
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
      if (error.cause !== undefined) {
        telemetry.count("RequestsFailed", {});
        telemetry.problem("request failed", { reason: messageOf(error.cause) });
      }
      return { error: { name: error.name, message: error.message } };
    }
    throw error;
  }
}
