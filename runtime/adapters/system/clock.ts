import type { Clock } from "../../ports/clock.ts";

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
  idle: shared(setImmediate),
  // A tick comes when the queue of microtasks is empty.
  quiet: shared(process.nextTick),
};

/** All who wait for the same moment share what is scheduled for it: that costs more than what most of them do then. */
function shared(schedule: (come: () => void) => void): () => Promise<void> {
  let next: Promise<void> | undefined;
  return () => {
    next ??= new Promise((resolve) =>
      schedule(() => {
        next = undefined;
        resolve();
      }),
    );
    return next;
  };
}
