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
]);

/** The answer to a request that failed with `error`. What is not the runtime's own error stays inside. */
export function errorResponse(error: unknown): Response {
  if (!(error instanceof ActorError)) {
    return refusal(500, "InternalError", "the request failed inside the server; its log says why");
  }
  const status = STATUS.get(error.name) ?? (error.effect === "refused" ? 400 : 500);
  const envelope = error instanceof ActorCallTimeoutError && error.envelopeId;
  return Response.json(
    { error: { name: error.name, message: error.message, ...(envelope && { envelope }) } },
    { status },
  );
}

/** An error answer in the one form all of them have: `{ "error": { "name", "message" } }`. */
export function refusal(status: number, name: string, message: string): Response {
  return Response.json({ error: { name, message } }, { status });
}
