import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errorResponse, refusal } from "./http-error.ts";
import { lightRequest, TargetError } from "./light-request.ts";
import { type LightParts, lightParts } from "./light-response.ts";

/** How much of a body that is there at once is gathered, to say its length, in bytes. */
const GATHERED_BYTES = 1024 * 1024;

export interface ListenerOptions {
  /** Answers a request; must not reject. */
  readonly fetch: (
    request: Request,
    exchange: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse },
  ) => Response | Promise<Response>;
  /** Told what broke a response off in its middle, unless it was the client. */
  readonly brokenOff: (error: unknown) => void;
}

/** Serves what answers requests of the platform's kind on a Node server. */
export function createListener({ fetch, brokenOff }: ListenerOptions): RequestListener {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    // The platform's requests can't have this method.
    if (incoming.method === "TRACE")
      return write(refusal(405, "MethodNotAllowedError", "TRACE is not served"), outgoing);
    const response = await fetch(lightRequest(incoming, outgoing), { incoming, outgoing });
    const parts = lightParts(response);
    if (parts) writeLight(parts, outgoing);
    else await write(response, outgoing);
  };
  const fail = async (error: unknown, outgoing: ServerResponse): Promise<void> => {
    if (error instanceof TargetError) return write(refusal(400, "BadRequestError", error.message), outgoing);
    // The client is gone.
    if ((error as { code?: unknown } | undefined)?.code === "ERR_STREAM_PREMATURE_CLOSE") return;
    brokenOff(error);
    if (outgoing.headersSent) outgoing.destroy();
    else await write(errorResponse(error), outgoing);
  };
  return (incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => fail(error, outgoing));
  };
}

async function write(response: Response, outgoing: ServerResponse): Promise<void> {
  const parts = lightParts(response);
  if (parts) writeLight(parts, outgoing);
  else if (response.body) await writeStream(response, { body: response.body, outgoing });
  else outgoing.writeHead(response.status, headOf(response.headers)).end();
}

function writeLight({ status, text, headers }: LightParts, outgoing: ServerResponse): void {
  const head = typeof headers === "string" ? ["content-type", headers] : headOf(headers);
  if (typeof headers === "string" || !headers.has("content-length"))
    head.push("content-length", String(Buffer.byteLength(text)));
  outgoing.writeHead(status, head).end(text);
}

/** Names and values in turn: one name may come with several values. */
function headOf(headers: Headers): string[] {
  const head: string[] = [];
  for (const [name, value] of headers) head.push(name, value);
  return head;
}

/** What is there at once goes with its length; the rest as it comes. */
async function writeStream(
  { status, headers }: Response,
  { body, outgoing }: { body: ReadableStream<Uint8Array>; outgoing: ServerResponse },
): Promise<void> {
  const reader = body.getReader();
  // Whatever makes the rest need not go on for a client that is gone.
  outgoing.once("close", () => void reader.cancel().catch(() => {}));
  const head = headOf(headers);
  const gathered: Uint8Array[] = [];
  let bytes = 0;
  let next = reader.read();
  while (bytes <= GATHERED_BYTES) {
    const part = await Promise.race([next, soon()]);
    if (part === undefined) break;
    if (part.done) {
      if (!headers.has("content-length")) head.push("content-length", String(bytes));
      outgoing.writeHead(status, head).end(Buffer.concat(gathered));
      return;
    }
    gathered.push(part.value);
    bytes += part.value.byteLength;
    next = reader.read();
  }
  outgoing.writeHead(status, head).flushHeaders();
  const rest = async function* () {
    yield* gathered;
    for (let part = await next; !part.done; part = await reader.read()) yield part.value;
  };
  await pipeline(Readable.from(rest(), { objectMode: false }), outgoing);
}

/** Resolves when what is at hand has had its chance. */
function soon(): Promise<undefined> {
  return new Promise((resolve) => void setImmediate(resolve, undefined));
}
