import type { Clock } from "../../ports/clock.ts";

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
  idle: () => new Promise((resolve) => setImmediate(resolve)),
  // A tick comes when the queue of microtasks is empty.
  quiet: () => new Promise((resolve) => process.nextTick(resolve)),
};
