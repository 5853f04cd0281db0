import type { IncomingMessage, ServerResponse } from "node:http";

/** A body as text, as the platform reads it: UTF-8 without its mark. */
export function readText(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const lost = lossOf(incoming);
    if (lost) {
      reject(lost);
      return;
    }
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => void parts.push(part));
    incoming.on("error", reject);
    incoming.on("end", () => {
      const [first] = parts;
      const whole = parts.length === 1 && first ? first : Buffer.concat(parts);
      const text = whole.toString("utf8");
      resolve(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
    });
  });
}

/**
 * A body as it comes. Node's own stream of it would let the connection's next request wait for a reader that has stopped, and would
 * be an empty one where the client is gone.
 */
export function streamBody(incoming: IncomingMessage, outgoing: ServerResponse): ReadableStream<Uint8Array> {
  let isWanted = true;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const lost = lossOf(incoming);
        if (lost) {
          controller.error(lost);
          return;
        }
        // First: else it would flow as soon as somebody listens.
        incoming.pause();
        incoming.on("data", (part: Buffer) => {
          if (!isWanted) return;
          // First: what is given to one reader may make the next one ask for more.
          if (!outgoing.writableFinished) incoming.pause();
          controller.enqueue(new Uint8Array(part));
        });
        incoming.on("end", () => isWanted && controller.close());
        incoming.on("error", (error) => controller.error(error));
        outgoing.once("finish", () => incoming.resume());
      },
      pull: () => void incoming.resume(),
      cancel() {
        isWanted = false;
        incoming.resume();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Why a body can't be read, or not from its beginning. Node drops what nobody has read when its request is answered. */
function lossOf(incoming: IncomingMessage): Error | undefined {
  if (incoming.destroyed && !incoming.readableEnded)
    return incoming.errored ?? new Error("the client has hung up");
  return incoming.readableDidRead || incoming.readableEnded
    ? new TypeError("the body is gone: its request has been answered")
    : undefined;
}
