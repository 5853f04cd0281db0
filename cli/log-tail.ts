import type { LogEvent } from "../runtime/adapters/aws/function-log.ts";

/** How far an event may come behind later ones: functions write beside each other, and CloudWatch takes its time. */
const LATE_MS = 10_000;

/** Which events of one log are new, while it is read again and again from about where the last reading ended. */
export class LogTail {
  #since: number;
  /** When each event was that the next reading will find again, in about that order. */
  readonly #seen = new Map<string, number>();

  constructor(since: number) {
    this.#since = since;
  }

  /** Where the next reading begins. */
  get since(): number {
    return this.#since;
  }

  /** Whether an event is new, which it is once. */
  take({ id, at }: LogEvent): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.set(id, at);
    // What lies too far back is not read again, and not remembered.
    this.#since = Math.max(this.#since, at - LATE_MS);
    for (const [seen, seenAt] of this.#seen) {
      if (seenAt >= this.#since) break;
      this.#seen.delete(seen);
    }
    return true;
  }
}

/** The events of several logs, each in order, as one in order; of each log no more is held than its next one. */
export async function* inOrder<T extends { readonly at: number }>(
  logs: readonly AsyncIterator<T>[],
): AsyncGenerator<T> {
  const next = await Promise.all(logs.map((log) => log.next()));
  for (;;) {
    let first: { index: number; event: T } | undefined;
    for (const [index, { done, value }] of next.entries()) {
      if (done !== true && (first === undefined || value.at < first.event.at))
        first = { index, event: value };
    }
    const log = first && logs[first.index];
    if (first === undefined || log === undefined) return;
    yield first.event;
    next[first.index] = await log.next();
  }
}
