import { Agent, type OutgoingHttpHeaders, request as sendRequest } from "node:http";
import { text } from "node:stream/consumers";

const shared = new Agent({ keepAlive: true });

/** Where an API of an AWS-like endpoint is reached: plain data, so that a setup can hand it to the tests. */
export interface ApiAddress {
  /** The endpoint itself, such as `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  /** The name of the API, sent as the `Host` header: Node does not resolve `*.localhost`, and `fetch` refuses to set it. */
  readonly host: string;
  /** Keeps the connections; one for all unless given. */
  readonly agent?: Agent;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body read as JSON; throws an error that shows a body that is none. */
  json(): unknown;
}

/**
 * Sends one request to an API and reads the whole answer, whatever its status. A body that is not a string or bytes is sent as
 * JSON. `path` goes out as given: the caller encodes it.
 */
export type SendRequest = (
  method: string,
  path: string,
  body?: unknown,
  headers?: OutgoingHttpHeaders,
) => Promise<ApiAnswer>;

export function apiClient({ endpoint, host, agent = shared }: ApiAddress): SendRequest {
  return (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
      const payload = raw ? body : JSON.stringify(body);
      const { hostname, port } = new URL(endpoint);
      const defaults: OutgoingHttpHeaders =
        payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
      const outgoing = sendRequest(
        { hostname, port, method, path, agent, headers: { ...defaults, ...headers, host } },
        (incoming) =>
          text(incoming).then(
            (body) =>
              resolve({
                status: incoming.statusCode ?? 0,
                headers: incoming.headers,
                text: body,
                json: () => parseJson(body, `${method} ${path} → ${incoming.statusCode}`),
              }),
            reject,
          ),
      );
      outgoing.on("error", reject);
      outgoing.end(payload);
    });
}

function parseJson(body: string, where: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new Error(`${where}: the body is not JSON: ${body.slice(0, 500)}`, { cause });
  }
}
