import type { Clock } from "../runtime/ports/clock.ts";
import type { TurnFeed, TurnRecord } from "./turn-feed.ts";

/** How often turns are sent, in ms: a page can't show each one of thousands a second. */
const EVERY_MS = 100;
/** Most turns sent at a time; of the others only their number. */
const MOST = 200;
/** How long nothing is sent before something is, in ms: a connection that is gone shows only then. */
const SILENCE_MS = 15_000;

/**
 * Turns as server-sent events: the ones of late first, then others as they end. Each event's data is `{ turns, skipped }`.
 *
 * @param options.ending aborted when the server closes
 */
export function streamTurns(
  feed: TurnFeed,
  { clock, ending }: { clock: Clock; ending: AbortSignal },
): Response {
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let waiting: TurnRecord[] = [...feed.recent()].slice(-MOST);
        let skipped = 0;
        let silentMs = 0;
        let cancel = () => {};
        const unsubscribe = feed.subscribe((turn) => {
          if (waiting.length < MOST) waiting.push(turn);
          else skipped++;
        });
        const send = (text: string) => controller.enqueue(Buffer.from(text));
        const flush = () => {
          cancel = clock.after(EVERY_MS, flush);
          // The reader is slower than the turns: what it has not taken is enough for it.
          if ((controller.desiredSize ?? 0) <= 0) return;
          silentMs += EVERY_MS;
          if (waiting.length > 0) send(`data: ${JSON.stringify({ turns: waiting, skipped })}\n\n`);
          else if (silentMs >= SILENCE_MS) send(":\n\n");
          else return;
          silentMs = 0;
          skipped = 0;
          waiting = [];
        };
        stop = () => {
          cancel();
          unsubscribe();
          ending.removeEventListener("abort", end);
        };
        const end = () => {
          stop();
          controller.close();
        };
        send(": turns\n\n");
        if (ending.aborted) return end();
        ending.addEventListener("abort", end);
        flush();
      },
      cancel: () => stop(),
    },
    new CountQueuingStrategy({ highWaterMark: 4 }),
  );
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
