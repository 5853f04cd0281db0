import { decode, encode } from "./codec.ts";
import { CodecError, messageOf } from "./errors.ts";

export type FetchInput = Request | string | URL;
export type FetchOptions = RequestInit;

/** A request as it travels: codec value. Bodies are bytes, whole. */
export interface WireRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** A response as it travels. */
interface WireResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * The requests that each signal belongs to. A platform request passes an abort on to its signal only as long as somebody
 * holds the request itself, and who waits for an answer holds no more than the signal.
 */
const requestsOf = new WeakMap<AbortSignal, readonly unknown[]>();

/** Statuses whose responses must not have a body. */
const NULL_BODY = new Set([101, 103, 204, 205, 304]);

/**
 * The request that `fetch(input, init)` makes, read to its end.
 *
 * @throws TypeError no absolute URL, or what else the platform's `Request` refuses
 */
export async function readRequest(
  input: FetchInput,
  init: FetchOptions | undefined,
): Promise<{ request: WireRequest; signal: AbortSignal }> {
  const source = build(input, init);
  const { method, url, headers, signal } = source;
  signal.throwIfAborted();
  requestsOf.set(signal, [input, source]);
  const body = source.body === null ? undefined : new Uint8Array(await source.arrayBuffer());
  return { request: { method, url, headers: [...headers], body }, signal };
}

function build(input: FetchInput, init: FetchOptions | undefined): Request {
  try {
    return new Request(input, init);
  } catch (cause) {
    const shown = typeof input === "string" ? ` for ${JSON.stringify(input.slice(0, 100))}` : "";
    throw new TypeError(
      `stub.fetch takes a Request, or an absolute URL such as "https://actor/path"${shown}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** @param signal aborted when the handler's time is over */
export function toRequest(value: unknown, signal: AbortSignal): Request {
  const { method, url, headers, body } = value as WireRequest;
  return new Request(url, {
    method,
    headers: toHeaders(headers),
    signal,
    ...(body !== undefined && { body }),
  });
}

/**
 * The response of a fetch handler, read to its end.
 *
 * @throws CodecError what the handler returned is no response
 */
export async function readResponse(returned: unknown): Promise<WireResponse> {
  if (!(returned instanceof Response)) {
    throw new CodecError(
      `fetch returned ${returned === null ? "null" : typeof returned}; it must return a Response`,
    );
  }
  if (returned.status < 200) {
    throw new CodecError(
      `fetch returned a Response of status ${returned.status}; it must be from 200 to 599`,
    );
  }
  if (returned.bodyUsed) throw new CodecError("fetch returned a Response whose body has been read already");
  const { status, statusText, headers } = returned;
  const body = returned.body === null ? undefined : new Uint8Array(await returned.arrayBuffer());
  return { status, statusText, headers: [...headers], body };
}

/** The response for the caller. */
export function toResponse(value: unknown): Response {
  const { status, statusText, headers, body } = value as WireResponse;
  return new Response(NULL_BODY.has(status) ? null : (body ?? null), {
    status,
    statusText,
    headers: toHeaders(headers),
  });
}

/**
 * The arguments of a fetch, with `text` in the place of whatever its request says in a header.
 *
 * @param args codec text
 * @param text `null`: the header is taken away
 * @throws TypeError or CodecError these are no such arguments
 */
export function withHeader(args: string, name: string, text: string | null): string {
  const [request] = decode(args, "the request") as [WireRequest];
  // As they are for the handler: no way of writing a name comes past this.
  const headers = toHeaders(request.headers);
  headers.delete(name);
  if (text !== null) headers.set(name, text);
  return encode([{ ...request, headers: [...headers] }], "the request");
}

function toHeaders(wire: WireRequest["headers"]): Headers {
  return new Headers(wire.map(([name, text]): [string, string] => [name, text]));
}
