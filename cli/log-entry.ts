import { printable, shownName } from "./shown.ts";

/** The functions of a stack, by what they do. */
export const FUNCTIONS = ["router", "worker", "forwarder"] as const;

export type FunctionKind = (typeof FUNCTIONS)[number];

/** One event in the log of a function. */
export interface LogEntry {
  readonly function: FunctionKind;
  readonly at: number;
  /** `undefined`: text that is no JSON line. */
  readonly level: string | undefined;
  readonly message: string;
  /** All else that a JSON line says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What an event says: a line of these functions, of user code as Lambda wraps it, of Lambda itself, or just text. */
export function logEntry(kind: FunctionKind, { at, text }: { at: number; text: string }): LogEntry {
  const parsed = jsonObject(text);
  if (parsed === undefined) {
    return { function: kind, at, level: undefined, message: text.trimEnd(), fields: {} };
  }
  // The event has its time.
  const { timestamp: _timestamp, time: _time, _aws: metrics, ...said } = parsed;
  const { level, message, ...fields } = said;
  if (metrics !== undefined) return { function: kind, at, level: "METRIC", message: "", fields: said };
  return {
    function: kind,
    at,
    level: typeof level === "string" ? level : undefined,
    message: message === undefined ? "" : asText(message),
    fields,
  };
}

/** One line, and one more for each line of a stack trace; nothing in them changes the terminal. */
export function entryText({ function: kind, at, level = "-", message, fields }: LogEntry): string {
  const { stackTrace, ...others } = fields;
  const shown = Object.entries(others).map(([name, value]) => `${shownName(name)}=${shownValue(value)}`);
  const head = [new Date(at).toISOString(), kind.padEnd(9), printable(level).padEnd(6), ...linesOf(message)];
  const line = [...head.slice(0, 4), ...shown].join("  ");
  const frames = typeof stackTrace === "string" ? linesOf(stackTrace) : [];
  return [line, ...[...head.slice(4), ...frames].map((each) => `    ${each}`)].join("\n");
}

export function entryJson({ function: kind, at, level, message, fields }: LogEntry): string {
  return JSON.stringify({
    time: new Date(at).toISOString(),
    function: kind,
    level: level ?? null,
    message,
    fields,
  });
}

function shownValue(value: unknown): string {
  return typeof value === "string" ? shownName(value) : printable(JSON.stringify(value));
}

/** What user code logs has lines of its own; it must not look like entries of others. */
function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => printable(line.trim()))
    .filter((line) => line !== "");
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
