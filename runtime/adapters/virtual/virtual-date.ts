/** Replacements of `Date` that this module has made, each with what it has replaced. */
const replaced = new WeakMap<DateConstructor, DateConstructor>();
/** What says, for each use, whether the running code has a time of its own, in ms since the epoch. */
const clocks = new Set<() => number | undefined>();

/**
 * Makes `new Date()`, `Date()` and `Date.now()` answer with `now`, in code for which that gives a time; all other code sees
 * the time that it saw before. It wraps the `Date` that is there, which may be a test runner's.
 *
 * @returns ends it: when nobody uses it any more, the former `Date` is back, unless somebody else has replaced this one
 */
export function shareDate(now: () => number | undefined): () => void {
  clocks.add(now);
  if (!replaced.has(globalThis.Date)) {
    const own = virtualDate(globalThis.Date);
    replaced.set(own, globalThis.Date);
    globalThis.Date = own;
  }
  return () => {
    clocks.delete(now);
    const former = replaced.get(globalThis.Date);
    if (former && clocks.size === 0) globalThis.Date = former;
  };
}

function virtualNow(): number | undefined {
  for (const clock of clocks) {
    const now = clock();
    if (now !== undefined) return now;
  }
  return undefined;
}

/** A `Date` that differs only in what it takes for the present. Its objects are the former one's, and the other way round. */
function virtualDate(Former: DateConstructor): DateConstructor {
  // No class: Date can be called without `new`.
  function VirtualDate(...args: unknown[]): unknown {
    const now = virtualNow();
    if (!new.target) return now === undefined ? Former() : new Former(now).toString();
    return Reflect.construct(Former, args.length === 0 && now !== undefined ? [now] : args, new.target);
  }
  Object.setPrototypeOf(VirtualDate, Former);
  const hidden = { writable: true, configurable: true };
  return Object.defineProperties(VirtualDate, {
    name: { value: "Date", configurable: true },
    length: { value: Former.length, configurable: true },
    prototype: { value: Former.prototype },
    now: { value: () => virtualNow() ?? Former.now(), ...hidden },
  }) as unknown as DateConstructor;
}
