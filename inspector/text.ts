const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Foreign text with what can't be seen, or turns the reading direction, written as an escape. */
export function visible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
}

/** How long until a time: "in 4 m 12 s", or "due". */
export function countdown(ms: number): string {
  if (ms <= 0) return "due";
  const parts: [number, string][] = [
    [Math.floor(ms / DAY), "d"],
    [Math.floor((ms % DAY) / HOUR), "h"],
    [Math.floor((ms % HOUR) / MINUTE), "m"],
    [Math.floor((ms % MINUTE) / SECOND), "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "in under 1 s";
  const shown = parts.slice(first, first + 2).map(([count, unit]) => `${count} ${unit}`);
  return `in ${shown.join(" ")}`;
}

/** A time of day with its ms. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const pad = (part: number, length: number) => String(part).padStart(length, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part, 2)).join(":");
  return `${clock}.${pad(date.getMilliseconds(), 3)}`;
}

/** The arguments that were typed: a JSON array; nothing is none. @returns what is wrong with them, as a text, otherwise */
export function parseArguments(text: string): readonly unknown[] | string {
  if (text.trim() === "") return [];
  try {
    const args: unknown = JSON.parse(text);
    return Array.isArray(args) ? args : 'the arguments must be a JSON array, such as [5, "text"]';
  } catch (error) {
    return `the arguments are no JSON: ${error instanceof Error ? error.message : error}`;
  }
}
