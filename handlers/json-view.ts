/**
 * A result as plain JSON, for callers without our codec: dates as ISO text, big integers as text, bytes as base64,
 * maps and sets as arrays, `undefined` as `null`.
 */
export function toJsonView(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => viewOf(each)) ?? "null";
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
