import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Eventual } from "../runtime/ports/eventual.ts";
import { errorResponse, refusal } from "./http-error.ts";
import { lightRequest, TargetError } from "./light-request.ts";
import { type LightParts, lightParts } from "./light-response.ts";

/** How much of a body that is there at once is gathered, to say its length, in bytes. */
const GATHERED_BYTES = 1024 * 1024;
const NOT_ASCII = /[\x80-\xff]/;

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
    const response =
      incoming.method === "TRACE"
        ? refusal(405, "MethodNotAllowedError", "TRACE is not served")
        : await fetch(lightRequest(incoming, outgoing), { incoming, outgoing });
    const written = write(response, outgoing);
    if (written) await written;
  };
  const fail = async (error: unknown, outgoing: ServerResponse): Promise<void> => {
    if (error instanceof TargetError) return write(refusal(400, "BadRequestError", error.message), outgoing);
    // The client is gone.
    if (
      outgoing.destroyed &&
      (error as { code?: unknown } | undefined)?.code === "ERR_STREAM_PREMATURE_CLOSE"
    )
      return;
    brokenOff(error);
    if (outgoing.headersSent) {
      outgoing.destroy();
      return;
    }
    // A head that could not be sent has left it.
    outgoing.statusMessage = "";
    await write(errorResponse(error), outgoing);
  };
  return (incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => fail(error, outgoing));
  };
}

function write(response: Response, outgoing: ServerResponse): Eventual<void> {
  const parts = lightParts(response);
  if (parts) return writeLight(parts, outgoing);
  const { status, headers, body } = response;
  if (body) return writeStream(response, { body, outgoing });
  outgoing.writeHead(status, headOf(headers, mayTellOfABody(status, outgoing) ? undefined : 0)).end();
}

/** Whether a length says how long a body would be, that does not come. */
function mayTellOfABody(status: number, { req }: ServerResponse): boolean {
  return req.method === "HEAD" || status === 204 || status === 304;
}

function writeLight({ status, text, headers }: LightParts, outgoing: ServerResponse): void {
  const bytes = Buffer.byteLength(text);
  if (typeof headers === "string") {
    outgoing.writeHead(status, ["content-type", headers, "content-length", String(bytes)]).end(text);
    return;
  }
  const head = headOf(headers, bytes);
  // A head that goes with text would be encoded as the text is.
  outgoing.writeHead(status, head).end(NOT_ASCII.test(head.join("")) ? Buffer.from(text) : text);
}

/**
 * Names and values in turn: one name may come with several values. Where the body ends is for this server to say: a length that is not
 * the body's, as in the headers of another server's answer, would make its rest the next answer.
 *
 * @param bytes the body's, where they are known
 */
function headOf(headers: Headers, bytes?: number): string[] {
  const head: string[] = [];
  for (const [name, value] of headers) {
    if (name === "transfer-encoding" || (name === "content-length" && bytes !== undefined)) continue;
    head.push(name, value);
  }
  if (bytes !== undefined) head.push("content-length", String(bytes));
  return head;
}

/** What is there at once goes with its length; the rest as it comes. */
async function writeStream(
  { status, headers }: Response,
  { body, outgoing }: { body: ReadableStream<Uint8Array>; outgoing: ServerResponse },
): Promise<void> {
  const reader = body.getReader();
  // Whatever makes the rest need not go on for a client that is gone.
  const stop = () => void reader.cancel().catch(() => {});
  if (outgoing.destroyed) return stop();
  outgoing.once("close", stop);
  const gathered: Uint8Array[] = [];
  let bytes = 0;
  let next = reader.read();
  for (let isMuch = false; !isMuch; ) {
    const part = await Promise.race([next, soon()]);
    if (part === undefined) break;
    if (part.done) {
      outgoing.writeHead(status, headOf(headers, bytes)).end(Buffer.concat(gathered));
      return;
    }
    // Looked at once more then: it may have been all.
    isMuch = bytes > GATHERED_BYTES;
    gathered.push(checked(part.value));
    bytes += part.value.byteLength;
    next = reader.read();
  }
  // Should it fail meanwhile, that is told where its turn comes.
  next.catch(() => {});
  outgoing.writeHead(status, headOf(headers)).flushHeaders();
  let left = Number(headers.get("content-length") ?? Number.NaN);
  const counted = (part: Uint8Array) => {
    left -= checked(part).byteLength;
    if (left < 0) throw new Error("the response is longer than its content-length says");
    return part;
  };
  const rest = async function* () {
    for (const part of gathered) yield counted(part);
    for (let part = await next; !part.done; part = await reader.read()) yield counted(part.value);
    if (left > 0) throw new Error("the response is shorter than its content-length says");
  };
  await pipeline(Readable.from(rest(), { objectMode: false }), outgoing);
}

/** @throws TypeError a stream gives what is no bytes, which no other server of the platform's kind sends either */
function checked(part: unknown): Uint8Array {
  if (part instanceof Uint8Array) return part;
  throw new TypeError(
    "the stream of a response must give bytes (Uint8Array), as a TextEncoderStream makes them",
  );
}

/** Resolves when what is at hand has had its chance. */
function soon(): Promise<undefined> {
  return new Promise((resolve) => void setImmediate(resolve, undefined));
}
