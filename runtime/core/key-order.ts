/**
 * Compares keys by their UTF-8 bytes, as DynamoDB and SQLite do. JavaScript compares UTF-16 units, which sorts the
 * surrogates of characters beyond the basic plane before U+E000 to U+FFFF; UTF-8 sorts them after.
 */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The smallest key that comes after every key beginning with `prefix`; `undefined` when there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let point = points.pop(); point !== undefined; point = points.pop()) {
    if (point === 0x10ffff) continue;
    // Surrogates are no characters of their own.
    points.push(point === 0xd7ff ? 0xe000 : point + 1);
    return String.fromCodePoint(...points);
  }
  return undefined;
}
