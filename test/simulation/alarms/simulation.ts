import { actorKey } from "../../../runtime/core/actor-id.ts";
import { EARLY_MS, judgeWake } from "../../../runtime/core/alarm.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { decodeMessage } from "../../../runtime/core/message.ts";
import { decodeOutcome } from "../../../runtime/core/outcome.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import { isWake, wakeOf } from "../../../runtime/core/wake.ts";
import type { Wake } from "../../../runtime/ports/alarm-clock.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import type { Head } from "../../../runtime/ports/store.ts";
import { Chaos } from "../chaos.ts";
import { commitsIn } from "../committed.ts";
import type { Process } from "../process.ts";
import { Random } from "../random.ts";
import { type Rules, SOUND, System } from "../system.ts";
import { Timeline } from "../timeline.ts";
import { Journal, type Report, type World } from "../world.ts";
import { AlarmActor, type CallInfo, type Witness } from "./actor.ts";
import { History, idOf } from "./history.ts";
import { type ClientCall, drawProgramme } from "./programme.ts";

const TYPE = "AlarmActor";
/** How long one invocation may take, in ms. */
const TIMEOUT_MS = 60_000;
const METHOD_BUDGET_MS = 5_000;
const ALARM_BUDGET_MS = 20_000;
/** Events after which a simulation is taken for one that never ends. */
const MOST_EVENTS = 200_000;
/** How late an alarm may fire where nothing fails, in ms: one second, and what stands before it in the mailbox. */
const IN_TIME_MS = 2_000;
/** A call so long after an alarm was due finds out that its wake is lost, in ms. */
const FOUND_AFTER_MS = 61_000;
const HOUR_MS = 60 * 60_000;
/** Longer than any simulation: an alarm may be set hours ahead, and its calls are looked at in the end. */
const RETENTION_MS = 1_000 * HOUR_MS;

/** What a broken variant does in another way here. */
export interface AlarmRules extends Rules {
  /** Whether an alarm without a wake is noticed at once, and not only when it never fires. */
  readonly watchesWakes: boolean;
  /** Whether a wake reaches its worker, given the head of its instance. */
  readonly wakeReaches: (wake: Wake, head: Head | undefined) => boolean;
}

const RULES: AlarmRules = { ...SOUND, watchesWakes: true, wakeReaches: () => true };

/**
 * What fails in a simulation:
 * - `calm`: nothing; then alarms are in time.
 * - `faults`: everything that may fail without harm.
 * - `losses`: also wakes get lost, as when they are dead-lettered; then the next call finds that out.
 */
export type Weather = "calm" | "faults" | "losses";

/** A seed decides everything, also this. */
export function weatherOf(seed: number): Weather {
  return (["calm", "losses"] as const)[seed % 4] ?? "faults";
}

