/** Longest text, in characters: a value in which parts are shared many times is short as codec text, and endless as JSON. */
const MAX_LENGTH = 64 * 1024 * 1024;

/**
 * A result as plain JSON, for callers without our codec: dates as ISO text, big integers as text, bytes as base64,
 * maps and sets as arrays, `undefined` as `null`.
 *
 * @throws Error over 64 Mi characters
 * @throws RangeError nested too deeply for JSON
 */
export function toJsonView(value: unknown): string {
  let length = 0;
  const view = (key: string, each: unknown): unknown => {
    const shown = viewOf(each);
    length += 1 + key.length + lengthOf(shown);
    if (length > MAX_LENGTH) throw new Error(`it has over ${MAX_LENGTH} characters`);
    return shown;
  };
  return JSON.stringify(value, view) ?? "null";
}

/** At least so long is what will be shown for it, without what it holds. */
function lengthOf(shown: unknown): number {
  return typeof shown === "string" || Array.isArray(shown) ? shown.length : 0;
}

function viewOf(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Map || value instanceof Set) return [...value];
  if (value instanceof RegExp) return String(value);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  return value;
}
