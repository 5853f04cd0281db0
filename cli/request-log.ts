import type { TurnFeed, TurnRecord } from "../handlers/turn-feed.ts";
import { oneLine } from "./one-line.ts";

/**
 * Writes a line for each turn, once what it changed is durable.
 *
 * @param write takes several lines at once: thousands of turns a second must not wait for a terminal each
 */
export function logTurns(feed: TurnFeed, write: (text: string) => void): void {
  let lines: string[] = [];
  feed.subscribe((turn) => {
    lines.push(`${turnLine(turn)}\n`);
    if (lines.length > 1) return;
    setImmediate(() => {
      write(lines.join(""));
      lines = [];
    });
  });
}

/** As in `21:30:12.345  Account[alice].debit  ok  1.2 ms  v3`; the time is this machine's. */
function turnLine({ at, type, name, method, error, ran, ms, version }: TurnRecord): string {
  const outcome = error ? `${ran ? "" : "refused: "}${error.name}: ${oneLine(error.message)}` : "ok";
  return [
    clockTime(at),
    `${type}[${oneLine(name)}].${oneLine(method)}`,
    outcome,
    `${ms.toFixed(1)} ms`,
    `v${version}`,
  ].join("  ");
}

function clockTime(at: number): string {
  const date = new Date(at);
  const two = (part: number) => String(part).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
