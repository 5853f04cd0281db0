import { ActorCallTimeoutError, ActorError } from "../runtime/core/errors.ts";

/** HTTP status by error name; for the rest 400 when nothing ran, else 500. */
const STATUS: ReadonlyMap<string, number> = new Map([
  ["ActorNameError", 400],
  ["ActorPrivateMethodError", 403],
  ["ActorUnknownMethodError", 404],
  ["ActorUnknownTypeError", 404],
  ["PayloadTooLargeError", 413],
  ["ActorMethodTimeoutError", 504],
  ["ActorFetchTimeoutError", 504],
  ["ActorIdempotencyError", 422],
  ["ActorConnectionError", 502],
  ["BlockConcurrencyTimeoutError", 504],
  ["ActorCallTimeoutError", 504],
  ["ActorDeadlineError", 504],
  ["ActorOverloadedError", 503],
]);
/** Not in the standard: what servers put into their logs for it. */
const HUNG_UP = 499;
/** When a caller that was refused for overload should ask again, in seconds. */
const RETRY_AFTER_SECONDS = 1;

/** The answer to a request that failed with `error`. What is not the runtime's own error stays inside. */
export function errorResponse(error: unknown): Response {
  if (!(error instanceof ActorError)) {
    return refusal(500, "InternalError", "the request failed inside the server; its log says why");
  }
  const status = STATUS.get(error.name) ?? (error.effect === "refused" ? 400 : 500);
  const envelope = error instanceof ActorCallTimeoutError && error.envelopeId;
  return Response.json(
    { error: { name: error.name, message: error.message, ...(envelope && { envelope }) } },
    { status, ...(status === 503 && { headers: { "retry-after": String(RETRY_AFTER_SECONDS) } }) },
  );
}

/**
 * What answers a client that has hung up: nobody reads it. What is thrown for that, while its body is read or its call waits, is
 * nobody's failure.
 *
 * @throws `error`, when it is the runtime's own, or the client is still there
 */
export function unlessHungUp(error: unknown, { signal }: Request): Response {
  if (!signal.aborted || error instanceof ActorError) throw error;
  return new Response(null, { status: HUNG_UP });
}

/** An error answer in the one form all of them have: `{ "error": { "name", "message" } }`. */
export function refusal(status: number, name: string, message: string): Response {
  return Response.json({ error: { name, message } }, { status });
}
