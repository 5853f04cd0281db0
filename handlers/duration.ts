const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A span of time: a whole number with a unit, such as `"250ms"`, `"30s"`, `"5m"`, `"2h"` or `"1d"`; or a number of ms. */
export type Duration = number | `${number}${keyof typeof UNITS}`;

/**
 * A span of time in ms.
 *
 * @throws TypeError it is none
 */
export function durationMs(duration: Duration): number {
  const ms = typeof duration === "string" ? parse(duration) : duration;
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  const given = typeof duration === "string" ? JSON.stringify(duration) : String(duration);
  throw new TypeError(
    `${given} is no duration: give a whole number and one of the units ms, s, m, h and d, such as "5m", or a whole number of ms from 0 on, such as 300_000`,
  );
}

function parse(text: string): number {
  const [, digits, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return digits === undefined ? Number.NaN : Number(digits) * UNITS[unit as keyof typeof UNITS];
}
