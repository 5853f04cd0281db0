import { type ActorNamespace, type AlarmInfo, StatefulActor } from "stateful-actors";
import type { Desk } from "./desk.ts";

/** What its alarm does each time it fires. */
export interface Habit {
  /** How many of the first attempts throw. */
  readonly failures?: number;
  /** Sets the next alarm so many ms ahead, as often as `times` says. */
  readonly again?: { readonly inMs: number; readonly times: number };
  /** Sends a note to this desk. */
  readonly tell?: string;
}

/** One firing that has committed, or the end of an alarm that was dropped. */
export interface Firing {
  readonly due: number;
  readonly at: number;
  readonly info: AlarmInfo;
  readonly dropped?: string;
  /** What `getAlarm` gave meanwhile. */
  readonly alarm: number | null;
}

interface Env {
  DESK: ActorNamespace<Desk>;
}

/** Sets alarms, and takes down what became of them. */
export class Sleeper extends StatefulActor<Env> {
  async wakeIn(ms: number, habit: Habit = {}) {
    return this.wakeAt(Date.now() + ms, habit);
  }
  async wakeAt(due: number, habit: Habit = {}) {
    await this.ctx.storage.put("habit", habit);
    await this.ctx.storage.put("due", due);
    await this.ctx.setAlarm(due);
    return due;
  }
  async wakeThenThrow(ms: number) {
    await this.wakeIn(ms);
    throw new Error("thrown on purpose");
  }
  /** The alarm that is set is the last one. Answers when it is due. */
  async fireOnceMore() {
    await this.ctx.storage.put("habit", {} satisfies Habit);
    return this.ctx.storage.getAlarm();
  }
  async sleepOn() {
    await this.ctx.storage.deleteAlarm();
    return Date.now();
  }
  async due() {
    return this.ctx.storage.getAlarm();
  }
  async forget() {
    await this.ctx.storage.deleteAll();
    return Date.now();
  }
  async firings() {
    return (await this.ctx.storage.get<Firing[]>("firings")) ?? [];
  }

  override async alarm(info: AlarmInfo) {
    const habit = (await this.ctx.storage.get<Habit>("habit")) ?? {};
    const firing = await this._take(info);
    if (info.retryCount < (habit.failures ?? 0)) throw new RangeError(`attempt ${info.retryCount} failed`);
    if (habit.again && firing < habit.again.times) {
      await this.wakeIn(habit.again.inMs, habit);
    }
    if (habit.tell) await this.env.DESK.idFromName(habit.tell).send.note(firing);
  }
  override async onAlarmDropped(error: unknown, info: AlarmInfo) {
    await this._take(info, String(error));
  }

  async _take(info: AlarmInfo, dropped?: string) {
    const due = (await this.ctx.storage.get<number>("due")) ?? Number.NaN;
    const alarm = await this.ctx.storage.getAlarm();
    const firing: Firing = { due, at: Date.now(), info, alarm, ...(dropped && { dropped }) };
    const firings = [...(await this.firings()), firing];
    await this.ctx.storage.put("firings", firings);
    return firings.length;
  }
}
