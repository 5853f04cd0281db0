import type { Clock } from "../../ports/clock.ts";

/** The tick under way that all share who wait for one: it comes when the queue of microtasks is empty, and costs much. */
let nextTick: Promise<void> | undefined;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
  idle: () => new Promise((resolve) => setImmediate(resolve)),
  quiet() {
    nextTick ??= new Promise((resolve) =>
      process.nextTick(() => {
        nextTick = undefined;
        resolve();
      }),
    );
    return nextTick;
  },
};
