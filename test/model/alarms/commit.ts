import { isSame, nameOf } from "./clock.ts";
import type { CallEnding, HandlerEnding } from "./scenario.ts";
import {
  type Alarm,
  type Commit,
  type Event,
  type Head,
  type Message,
  type Plan,
  type Setting,
  todoOf,
  type Wake,
  type Worker,
} from "./state.ts";

/** What a wake finds. `due`: whichever wake it is. `early`: it is the head's own, and there is no alarm, or a later one. */
export type Judgement = "due" | "early" | "unborn" | "stale";

export function judgeWake(
  wake: Wake,
  { head, time }: { head: Head; time: number },
  { rules }: Setting,
): Judgement {
  if (head.alarm && head.alarm.at <= time) return "due";
  if (isOwn(wake, head)) return head.alarm && !rules.dueOnly ? "due" : "early";
  return head.version < wake.version && rules.fenceUnborn ? "unborn" : "stale";
}

function isOwn(wake: Wake, head: Head): boolean {
  return head.wake !== undefined && isSame(head.wake, wake, "time and version");
}

/** Turns that have run and are not committed. */
interface Draft {
  readonly what: readonly string[];
  readonly alarm: Alarm | undefined;
  readonly wake: Wake | undefined;
  readonly calls: readonly number[];
  readonly story: Commit["story"];
  readonly finishes: readonly number[];
  readonly left: readonly Message[];
  /** Whether an alarm is to get a wake where it has none. */
  readonly arms: boolean;
}

/** Every way in which the next turns of the batch may run: how many share a commit, and how each ends. */
export function* plans(time: number, worker: Worker, setting: Setting): Iterable<Plan> {
  const { scenario, rules } = setting;
  const { head } = worker;
  const nothing: Draft = {
    what: [],
    alarm: head.alarm,
    wake: head.wake,
    calls: [],
    story: [],
    finishes: [],
    left: todoOf(worker),
    arms: true,
  };
  for (const draft of next(nothing)) yield* longer(draft);

  function* longer(draft: Draft): Iterable<Plan> {
    yield planOf(draft, head, setting);
    const follower = draft.left[0];
    // A wake waits for the commit of what ran before it.
    if (!follower || (typeof follower.asks !== "number" && rules.judgeAfterCommit)) return;
    for (const more of next(draft)) yield* longer(more);
  }

  function* next(draft: Draft): Iterable<Draft> {
    const [message, ...left] = draft.left;
    if (!message) return;
    const { asks, place } = message;
    const after: Draft = { ...draft, left, finishes: [...draft.finishes, place] };
    if (typeof asks === "number") {
      for (const ending of scenario.calls[asks] ?? []) {
        if (ending !== "reads") yield called(after, asks, ending);
      }
      return;
    }
    const judgement = judgeWake(asks, { head, time }, setting);
    if (judgement === "stale") return;
    const what = [...after.what, `${nameOf(asks)} is ${judgement}`];
    if (judgement === "unborn") {
      yield { ...after, what };
      return;
    }
    const used: Draft = {
      ...after,
      what,
      wake: rules.takeOut && isOwn(asks, head) ? undefined : after.wake,
    };
    const { alarm } = head;
    if (judgement === "early" || !alarm) yield { ...used, arms: rules.rearm };
    else for (const ending of scenario.handler) yield* handled(used, alarm, ending);
  }

  function called(draft: Draft, call: number, ending: Exclude<CallEnding, "reads">): Draft {
    const does = typeof ending === "number" ? `sets ${ending}` : ending;
    const ran: Draft = {
      ...draft,
      what: [...draft.what, `call ${call} ${does}`],
      calls: [...draft.calls, call],
    };
    if (ending === "writes") return ran;
    if (ending === "deletes") {
      return { ...ran, alarm: undefined, story: told(ran, ran.alarm, "deleted") };
    }
    const replaced: Draft = { ...ran, story: told(ran, ran.alarm, "replaced") };
    return withAlarm(replaced, { at: ending, retries: 0, setting: String(call) });
  }

  function* handled(draft: Draft, alarm: Alarm, ending: HandlerEnding): Iterable<Draft> {
    const { setting: name, retries } = alarm;
    if (ending === "fails") {
      const again = retries + 1 < scenario.tries;
      yield {
        ...draft,
        what: [...draft.what, `alarm ${name} fails`],
        alarm: again ? { ...alarm, at: time + 1, retries: retries + 1 } : undefined,
        story: told(draft, alarm, again ? "tried" : "dropped"),
      };
      return;
    }
    const fired: Draft = {
      ...draft,
      what: [...draft.what, `alarm ${name} fires`],
      alarm: rules.removeFired ? undefined : alarm,
      story: told(draft, alarm, "fired"),
    };
    if (ending === "succeeds") yield fired;
    else if (!name.endsWith("+")) {
      const what = [...fired.what, `sets ${ending}`];
      yield withAlarm({ ...fired, what }, { at: ending, retries: 0, setting: `${name}+` });
    }
  }
}

function withAlarm(draft: Draft, alarm: Alarm): Draft {
  return { ...draft, alarm, story: told(draft, alarm, "set") };
}

function told({ story }: Draft, alarm: Alarm | undefined, event: Event): Commit["story"] {
  return alarm ? [...story, [alarm.setting, event]] : story;
}

/** The commit of a draft, and the wake that has to be on its way before. */
function planOf(draft: Draft, head: Head, { rules }: Setting): Plan {
  const { alarm, wake, calls, story, finishes } = draft;
  const version = head.version + 1;
  const enough = alarm && wake && (rules.enough === "no later" ? wake.at <= alarm.at : wake.at >= alarm.at);
  const arm =
    alarm && !enough && draft.arms
      ? { at: alarm.at, version: rules.armForNextVersion ? version : head.version }
      : undefined;
  const mark = Math.max(head.mark, ...finishes);
  return {
    what: draft.what.join(", "),
    commit: { expected: head.version, head: { version, mark, alarm, wake: arm ?? wake }, calls, story },
    arm,
    finishes,
  };
}