/** Simulates what follows from a seed: the same seed, the same log. */
export async function simulateAlarms(seed: number, bent: Partial<AlarmRules> = {}): Promise<Report> {
  const rules = { ...RULES, ...bent };
  const weather = weatherOf(seed);
  const random = new Random(seed);
  const timeline = new Timeline();
  const chaos = new Chaos(random.fork(), timeline);
  const journal = new Journal(timeline);
  const world: World = { timeline, random, chaos, journal };
  const programme = drawProgramme(random.fork(), timeline.now);

  const history: History = new History(world, {
    latestMs: weather === "calm" ? IN_TIME_MS : Number.POSITIVE_INFINITY,
    watchesWakes: rules.watchesWakes && weather !== "losses",
    calm: weather === "calm",
    busy: programme.some(({ runs }) => runs > 0),
    isOnItsWay: (id, wake, which) => cloud.isOnItsWay(id, wake, which),
  });
  /** Ids of calls that were dead-lettered: they may be applied or not. */
  const givenUp = new Set<string>();
  const wakeReaches = (wake: Wake, to: Envelope["to"]) => {
    const head = history.head(actorKey(to));
    journal.count(
      `wake ${judgeWake(wake, { head: head ?? NEW_HEAD, now: timeline.now, earlyMs: EARLY_MS })}`,
    );
    const lost = weather === "losses" && chaos.happens("wakeLoss");
    if (lost) journal.count("wake lost");
    return !lost && rules.wakeReaches(wake, head);
  };
  const { cloud }: System = new System(world, {
    actors: new Map([[TYPE, AlarmActor]]),
    envOf: ({ process }) => witnessOf(process, { history, timeline }),
    observer: {
      committed: (writes) => {
        for (const commit of commitsIn(writes, cloud.actors)) history.landed(commit);
      },
      deleted: (bodies) => {
        for (const key of new Set(bodies.map((body) => actorKey(decodeMessage(body)[0].to)))) {
          const head = history.head(key);
          if (head) history.checkWake({ id: idOf(key), head });
        }
      },
      reaches: (body, receives) => {
        const envelopes = decodeMessage(body);
        const [first] = envelopes;
        const wake = isWake(first) ? wakeOf(first) : undefined;
        if (wake) return wakeReaches(wake, first.to);
        const lost = receives > 1 && chaos.happens("callLoss");
        if (lost) for (const { id } of envelopes) givenUp.add(id);
        return !lost;
      },
      replied: () => {},
      dead: () => {},
      swallowed: () => {},
    },
    rules,
    methodBudgetMs: METHOD_BUDGET_MS,
    alarmBudgetMs: ALARM_BUDGET_MS,
    timeoutMs: TIMEOUT_MS,
    // What is lost here is lost at once.
    maxReceives: Number.POSITIVE_INFINITY,
    retentionMs: RETENTION_MS,
    skewMs: 0,
  });

  const ask = (call: ClientCall) => {
    journal.note(`client asks ${call.instance} to ${call.method} (${call.number})`);
    void cloud.mailbox.send(envelopeOf(call, timeline.now));
  };
  for (const call of programme) timeline.at(timeline.now + call.time, () => ask(call));
  if (weather !== "calm") {
    const lastCall = programme.at(-1)?.time ?? 0;
    const longer = random.pick([HOUR_MS / 60, HOUR_MS, 5 * HOUR_MS]);
    chaos.begin(timeline.now + lastCall + random.between(0, longer));
  }
  const settle = async () => {
    const events = await timeline.run((count) => journal.broken !== undefined || count >= MOST_EVENTS);
    if (events >= MOST_EVENTS) journal.breaks("everything comes to an end", `${events} events`);
  };
  await settle();
  if (weather === "losses" && journal.broken === undefined) {
    for (const { id, alarm, wake } of history.waiting()) {
      const time = Math.max(alarm.at, wake?.at ?? alarm.at, chaos.end) + FOUND_AFTER_MS;
      const call = {
        time,
        instance: id,
        method: "look",
        number: programme.length,
        plan: undefined,
        runs: 0,
      } as const;
      programme.push(call);
      timeline.at(time, () => ask(call));
    }
    await settle();
  }
  if (journal.broken === undefined) {
    history.ended();
    if (cloud.size > 0) journal.breaks("no message is left", `${cloud.size} messages`);
    for (const { number, method } of programme) {
      const id = `call-${number}`;
      const text = cloud.replies.get({ id: { S: id } })?.outcome?.S;
      if (givenUp.has(id) && text === undefined) journal.count("call given up");
      else if (text === undefined) journal.breaks("every call is answered", `call ${number}`);
      else if (method !== "look" && history.calls.has(number) !== decodeOutcome(text).outcome.ok) {
        journal.breaks("every answer is true", `call ${number}: ${text}`);
      }
    }
  }
  return { broken: journal.broken, log: journal.lines, counts: journal.counts };
}

function witnessOf(
  worker: Process,
  { history, timeline }: { history: History; timeline: Timeline },
): Witness {
  return {
    now: () => timeline.now,
    pause: (ms) => worker.pause(ms),
    saw: (name, alarm, setting) =>
      history.saw(worker, { instance: actorKey({ type: TYPE, name }), alarm, setting }),
    started: (name, setting, info) =>
      history.started(worker, { instance: actorKey({ type: TYPE, name }), setting, info }),
  };
}

function envelopeOf({ number, instance, method, plan, runs }: ClientCall, asked: number): Envelope {
  const call: CallInfo = { number, asked, runs };
  return {
    id: `call-${number}`,
    attempt: undefined,
    to: { type: TYPE, name: instance },
    call: { kind: "method", method, args: encode(plan ? [call, plan] : [call], "arguments") },
    fingerprint: "0123456789ab",
    awaited: true,
    due: undefined,
    deadline: Number.MAX_SAFE_INTEGER,
    chain: [],
  };
}
