import type { Route } from "../../core/caller.ts";
import { createDoorRoute, type DoorAnswer, doorError } from "../../core/door-route.ts";
import { encodeEnvelope } from "../../core/envelope.ts";
import { ActorConnectionError, messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { ENVELOPE_TYPE, ENVELOPES_PATH, OUTCOME_TYPE, SENT_AT_HEADER } from "./envelope-protocol.ts";

/** Time on top of an envelope's own, in ms, for the other side's refusal to arrive. */
const GRACE_MS = 5_000;
/** How long a one-way message may take to become durable, in ms. */
const SEND_WAIT_MS = 10_000;

/** Names and texts of headers. */
export type HeaderTexts = Readonly<Record<string, string>>;

/** A request as it leaves, but for the headers that are still to be given. */
export interface OutgoingRequest {
  readonly method: "POST";
  readonly url: string;
  readonly headers: HeaderTexts;
  readonly body: string;
}

/** Headers to send along: asked for anew for each request, whose own headers stand. Where it fails nothing is sent. */
export type GiveHeaders = (request: OutgoingRequest) => HeaderTexts | Promise<HeaderTexts>;

export interface HttpRouteOptions {
  /** Where the front door answers, such as `http://localhost:8787`. */
  readonly url: string;
  /** Sent with every call, such as an authorization; asked anew for each. */
  readonly headers: GiveHeaders;
  readonly clock: Clock;
}

/** The way to the instances behind another program's front door. */
export function createHttpRoute({ url, headers, clock }: HttpRouteOptions): Route {
  const endpoint = endpointOf(url);
  return createDoorRoute(async (envelope) => {
    const waitMs = envelope.awaited ? envelope.deadline - clock.now() + GRACE_MS : SEND_WAIT_MS;
    const request: OutgoingRequest = {
      method: "POST",
      url: endpoint.href,
      headers: { "content-type": ENVELOPE_TYPE, [SENT_AT_HEADER]: String(clock.now()) },
      body: encodeEnvelope(envelope),
    };
    const { method, body } = request;
    const response = await fetch(endpoint, {
      method,
      headers: await headersFrom(headers, request),
      body,
      signal: AbortSignal.timeout(Math.max(0, waitMs)),
    }).catch((error: unknown) => {
      throw isUnreachable(error) ? unreachable(endpoint, error) : error;
    });
    return answerIn(response, endpoint);
  });
}

/** Headers come from the user's code: when it fails, nothing has been sent. */
async function headersFrom(give: GiveHeaders, request: OutgoingRequest): Promise<Headers> {
  try {
    const headers = new Headers(await give(request));
    for (const [name, text] of Object.entries(request.headers)) headers.set(name, text);
    return headers;
  } catch (cause) {
    throw new ActorConnectionError(
      `the headers given to connect can't be sent: ${messageOf(cause)}; give names and texts, or a function that resolves to them`,
      { cause },
    );
  }
}

async function answerIn(response: Response, endpoint: URL): Promise<DoorAnswer> {
  if (response.status === 202) return "sent";
  const text = await response.text();
  if (response.ok && response.headers.get("content-type") === OUTCOME_TYPE) return { outcome: text };
  const error = errorIn(text);
  // The gateway's own answers, or a fault in the server: it may have taken the envelope before.
  if (response.status >= 500 && (error === undefined || error.name === "InternalError")) return "unknown";
  if (error === undefined) throw new ActorConnectionError(refusalOf(response.status, endpoint));
  const meant = doorError(error);
  if (meant === "unknown") return meant;
  throw meant;
}

function refusalOf(status: number, { origin }: URL): string {
  if (status === 429)
    return `${origin} answered 429: it takes no more calls for the moment; call again later`;
  return status === 401 || status === 403
    ? `${origin} refused the call with status ${status}; give connect the headers that its authorizer asks for`
    : `${origin} answered ${status} and takes no calls of stateful-actors/client over HTTP; deploy it with httpCalls: true, or call through its router function`;
}

function errorIn(text: string): { name: string; message: string } | undefined {
  try {
    const { error } = JSON.parse(text);
    return typeof error?.name === "string" && typeof error.message === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}

/** A front door may lie behind a path of its own. */
function endpointOf(url: string): URL {
  const endpoint = new URL(url);
  endpoint.pathname = endpoint.pathname.replace(/\/$/, "") + ENVELOPES_PATH;
  return endpoint;
}

/** Codes of errors that come before anything is sent. */
const NO_CONNECTION =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPROTO|UND_ERR_CONNECT_TIMEOUT|ERR_SSL_.*|ERR_TLS_.*|CERT_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|UNABLE_TO_.*)$/;

/** Nobody listens there, there is no such host, or fetch will not go there: nothing was sent. */
function isUnreachable(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
  return NO_CONNECTION.test(String(cause?.code)) || cause?.message === "bad port";
}

function unreachable(endpoint: URL, cause: unknown): ActorConnectionError {
  return new ActorConnectionError(
    `nobody answers at ${endpoint.origin}; start the server there, or name another url`,
    { cause },
  );
}
