import { actorKey } from "../../../runtime/core/actor-id.ts";
import { TRIAL } from "../../../runtime/core/trial.ts";
import type { AlarmInfo } from "../../../runtime/index.ts";
import type { Alarm, Wake } from "../../../runtime/ports/alarm-clock.ts";
import type { ActorId } from "../../../runtime/ports/mailbox.ts";
import type { Commit, Head } from "../../../runtime/ports/store.ts";
import type { Committed } from "../committed.ts";
import type { Process } from "../process.ts";
import type { World } from "../world.ts";
import { LOG, type Setting } from "./actor.ts";

/** The attempts at an alarm before it is dropped. */
const ATTEMPTS = 4;

/** The alarm that the committed turns of an instance have left. */
interface Pending {
  readonly id: string;
  /** When its next attempt is due. */
  due: number;
  /** How many attempts have failed. */
  failed: number;
  /** When it became what it is. */
  since: number;
}

interface Past {
  log: string;
  head: Head | undefined;
  pending: Pending | undefined;
  lastCall: { readonly number: number; readonly asked: number };
}

const NO_CALL = { number: -1, asked: 0 };

export interface HistoryOptions {
  /** How late an alarm may fire, in ms. */
  readonly latestMs: number;
  /** Whether calls take so long that a mailbox fills up. */
  readonly busy: boolean;
  /** Whether nothing fails. */
  readonly calm: boolean;
  /** Whether an alarm without a wake is noticed at once. */
  readonly watchesWakes: boolean;
  readonly isOnItsWay: (to: ActorId, wake: Wake, which: "all" | "waiting") => boolean;
}

/**
 * What committed turns did, instance by instance, against what alarms promise. It knows nothing of wakes and workers but this:
 * where there is an alarm, something is on its way that wakes it.
 */
export class History {
  readonly #world: World;
  readonly #options: HistoryOptions;
  readonly #pasts = new Map<string, Past>();
  /** When each alarm's firing was committed, by instance and alarm. */
  /** Alarms whose handler was begun too often and never ended. */
  readonly #crashed = new Set<string>();
  readonly #fired = new Map<string, number>();
  /** Calls whose turns are committed, by number. */
  readonly calls = new Set<number>();

