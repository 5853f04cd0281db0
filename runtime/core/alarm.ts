import type { Alarm, Wake } from "../ports/alarm-clock.ts";
import type { Head } from "../ports/store.ts";
import { CodecError } from "./errors.ts";

/** Attempts at an alarm's handler, the first one included. */
const MAX_ATTEMPTS = 4;
/** Time between the end of an attempt that failed and the next one, in ms. */
const RETRY_MS = 1_000;
/** How long before an alarm's time a wake is answered by waiting, in ms: delays have whole seconds, and clocks differ a little. */
export const EARLY_MS = 500;
/** How late a wake may be before it counts as lost, in ms. */
const LOST_AFTER_MS = 60_000;
/** The longest way that one wake is sent, in ms: what is later takes several. Nothing is known of the Scheduler in ten years. */
const LONGEST_WAY_MS = 360 * 24 * 60 * 60 * 1000;
/** The last time that a `Date` can hold, in ms since the epoch. */
const END_OF_TIME = 8.64e15;

/**
 * The time of an alarm as user code gives it, in whole ms since the epoch: never earlier than asked.
 *
 * @throws CodecError no number, or no time
 */
export function alarmTime(when: unknown): number {
  if (typeof when !== "number" || !(Math.abs(when) <= END_OF_TIME)) {
    const given =
      typeof when === "number"
        ? when
        : typeof when === "string"
          ? JSON.stringify(when.slice(0, 40))
          : typeof when;
    throw new CodecError(
      `an alarm's time must be a number of ms since the epoch, not ${given}; give for example Date.now() + 60_000, or date.getTime()`,
    );
  }
  return Math.ceil(when);
}

/** The wake to arm for an alarm before its commit; `undefined` when one that comes early enough is on its way. */
export function wakeToArm(
  alarm: Alarm | undefined,
  { onItsWay, version, now }: { onItsWay: Wake | undefined; version: number; now: number },
): Wake | undefined {
  if (alarm === undefined) return undefined;
  const wanted = Math.max(alarm.at, now);
  if (onItsWay && onItsWay.at <= wanted && now - onItsWay.at <= LOST_AFTER_MS) return undefined;
  return { at: Math.min(wanted, now + LONGEST_WAY_MS), version };
}

/**
 * What a wake that has come means for a head:
 * - `due`: the alarm's time has come, or comes in the next moment; whichever wake it is.
 * - `early`: it is the head's own, and there is no alarm, or a later one.
 * - `stale`: the head does not count on it, and never will.
 * - `unborn`: the commit that counts on it has not landed, and still may.
 */
export type WakeMeaning = "due" | "early" | "stale" | "unborn";

export function judgeWake(
  wake: Wake,
  { head, now, earlyMs }: { head: Head; now: number; earlyMs: number },
): WakeMeaning {
  // Not only the head's own: in a mailbox that is full for minutes each wake is taken for lost, and replaced, before it comes.
  if (head.alarm !== undefined && head.alarm.at <= now + earlyMs) return "due";
  if (isSameWake(wake, head.wake)) return "early";
  return head.version < wake.version ? "unborn" : "stale";
}

/** The wake to arm for a head as it is: none, but for one that counts on a wake that should have come long ago. */
export function missingWake({ alarm, wake, version }: Head, now: number): Wake | undefined {
  return wakeToArm(alarm, { onItsWay: wake, version: version + 1, now });
}

export function isSameWake(a: Wake, b: Wake | undefined): boolean {
  return a.at === b?.at && a.version === b.version;
}

/** The next attempt after one that has failed now; `undefined` when that was the last. */
export function nextAttempt({ retries }: Alarm, now: number): Alarm | undefined {
  return isLastAttempt({ retries }) ? undefined : { at: now + RETRY_MS, retries: retries + 1 };
}

export function isLastAttempt({ retries }: Pick<Alarm, "retries">): boolean {
  return retries + 1 >= MAX_ATTEMPTS;
}
