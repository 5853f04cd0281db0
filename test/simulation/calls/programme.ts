import type { Random } from "../random.ts";
import { EMPTY_PLAN, type Plan, type Posted } from "./ledger.ts";

/** Something that a client does, maybe more than once. */
export interface Operation {
  readonly number: number;
  /** In ms after the beginning. */
  readonly time: number;
  readonly client: number;
  readonly instance: string;
  readonly kind: "add" | "read" | "send";
  readonly plan: Plan;
  /** Whether it has an idempotency key. */
  readonly keyed: boolean;
  /** How long after one answer it is asked for again, in ms; with a key whatever the answer was, else when it is unknown. */
  readonly again: readonly number[];
  /** How long a message waits, in ms. */
  readonly delayMs: number | undefined;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export interface Programme {
  readonly instances: readonly string[];
  readonly clients: number;
  readonly operations: readonly Operation[];
}

/**
 * Draws what clients ask of one to four ledgers.
 *
 * @param killers how many of the calls end their workers, 0 to 1
 */
export function drawProgramme(random: Random, killers: number): Programme {
  const instances = ["a", "b", "c", "d"].slice(0, random.between(1, 4)) as [string, ...string[]];
  const clients = random.between(1, 3);
  const operations: Operation[] = [];
  const wanted = random.between(3, random.pick([8, 20, 40]));
  /** What this seed's plans are like. */
  const flavour: Flavour = {
    heavy: random.chance(0.3),
    slow: random.chance(0.2),
    chatty: random.chance(0.5),
    keyed: random.pick([0, 0.3, 0.8]),
    killers,
  };
  let time = 0;
  while (operations.length < wanted) {
    time += random.between(0, random.pick([10, 200, 2 * SECOND, 2 * SECOND, MINUTE, 10 * MINUTE]));
    const client = random.between(0, clients - 1);
    const instance = random.pick(instances);
    const crowd = random.chance(0.2) ? random.between(2, 15) : 1;
    // What comes at once from one client may share messages.
    const gap = random.pick([0, 0, 60]);
    for (let count = 0; count < crowd; count++) {
      const number = operations.length;
      const kind = random.pick(["add", "add", "add", "send", "read"] as const);
      const keyed = random.chance(flavour.keyed);
      operations.push({
        number,
        time: time + count * random.between(0, gap),
        client,
        instance,
        kind,
        plan: drawPlan(random, { tag: `c${number}`, instances, instance, flavour }),
        keyed,
        again: drawAgain(random, keyed),
        delayMs:
          kind === "send" && random.chance(0.3)
            ? random.between(0, random.pick([SECOND, MINUTE, 15 * MINUTE]))
            : undefined,
      });
    }
  }
  return { instances, clients, operations };
}

interface Flavour {
  readonly heavy: boolean;
  readonly slow: boolean;
  readonly chatty: boolean;
  readonly keyed: number;
  readonly killers: number;
}

function drawPlan(
  random: Random,
  {
    tag,
    instances,
    instance,
    flavour,
  }: { tag: string; instances: readonly [string, ...string[]]; instance: string; flavour: Flavour },
): Plan {
  const { heavy, slow, chatty, killers } = flavour;
  const others = instances.filter((name) => name !== instance);
  const sends: Posted[] = [];
  const messages = chatty && random.chance(0.4) ? random.between(1, 4) : 0;
  for (let index = 0; index < messages; index++) {
    sends.push({
      tag: `${tag}>${index}`,
      to: random.pick(instances),
      delayMs: random.chance(0.15) ? random.between(0, MINUTE) : undefined,
    });
  }
  const other = others[random.between(0, others.length)];
  return {
    ...EMPTY_PLAN,
    tag,
    runs:
      slow && random.chance(0.2)
        ? random.between(0, random.pick([SECOND, 35 * SECOND]))
        : random.pick([0, 0, 0, 30]),
    fails: random.pick(["no", "no", "no", "no", "no", "no", "before", "after"] as const),
    kills: random.chance(killers),
    keys: heavy ? random.pick([0, 0, 1, 5, 120]) : random.pick([0, 0, 0, 0, 3]),
    length: heavy ? random.pick([0, 0, 500, 3_000]) : 0,
    padding: random.chance(0.15) ? random.pick([1_500, 1_500, 1_500, 130_000]) : 0,
    clears: random.chance(0.05),
    sends,
    asks:
      chatty && other !== undefined && random.chance(0.15)
        ? { to: other, tag: `${tag}!`, keyed: random.chance(0.7) }
        : undefined,
  };
}

/** A key is used for hours, around the five minutes in which SQS knows a message; a call whose outcome is unknown is asked for soon. */
function drawAgain(random: Random, keyed: boolean): number[] {
  const times = keyed ? random.between(0, 4) : random.between(0, 2);
  return Array.from({ length: times }, () =>
    random.between(
      0,
      random.pick([50, 5 * SECOND, MINUTE, 6 * MINUTE, ...(keyed ? [30 * MINUTE, 2 * HOUR] : [])]),
    ),
  );
}
