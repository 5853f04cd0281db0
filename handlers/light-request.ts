import type { IncomingMessage, ServerResponse } from "node:http";
import { delegate } from "./delegation.ts";
import { readText, streamBody } from "./light-body.ts";
import { join, lightHeaders } from "./light-headers.ts";

/** A request target that a URL shows as it is: no dot segment, and nothing that would be escaped. */
const PLAIN_TARGET = /^(?:\/(?!\.|%2e)[\w\-.~!$&()*+,;=:@%]*)+(?:\?[\w\-.~!$&()*+,;=:@%/?]*)?$/i;
const WHOLE = /^https?:\/\/(?!\/)/i;
/**
 * What is more than a host and its port, or is written otherwise in a URL. Two Hosts are one text with a space: whoever stands before
 * this server may have gone by either.
 */
const NO_AUTHORITY = /[^!-~]|[/?#@\\]/;
/** Where a request lies whose client does not say (HTTP/1.0). */
const NO_HOST = "localhost";

/** The request has no URL: its client is told so. */
export class TargetError extends Error {
  override readonly name = "TargetError";
}

const GenuineRequest = globalThis.Request;

/** The platform's own request behind a light one. */
let genuineOf: (request: LightRequest) => Request;

/**
 * A request that a Node server has received. Method, URL, single headers and a body of text are all that most handlers ask for; whatever
 * else is asked, the platform's own request answers, which is made then.
 */
class LightRequest {
  static {
    genuineOf = (request) => request.#asGenuine();
    delegate(LightRequest.prototype, { genuine: GenuineRequest.prototype, behind: genuineOf });
  }

  readonly #method: string;
  readonly #url: string;
  readonly #headers: Headers;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  #abort: AbortController | undefined;
  #genuine: Request | undefined;
  #isRead = false;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#method = incoming.method ?? "GET";
    this.#headers = lightHeaders(incoming.rawHeaders);
    this.#url = urlOf(incoming.url, this.#headers);
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  get method(): string {
    return this.#method;
  }

  get url(): string {
    return this.#url;
  }

  get headers(): Headers {
    return this.#headers;
  }

  /** Aborted when the client hangs up before it has its answer. */
  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal;
    const abort = new AbortController();
    this.#abort = abort;
    const outgoing = this.#outgoing;
    const closed = () => {
      if (!outgoing.writableFinished) abort.abort();
    };
    if (outgoing.closed || outgoing.destroyed) closed();
    else outgoing.once("close", closed);
    return abort.signal;
  }

  get bodyUsed(): boolean {
    return this.#isRead || (this.#genuine?.bodyUsed ?? false);
  }

  text(): Promise<string> {
    if (this.#genuine || this.#isRead || !this.#hasBody) return this.#asGenuine().text();
    this.#isRead = true;
    return readText(this.#incoming);
  }

  json(): Promise<unknown> {
    return this.text().then(JSON.parse);
  }

  #asGenuine(): Request {
    if (this.#genuine) return this.#genuine;
    const { method, headers, signal } = this;
    const init: RequestInit & { duplex?: "half" } = { method, headers: [...headers], signal };
    if (this.#isRead) init.body = new Uint8Array();
    else if (this.#hasBody)
      Object.assign(init, { body: streamBody(this.#incoming, this.#outgoing), duplex: "half" });
    const genuine = new GenuineRequest(this.url, init);
    // What is read is read also there.
    if (this.#isRead) void genuine.text();
    join(headers, genuine.headers);
    this.#genuine = genuine;
    return genuine;
  }

  get #hasBody(): boolean {
    return this.#method !== "GET" && this.#method !== "HEAD";
  }
}

/**
 * @throws TargetError the client has sent a target, or a Host, of which no URL can be made
 */
export function lightRequest(incoming: IncomingMessage, outgoing: ServerResponse): Request {
  return new LightRequest(incoming, outgoing) as unknown as Request;
}

/** The platform's own request behind a light one; anything else as it is. */
export function genuineRequest<T>(input: T): T | Request {
  return input instanceof LightRequest ? genuineOf(input) : input;
}

function urlOf(target = "/", headers: Headers): string {
  const origin = originOf(headers.get("host") ?? NO_HOST);
  if (PLAIN_TARGET.test(target)) return origin + target;
  // A proxy's client names the whole URL.
  const url = target.startsWith("/")
    ? URL.parse(origin + target)
    : WHOLE.test(target)
      ? URL.parse(target)
      : null;
  // What a backslash is taken for differs, and no request of the platform's has a URL that names a user.
  if (url && !target.includes("\\") && !url.username && !url.password) return url.href;
  throw new TargetError(`the request's target ${shown(target)} is no path`);
}

/** The last Host, and its origin: nearly all requests name the same. */
let known = { host: NO_HOST, origin: `http://${NO_HOST}` };

function originOf(host: string): string {
  if (host === known.host) return known.origin;
  const url = NO_AUTHORITY.test(host) ? null : URL.parse(`http://${host}`);
  // A name that a URL writes otherwise, as it does 0x7f.1, would be checked as one host and be another.
  if (url?.hostname !== host.replace(/:\d*$/, "").toLowerCase())
    throw new TargetError(`the request's Host ${shown(host)} names none`);
  known = { host, origin: url.origin };
  return url.origin;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
