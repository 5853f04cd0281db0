import { wakeEnvelope } from "../../core/wake.ts";
import type { AlarmClock } from "../../ports/alarm-clock.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Envelope } from "../../ports/mailbox.ts";
import { Agenda } from "./agenda.ts";

/** Wakes that are delivered side by side: when thousands are overdue, calls must get their turn between them. */
const AT_ONCE = 64;
/** How long a wake counts among them at most, in ms: the handler that it runs may take minutes. */
const PLACE_MS = 100;

export interface LocalAlarmClockOptions {
  /** Delivers a wake; resolves when the delivery is finished. */
  readonly deliver: (wake: Envelope) => Promise<void>;
  readonly clock: Clock;
}

export interface LocalAlarmClock extends AlarmClock {
  /** Delivers no more wakes. */
  close(): void;
}

/** Wakes in memory: the heads that count on them are in the state file, and whoever starts the server arms them again. */
export function createLocalAlarmClock({ deliver, clock }: LocalAlarmClockOptions): LocalAlarmClock {
  const agenda = new Agenda(clock);
  /** In order; those before `next` are delivered already. */
  let due: Envelope[] = [];
  let next = 0;
  let underWay = 0;

  /** Costs the same however many are waiting. */
  const takeDue = (): Envelope | undefined => {
    const wake = due[next];
    if (wake) next++;
    if (next > due.length / 2) {
      due = due.slice(next);
      next = 0;
    }
    return wake;
  };

  const deliverSome = () => {
    while (underWay < AT_ONCE) {
      const wake = takeDue();
      if (!wake) return;
      underWay++;
      let freed = false;
      const free = () => {
        if (freed) return;
        freed = true;
        cancel();
        underWay--;
        deliverSome();
      };
      const cancel = clock.after(PLACE_MS, free);
      deliver(wake).then(free, free);
    }
  };

  return {
    async arm(to, wake) {
      agenda.add(wake.at, () => {
        due.push(wakeEnvelope(to, wake));
        deliverSome();
      });
    },
    close() {
      agenda.close();
      due = [];
      next = 0;
    },
  };
}
