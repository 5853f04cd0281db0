import { systemClock } from "../../runtime/adapters/system/clock.ts";
import type { Clock } from "../../runtime/ports/clock.ts";

/** How often the clock looks whether its process has stood still, in ms. */
const LOOK_MS = 50;
/** A pause that counts as standing still, in ms: longer than a busy processor makes. */
const STALL_MS = 1_000;
/** How long the clock does not know that its process has stood still, in ms. */
const LATE_MS = 2_000;

/**
 * A clock that notices only after two seconds that its process has stood still: what checks its lease by it goes on as if nothing had
 * been. Only the fence is left to keep it from committing.
 */
export function createLateClock(): Clock {
  let seen = systemClock.now();
  let behind = 0;
  let notices = 0;
  const look = () => {
    const now = systemClock.now();
    if (now - seen > STALL_MS) {
      behind = now - seen;
      notices = now + LATE_MS;
    }
    seen = now;
    return now < notices ? now - behind : now;
  };
  setInterval(look, LOOK_MS).unref();
  return { ...systemClock, now: look };
}
