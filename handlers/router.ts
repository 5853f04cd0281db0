import { type APIGatewayProxyResult, handle, type LambdaContext, type LambdaEvent } from "hono/aws-lambda";
import { dynamoClient, sqsClient } from "../runtime/adapters/aws/clients.ts";
import { createDynamoReplies } from "../runtime/adapters/aws/dynamo-replies.ts";
import { createSqsMailbox } from "../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { type ActorBinding, bindActors } from "../runtime/core/bindings.ts";
import { createCaller } from "../runtime/core/caller.ts";
import { required, requiredSeconds } from "./environment.ts";
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

/** The router Lambda's handler: HTTP API requests in, envelopes out, replies back. */
export function createRouterHandler(project: {
  readonly module: ProjectModule;
  readonly actors: readonly ActorBinding[];
}): (event: HttpApiEvent, context: LambdaContext) => Promise<APIGatewayProxyResult> {
  const clock = systemClock;
  const telemetry = consoleTelemetry;
  const actors = actorClasses(project.module, project.actors);
  const call = createCaller({
    actors,
    mailbox: createSqsMailbox(sqsClient(), required("MAILBOX_URL")),
    replies: createDynamoReplies({
      client: dynamoClient(),
      table: required("REPLY_TABLE"),
      clock,
      ids: randomIds,
      retentionMs: requiredSeconds("REPLY_RETENTION_SECONDS"),
    }),
    clock,
    ids: randomIds,
    callWaitMs: REQUEST_WAIT_MS,
  });
  const door = createFrontDoor({
    handler: fetchHandler(project.module),
    env: bindActors(project.actors, { call, ids: randomIds }),
    types: new Set(actors.keys()),
    call,
    requestWaitMs: REQUEST_WAIT_MS,
    clock,
    telemetry,
  });
  surviveStrayRejectionsOnLambda(telemetry);
  const adapter = handle(door);
  return async (event, context) => {
    const rawPath = encodedPath(event.rawPath);
    if (rawPath === undefined) return DOT_SEGMENT;
    return adapter({ ...event, rawPath }, context);
  };
}
