import type { TraceContext } from "../ports/mailbox.ts";

/*
 * Trace context as the W3C recommends it (Trace Context, level 1): who asks says which trace it belongs to, and whoever asks
 * further passes that on. What is not valid is dropped, never refused: a call is worth more than its trace.
 */

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** What everybody must be able to pass on, in characters. */
const MAX_STATE_LENGTH = 512;
/** Members longer than this go first where a state is too long, in characters. */
const LONG_MEMBER = 128;
const MAX_STATE_MEMBERS = 32;
const STATE_KEY = /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})$/;
const STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** @returns `undefined` where there is no valid parent; a state that is not valid is left out */
export function traceContext(
  parent: string | null | undefined,
  state: string | null | undefined,
): TraceContext | undefined {
  if (!parent) return undefined;
  const own = checkedParent(parent.trim());
  if (own === undefined) return undefined;
  const kept = state ? checkedState(state) : undefined;
  return kept === undefined ? { parent: own } : { parent: own, state: kept };
}

/** The trace that a request's headers name. */
export function requestTrace(headers: Headers): TraceContext | undefined {
  const parent = headers.get("traceparent");
  return parent === null ? undefined : traceContext(parent, headers.get("tracestate"));
}

export function traceIdOf({ parent }: TraceContext): string {
  return parent.slice(3, 35);
}

/** A later version's parent is one of ours with more behind it. */
function checkedParent(text: string): string | undefined {
  const [, version, trace = "", span = "", flags, more] = PARENT.exec(text) ?? [];
  if (version === undefined || version === "ff") return undefined;
  if (version === "00" && more !== undefined) return undefined;
  if (/^0+$/.test(trace) || /^0+$/.test(span)) return undefined;
  return `00-${trace}-${span}-${flags}`;
}

function checkedState(text: string): string | undefined {
  const members = text
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
  const keys = new Set<string>();
  for (const member of members) {
    const [key = "", value = "", ...rest] = member.split("=");
    if (rest.length > 0 || !STATE_KEY.test(key) || !STATE_VALUE.test(value) || keys.has(key))
      return undefined;
    keys.add(key);
  }
  if (members.length > MAX_STATE_MEMBERS) return undefined;
  return shortened(members).join(",") || undefined;
}

/** The first members, which are the youngest, without those that are too long. */
function shortened(members: readonly string[]): readonly string[] {
  if (members.join(",").length <= MAX_STATE_LENGTH) return members;
  let kept = members.filter((member) => member.length <= LONG_MEMBER);
  while (kept.join(",").length > MAX_STATE_LENGTH) kept = kept.slice(0, -1);
  return kept;
}
