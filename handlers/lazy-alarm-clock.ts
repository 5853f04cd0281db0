import type { AlarmClock } from "../runtime/ports/alarm-clock.ts";

/** An alarm clock that is made when the first wake is armed: most workers never do, and their start need not wait for its library. */
export function lazyAlarmClock(make: () => Promise<AlarmClock>): AlarmClock {
  let made: Promise<AlarmClock> | undefined;
  return {
    async arm(to, wake) {
      made ??= make();
      await (await made).arm(to, wake);
    },
  };
}
