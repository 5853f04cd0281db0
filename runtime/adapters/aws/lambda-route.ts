import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { Route } from "../../core/caller.ts";
import { createDoorRoute, type DoorAnswer, doorError, type EnvelopeEvent } from "../../core/door-route.ts";
import { encodeEnvelope } from "../../core/envelope.ts";
import { ActorConnectionError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";

export type { LambdaClient };

/** Time on top of an envelope's own, in ms, for the other side's refusal to arrive. */
const GRACE_MS = 5_000;
/** How long a one-way message may take to become durable, in ms. */
const SEND_WAIT_MS = 30_000;

/** Errors of the Lambda API that say that the function was not invoked. */
const NOT_INVOKED = new Set([
  "AccessDeniedException",
  "ResourceNotFoundException",
  "InvalidParameterValueException",
  "RequestTooLargeException",
  "CredentialsProviderError",
  "UnrecognizedClientException",
  "ExpiredTokenException",
  "InvalidSignatureException",
]);

export interface LambdaRouteOptions {
  /** Name or ARN of the router function. */
  readonly router: string;
  /** `undefined`: one with region and credentials of the environment. */
  readonly client: LambdaClient | undefined;
  readonly clock: Clock;
}

/** The way to the instances behind a deployed router, with the rights of the caller's AWS credentials. */
export function createLambdaRoute({ router, client, clock }: LambdaRouteOptions): Route {
  let own = client;
  return createDoorRoute(async (envelope) => {
    const waitMs = envelope.awaited ? Math.max(0, envelope.deadline - clock.now()) + GRACE_MS : SEND_WAIT_MS;
    const event: EnvelopeEvent = { envelope: encodeEnvelope(envelope), sentAt: clock.now() };
    // Loaded by programs that call this way alone.
    const { InvokeCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
    own ??= new LambdaClient({});
    const { Payload, FunctionError } = await own
      .send(new InvokeCommand({ FunctionName: router, Payload: JSON.stringify(event) }), {
        abortSignal: AbortSignal.timeout(waitMs),
      })
      .catch((error: unknown) => {
        throw isNotInvoked(error) ? notInvoked(router, error) : error;
      });
    if (FunctionError !== undefined || !Payload) return "unknown";
    return answerIn(Payload.transformToString(), router);
  });
}

function answerIn(payload: string, router: string): DoorAnswer {
  const answer: Partial<{ outcome: string; sent: true; error: { name: string; message: string } }> =
    JSON.parse(payload) ?? {};
  if (typeof answer.outcome === "string") return { outcome: answer.outcome };
  if (answer.sent) return "sent";
  if (!answer.error) {
    throw new ActorConnectionError(
      `the function ${router} is no router of stateful-actors; name the function in the stack's output RouterName`,
    );
  }
  const meant = doorError(answer.error);
  if (meant === "unknown") return meant;
  throw meant;
}

function isNotInvoked(error: unknown): error is Error {
  return error instanceof Error && (NOT_INVOKED.has(error.name) || error.message === "Region is missing");
}

function notInvoked(router: string, cause: Error): ActorConnectionError {
  return new ActorConnectionError(
    `the router function ${router} could not be invoked (${cause.name}); check its name, the region and the right lambda:InvokeFunction`,
    { cause },
  );
}
