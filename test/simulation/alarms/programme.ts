import type { Random } from "../random.ts";
import type { AlarmPlan } from "./actor.ts";

/** A call that a client makes. */
export interface ClientCall {
  /** In ms after the beginning. */
  readonly time: number;
  readonly instance: string;
  readonly method: "set" | "fail" | "remove" | "write" | "clear" | "look";
  /** Its own, growing with time. */
  readonly number: number;
  /** How long it runs, in ms. */
  readonly runs: number;
  readonly plan: AlarmPlan | undefined;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Draws what clients ask of one to three instances. */
export function drawProgramme(random: Random, start: number): ClientCall[] {
  const instances = ["one", "two", "three"].slice(0, random.between(1, 3)) as [string, ...string[]];
  const calls: Omit<ClientCall, "number">[] = [];
  const wanted = random.between(2, 16);
  let time = 0;
  /** When the last alarm was to be due, in ms after the beginning: the next one may move it a little. */
  let last = 0;
  const ask = (method: ClientCall["method"], plan?: AlarmPlan) =>
    calls.push({ time, instance: random.pick(instances), method, plan, runs: 0 });
  const plan = () => {
    const drawn = drawAlarm(random, { time, last, start });
    last = drawn.last;
    return drawn.plan;
  };
  for (let count = 0; count < wanted; count++) {
    time += drawGap(random);
    const lot = random.next();
    if (lot < 0.5) ask("set", plan());
    else if (lot < 0.55) ask("fail", plan());
    else if (lot < 0.65) ask("remove");
    else if (lot < 0.8) ask("write");
    else if (lot < 0.86) ask("clear");
    else if (lot < 0.92) ask("look");
    else {
      if (random.chance(0.5)) ask("set", plan());
      const instance = calls.at(-1)?.instance ?? instances[0];
      calls.push(...drawStream(random, { time, instance }));
    }
  }
  const inOrder = calls.sort((a, b) => a.time - b.time);
  return inOrder.map((call, number) => ({ ...call, number }));
}

/** Calls without a pause, which a wake has to get through. Other calls go on beside them. */
function drawStream(
  random: Random,
  { time, instance }: Pick<ClientCall, "time" | "instance">,
): Omit<ClientCall, "number">[] {
  const length = random.between(5, random.pick([10, 30, 150, 300]));
  const longest = random.pick([0, 0, 0, 2_000]);
  const pause = longest === 0 ? 80 : random.between(80, longest);
  let at = time;
  return Array.from({ length }, () => {
    at += random.between(0, pause);
    return { time: at, instance, method: "write", plan: undefined, runs: random.between(0, longest) };
  });
}

function drawGap(random: Random): number {
  return random.between(0, random.pick([20, 2 * SECOND, 2 * SECOND, 2 * MINUTE, 20 * MINUTE, 2 * HOUR]));
}

function drawAlarm(
  random: Random,
  { time, last, start }: { time: number; last: number; start: number },
): { plan: AlarmPlan; last: number } {
  const ahead = drawAhead(random);
  const moved = last > 0 && random.chance(0.4);
  const at = moved ? last + random.between(-5 * SECOND, 5 * SECOND) : time + ahead;
  const plan: AlarmPlan = {
    due: moved || random.chance(0.5) ? { at: start + at } : { in: ahead },
    fails: random.pick([0, 0, 0, 0, 0, 1, 2, 3, 9, 9]),
    poisons: random.chance(0.3),
    runs: random.pick([0, 0, 50, 900]),
    chain: random.pick([0, 0, 0, 1, 3]),
    dropped: random.pick(["noted", "again", "throws"]),
  };
  return { plan, last: at };
}

/** How far ahead an alarm is set, in ms: also into the past, and around the 15 minutes that a delay queue takes. */
function drawAhead(random: Random): number {
  const [least, most] = random.pick<readonly [number, number]>([
    [-3 * HOUR, 0],
    [-2 * SECOND, 2 * SECOND],
    [0, 5 * SECOND],
    [0, 5 * SECOND],
    [0, 2 * MINUTE],
    [2 * MINUTE, 15 * MINUTE],
    [15 * MINUTE - 2 * SECOND, 15 * MINUTE + 2 * SECOND],
    [15 * MINUTE, 40 * MINUTE],
    [HOUR, 5 * HOUR],
  ]);
  return random.between(least, most);
}