  constructor(world: World, options: HistoryOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** A commit has landed. */
  landed({ instance: key, head, read }: Committed): void {
    const { journal, timeline } = this.#world;
    const id = idOf(key);
    const past = this.#pasts.get(key) ?? { log: "", head: undefined, pending: undefined, lastCall: NO_CALL };
    this.#pasts.set(key, past);
    const log = (read(LOG) as string | undefined) ?? "";
    if (!log.startsWith(past.log)) journal.breaks("what was committed stays", `${key} forgot a turn`);
    const added = log.slice(past.log.length).split(";").slice(0, -1);
    journal.note(
      `${key} is at version ${head.version}: [${added.join(", ")}] ${this.#describe(head.alarm, head.wake)}`,
    );
    for (const entry of added) this.#apply(past, { entry, key });
    this.#compare(past, { head, key });
    this.#checkNeed(past, { id, head });
    past.log = log;
    past.head = head;
    if (past.pending && past.pending.since === 0) past.pending.since = timeline.now;
    this.checkWake({ id, head });
  }

  /** What a turn sees of its alarm. */
  saw(
    worker: Process,
    { instance, alarm, setting }: { instance: string; alarm: number | null; setting: Setting | undefined },
  ): void {
    // Where `onAlarmDropped` has failed, or was not called, the storage knows nothing of that.
    const silent = setting?.dropped === "throws" || this.#crashed.has(`${instance} ${setting?.id}`);
    if (silent && alarm === null) return;
    if (alarm === null ? setting === undefined : setting !== undefined && alarm >= setting.due) return;
    const seen = `${worker.name} sees ${alarm} in ${instance}, and ${setting?.id} there`;
    this.#world.journal.breaks("getAlarm tells what is set", seen);
  }

  /** An attempt at an alarm begins in a worker. */
  started(
    worker: Process,
    { instance, setting, info }: { instance: string; setting: Setting | undefined; info: AlarmInfo },
  ): void {
    const { journal, timeline } = this.#world;
    journal.count(info.isRetry ? "attempt again" : "attempt");
    journal.note(`${worker.name} attempts ${setting?.id} of ${instance} (${info.retryCount})`);
    if (!setting) {
      journal.breaks("nothing fires without an alarm", `${instance} in ${worker.name}`);
      return;
    }
    if (timeline.now < setting.due) journal.breaks("never before its time", `${setting.id} of ${instance}`);
    const fired = this.#fired.get(`${instance} ${setting.id}`);
    if (fired !== undefined) journal.count("attempt in vain");
    if (fired !== undefined && fired < (worker.hydrated.get(instance) ?? 0)) {
      journal.breaks("no attempt after its firing was committed", `${setting.id} of ${instance}`);
    }
    const pending = this.#pasts.get(instance)?.pending;
    if (pending) this.#checkLateness(pending, instance);
  }

  /** Where an instance's head has an alarm, a wake is on its way that comes in time. */
  checkWake({ id, head }: Pick<Commit, "id" | "head">): void {
    const { alarm, wake } = head;
    if (!alarm || !this.#options.watchesWakes) return;
    const early = wake !== undefined && wake.at <= Math.max(alarm.at, this.#world.timeline.now);
    if (!early || !this.#options.isOnItsWay(id, wake, "all")) {
      this.#world.journal.breaks("no alarm without a wake", `${actorKey(id)} at version ${head.version}`);
    }
  }

  /** The head that an instance's last commit left. */
  head(key: string): Head | undefined {
    return this.#pasts.get(key)?.head;
  }

  /** The instances whose heads still have an alarm. */
  waiting(): { readonly id: string; readonly alarm: Alarm; readonly wake: Wake | undefined }[] {
    return [...this.#pasts].flatMap(([key, { head }]) =>
      head?.alarm ? [{ id: idOf(key).name, alarm: head.alarm, wake: head.wake }] : [],
    );
  }

  /** Nothing will happen any more: no alarm may be left. */
  ended(): void {
    for (const [key, { pending, head }] of this.#pasts) {
      if (pending) this.#world.journal.breaks("no alarm is lost", `${pending.id} of ${key} never fired`);
      if (head?.alarm) this.#world.journal.breaks("no alarm is lost", `the head of ${key} still has one`);
    }
  }

  #apply(past: Past, { entry, key }: { entry: string; key: string }): void {
    const { journal, timeline } = this.#world;
    const [what, name = "", detail] = entry.split(" ");
    const { pending } = past;
    if (what === "call") {
      const call = { number: Number(name), asked: Number(detail) };
      if (call.number <= past.lastCall.number) journal.breaks("calls once, in order", `${entry} of ${key}`);
      past.lastCall = call;
      this.calls.add(call.number);
    } else if (what === "set") {
      past.pending = { id: name, due: Number(detail), failed: 0, since: 0 };
    } else if (what === "delete") {
      past.pending = undefined;
    } else if (pending?.id !== name) {
      journal.breaks("each alarm ends once", `${entry} of ${key}, while its alarm is ${pending?.id}`);
    } else if (what === "fire") {
      journal.count("fired");
      this.#fired.set(`${key} ${name}`, timeline.now);
      if (Number(detail) !== pending.failed) {
        journal.breaks("attempts are counted", `${entry} of ${key}, after ${pending.failed}`);
      }
      this.#checkTime(pending, key);
      past.pending = undefined;
    } else {
      this.#dropped(past, key);
    }
  }

  #dropped(past: Past, key: string): void {
    const { journal } = this.#world;
    journal.count("dropped");
    // The head before this one says so, when the handler's workers have died in it; then the actor has no word of its own.
    const crashed = (past.head?.trial?.starts ?? 0) >= TRIAL.starts;
    if (crashed) {
      journal.count("crashed alarm");
      this.#crashed.add(`${key} ${past.pending?.id}`);
    } else if (past.pending?.failed !== ATTEMPTS - 1) {
      journal.breaks("four attempts, then dropped", `${past.pending?.id} of ${key}`);
    }
    past.pending = undefined;
  }

  /** What the head says of the alarm must be what the committed turns say. */
  #compare(past: Past, { head, key }: { head: Head; key: string }): void {
    const { journal, timeline } = this.#world;
    const { alarm } = head;
    const { pending } = past;
    if (!alarm) {
      // `onAlarmDropped` has failed, and left no entry.
      if (pending) this.#dropped(past, key);
      return;
    }
    if (alarm.at === pending?.due && alarm.retries === pending.failed) return;
    if (pending && alarm.retries === pending.failed + 1 && alarm.at > pending.due) {
      this.#checkTime(pending, key);
      journal.count("attempt failed");
      past.pending = { id: pending.id, due: alarm.at, failed: alarm.retries, since: timeline.now };
      return;
    }
    journal.breaks(
      "the head's alarm is the one that was set",
      `${key}: ${this.#describe(alarm)} for ${pending?.id}`,
    );
  }

  #checkTime({ id, due }: Pending, key: string): void {
    const { journal, timeline } = this.#world;
    if (timeline.now < due) journal.breaks("never before its time", `${id} of ${key}`);
  }

  #checkLateness({ id, due, since }: Pending, key: string): void {
    const { journal, timeline } = this.#world;
    // Calls that came before it may take their time; those that came after it may not.
    const until = this.#options.busy ? (this.#pasts.get(key)?.lastCall.asked ?? 0) : timeline.now;
    const late = until - Math.max(due, since);
    if (late > this.#options.latestMs) journal.breaks("in time", `${id} of ${key}, ${late} ms late`);
  }

  /** A wake that comes early enough needs no second one beside it: each costs a request, and more when it comes. */
  #checkNeed(past: Past, { id, head }: Pick<Commit, "id" | "head">): void {
    const { journal } = this.#world;
    const before = past.head?.wake;
    const { calm, busy } = this.#options;
    // In a mailbox that is full for minutes a wake is taken for lost.
    if (!calm || busy || !before || !head.alarm || !head.wake) return;
    const armed = before.at !== head.wake.at || before.version !== head.wake.version;
    const early = before.at <= head.wake.at;
    if (armed && early && this.#options.isOnItsWay(id, before, "waiting")) {
      journal.breaks(
        "a wake is armed only where none comes in time",
        `${actorKey(id)} at version ${head.version}`,
      );
    }
  }

  #describe(alarm: Alarm | undefined, wake?: Head["wake"]): string {
    const { journal } = this.#world;
    const told = alarm ? `alarm ${journal.time(alarm.at)}, failed ${alarm.retries}` : "no alarm";
    return wake ? `${told}, wake ${journal.time(wake.at)} for ${wake.version}` : told;
  }
}

/** The instance that a key names. */
export function idOf(key: string): ActorId {
  const [type = "", ...name] = key.split("/");
  return { type, name: name.join("/") };
}
