import { type AlarmInfo, StatefulActor } from "../../../runtime/index.ts";

/** How an alarm will behave. */
export interface AlarmPlan {
  /** When it is due: ms since the epoch, or ms after its turn. */
  readonly due: { readonly at: number } | { readonly in: number };
  /** How many attempts at its handler fail. */
  readonly fails: number;
  /** Whether they fail in a transaction. */
  readonly poisons: boolean;
  /** How long its handler runs, in ms. */
  readonly runs: number;
  /** How many more alarms its handler sets, each after the one before. */
  readonly chain: number;
  /** What becomes of it after the last attempt: `onAlarmDropped` takes note, sets another one, or fails. */
  readonly dropped: "noted" | "again" | "throws";
}

/** The alarm that an instance has, as its own storage knows it. */
export interface Setting extends Omit<AlarmPlan, "due"> {
  readonly id: string;
  readonly due: number;
}

/** What an instance's turns do beside their storage; `env` of the actor. */
export interface Witness {
  now(): number;
  pause(ms: number): Promise<void>;
  /** The time that `getAlarm` gives, and what the storage says of the alarm. */
  saw(instance: string, alarm: number | null, setting: Setting | undefined): void;
  /** An attempt at the alarm begins. */
  started(instance: string, setting: Setting | undefined, info: AlarmInfo): void;
}

/** Which call it is, when it was made, and how long it runs, in ms. */
export interface CallInfo {
  readonly number: number;
  readonly asked: number;
  readonly runs: number;
}

/** Keys under which an instance keeps its past, entries divided by `;`, and its alarm. */
export const LOG = "log";
const SETTING = "setting";
/** Time between the alarms of a chain, in ms. */
const CHAIN_MS = 7_000;

/** Sets alarms as it is told, and writes down in the same turns what became of them. */
export class AlarmActor extends StatefulActor<Witness> {
  async set(call: CallInfo, { due, ...plan }: AlarmPlan): Promise<void> {
    await this.#called(call);
    await this.#set({ ...plan, id: `a${call.number}`, due: "at" in due ? due.at : this.env.now() + due.in });
  }

  async fail(call: CallInfo, plan: AlarmPlan): Promise<void> {
    await this.set(call, plan);
    throw new Error("fails after it has set its alarm");
  }

  async remove(call: CallInfo): Promise<void> {
    await this.#called(call);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.delete(SETTING);
    await this.#note("delete");
  }

  async write(call: CallInfo): Promise<void> {
    await this.#called(call);
  }

  async clear(call: CallInfo): Promise<void> {
    await this.#called(call);
    const { storage } = this.ctx;
    const log = await storage.get<string>(LOG);
    const setting = await storage.get<Setting>(SETTING);
    await storage.deleteAll();
    // The alarm stays; what tests know of it must stay with it.
    if (log !== undefined) await storage.put(LOG, log);
    if (setting) await storage.put(SETTING, setting);
  }

  async look(_call: CallInfo): Promise<void> {
    await this.#look();
  }

  override async alarm(info: AlarmInfo): Promise<void> {
    const { storage } = this.ctx;
    const setting = await storage.get<Setting>(SETTING);
    this.env.started(this.ctx.id, setting, info);
    if (!setting) return;
    await this.#note(`fire ${setting.id} ${info.retryCount}`);
    await storage.delete(SETTING);
    if (setting.chain > 0) {
      const due = this.env.now() + CHAIN_MS;
      await this.#set({ ...setting, id: `${setting.id}+`, due, chain: setting.chain - 1 });
    }
    await this.env.pause(setting.runs);
    if (info.retryCount >= setting.fails) return;
    const fail = () => {
      throw new Error("fails as planned");
    };
    if (!setting.poisons) fail();
    // Caught, it fails the attempt all the same.
    await storage.transaction(fail).catch(() => {});
  }

  override async onAlarmDropped(): Promise<void> {
    const { storage } = this.ctx;
    const setting = await storage.get<Setting>(SETTING);
    this.env.saw(this.ctx.id, await storage.getAlarm(), undefined);
    if (!setting) return;
    await this.#note(`drop ${setting.id}`);
    await storage.delete(SETTING);
    if (setting.dropped === "throws") throw new Error("takes no note");
    if (setting.dropped === "again") {
      const due = this.env.now() + CHAIN_MS;
      await this.#set({ ...setting, id: `${setting.id}*`, due, fails: 0, dropped: "noted" });
    }
  }

  async #look(): Promise<void> {
    const { storage } = this.ctx;
    this.env.saw(this.ctx.id, await storage.getAlarm(), await storage.get<Setting>(SETTING));
  }

  async #called({ number, asked, runs }: CallInfo): Promise<void> {
    if (runs > 0) await this.env.pause(runs);
    await this.#look();
    await this.#note(`call ${number} ${asked}`);
  }

  async #set(setting: Setting): Promise<void> {
    await this.ctx.storage.put(SETTING, setting);
    await this.ctx.setAlarm(setting.due);
    await this.#note(`set ${setting.id} ${setting.due}`);
  }

  async #note(entry: string): Promise<void> {
    const before = (await this.ctx.storage.get<string>(LOG)) ?? "";
    await this.ctx.storage.put(LOG, `${before}${entry};`);
  }
}
