import { StorageLimitError } from "./errors.ts";
import { checkText } from "./key.ts";
import { afterPrefix, compareKeys } from "./key-order.ts";
import type { ListOptions } from "./stateful-actor.ts";

const DEFAULT_LIMIT = 128;
const MAX_LIMIT = 1000;

/** Which keys a `list` asks for, in which order. */
export interface KeyRange {
  /** First key, inclusive. */
  readonly from: string;
  /** End, exclusive; `undefined`: no end. */
  readonly to: string | undefined;
  readonly reverse: boolean;
  readonly limit: number;
}

/**
 * The range that all options together allow.
 *
 * @throws CodecError a bound is no well-formed string
 * @throws StorageLimitError a bound is longer than a key may be, or the limit is no whole number from 1 to 1000
 */
export function keyRange(options?: ListOptions | null): KeyRange {
  const { prefix, start, startAfter, end, reverse = false, limit = DEFAULT_LIMIT } = options ?? {};
  for (const bound of [prefix, start, startAfter, end]) if (bound !== undefined) checkText(bound);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new StorageLimitError(
      `the list limit must be a whole number from 1 to ${MAX_LIMIT}, not ${String(limit)}`,
    );
  }
  // The next key after any key is that key with a zero byte behind it.
  const starts = [prefix, start, startAfter !== undefined ? `${startAfter}\0` : undefined];
  const ends = [prefix ? afterPrefix(prefix) : undefined, end];
  return {
    from: starts.reduce<string>(
      (most, each) => (each !== undefined && compareKeys(each, most) > 0 ? each : most),
      "",
    ),
    to: ends.reduce(
      (least, each) =>
        least === undefined || (each !== undefined && compareKeys(each, least) < 0) ? each : least,
      undefined,
    ),
    reverse: Boolean(reverse),
    limit,
  };
}

export function inRange(key: string, { from, to }: Pick<KeyRange, "from" | "to">): boolean {
  return compareKeys(key, from) >= 0 && (to === undefined || compareKeys(key, to) < 0);
}
