import { checkName } from "../runtime/core/actor-id.ts";
import { checkCallOptions } from "../runtime/core/call-options.ts";
import { methodRequest } from "../runtime/core/call-request.ts";
import { type Caller, unknownType } from "../runtime/core/caller.ts";
import { messageOf } from "../runtime/core/errors.ts";
import { resultOf } from "../runtime/core/outcome.ts";
import { refusal, unlessHungUp } from "./http-error.ts";
import { toJsonView } from "./json-view.ts";
import type { FetchHandler } from "./project-module.ts";
import { pathOf } from "./request-path.ts";

const USAGE = "POST /{type}/{name}/{method} with a JSON array of arguments";

/**
 * The built-in front door of projects that export no fetch handler. Headers: `Idempotency-Key`, `Envelope-Id` (asks again
 * for a call of unknown outcome), `Prefer: respond-async` (one-way: 202 as soon as the message is durable).
 */
export function createRpcDoor({
  types,
  caller,
}: {
  readonly types: ReadonlySet<string>;
  readonly caller: Caller;
}): FetchHandler {
  return async (request) => {
    if (request.method !== "POST") return refusal(405, "MethodNotAllowedError", `use ${USAGE}`);
    const { type, name, method } = parsePath(pathOf(request.url));
    if (type === undefined || name === undefined || method === undefined) {
      return refusal(404, "NotFoundError", `there is nothing here; use ${USAGE}`);
    }
    if (!types.has(type)) throw unknownType(type, types);
    checkName(name);
    const body = await request.text().catch((error: unknown) => unlessHungUp(error, request));
    if (body instanceof Response) return body;
    const args = parseArguments(body);
    if (!args)
      return refusal(
        400,
        "BadRequestError",
        `the body must be a JSON array of arguments, as in [5]; use ${USAGE}`,
      );
    const packed = () =>
      methodRequest({ type, name }, { method, args, options: callOptions(request.headers) });
    if (wantsNoAnswer(request.headers)) {
      await caller.send(packed);
      return new Response(null, { status: 202, headers: { "preference-applied": "respond-async" } });
    }
    const { signal } = request;
    const outcome = await caller
      .call({ ...packed(), signal })
      .catch((error: unknown) => unlessHungUp(error, request));
    return outcome instanceof Response ? outcome : jsonResponse(resultOf(outcome, method));
  };
}

function callOptions(headers: Headers) {
  const idempotencyKey = headers.get("idempotency-key");
  const envelopeId = headers.get("envelope-id");
  return checkCallOptions({
    ...(idempotencyKey !== null && { idempotencyKey }),
    ...(envelopeId !== null && { envelopeId }),
  });
}

function wantsNoAnswer(headers: Headers): boolean {
  return /(^|,)\s*respond-async\s*(,|;|$)/i.test(headers.get("prefer") ?? "");
}

/** The call has happened: a result that plain JSON can't show must not look like a call that failed by itself. */
function jsonResponse(result: unknown): Response {
  try {
    return new Response(toJsonView(result), { headers: { "content-type": "application/json" } });
  } catch (error) {
    return refusal(
      500,
      "CodecError",
      `the call was done, but its result can't be shown as JSON: ${messageOf(error)}`,
    );
  }
}

interface RpcPath {
  readonly type: string | undefined;
  readonly name: string | undefined;
  readonly method: string | undefined;
}

/**
 * The parts of a path. A name may hold slashes: an HTTP API decodes `%2F` before we see it, so whatever lies between
 * type and method is the name, on every path alike.
 */
function parsePath(pathname: string): RpcPath {
  const [type, ...rest] = pathname.slice(1).split("/").map(decodeURIComponent);
  const method = rest.pop();
  return { type, name: rest.length > 0 ? rest.join("/") : undefined, method };
}

function parseArguments(body: string): unknown[] | undefined {
  if (body.trim() === "") return [];
  try {
    const args: unknown = JSON.parse(body);
    return Array.isArray(args) ? args : undefined;
  } catch {
    return undefined;
  }
}
