import { ActorCallTimeoutError, ActorError } from "../../../runtime/core/errors.ts";
import { createNamespace } from "../../../runtime/core/namespace.ts";
import { METHOD_BUDGET_MS } from "../../../runtime/core/run-turn.ts";
import { Chaos } from "../chaos.ts";
import { Random } from "../random.ts";
import { type Rules, SOUND, System } from "../system.ts";
import { Timeline } from "../timeline.ts";
import { Journal, type Report, type World } from "../world.ts";
import type { Answer } from "./answer.ts";
import { History } from "./history.ts";
import { EMPTY_PLAN, Ledger, type LedgerEnv } from "./ledger.ts";
import { drawProgramme, type Operation } from "./programme.ts";

const TYPE = "Ledger";
/** How long the router waits for an answer, in ms. */
const CALL_WAIT_MS = 28_000;
/** How long a caller waits who would see his call come again when a lease has ended, in ms. */
const LONG_CALL_WAIT_MS = 150_000;
/** How much longer a client waits until it takes its process for dead, in ms. */
const PATIENCE_MS = 12_000;
/** How many of the calls end their workers where any do. */
const KILLERS = 0.1;
const HOUR_MS = 60 * 60_000;
/** How long stalls, late requests and the operator may take, in ms. */
const SETTLING_MS = 600_000;
/** How long a call takes at most where nothing has failed for a while, in ms. */
const PROMPT_MS = 10_000;
/** Events after which a simulation is taken for one that never ends. */
const MOST_EVENTS = 400_000;

/**
 * What fails in a simulation:
 * - `calm`: nothing.
 * - `stalls`: workers are overtaken by others.
 * - `poison`: some calls end their workers.
 * - `faults`: everything that may.
 */
type Weather = "calm" | "stalls" | "poison" | "faults";

function weatherOf(seed: number): Weather {
  return (["calm", "stalls", "poison"] as const)[seed % 5] ?? "faults";
}

/** Simulates what follows from a seed: the same seed, the same log. */
export async function simulateCalls(seed: number, bent: Partial<Rules> = {}): Promise<Report> {
  const random = new Random(seed);
  const timeline = new Timeline();
  const chaos = new Chaos(random.fork(), timeline);
  const journal = new Journal(timeline);
  const world: World = { timeline, random, chaos, journal };
  const weather = weatherOf(seed);
  const programme = drawProgramme(random.fork(), weather === "poison" ? KILLERS : 0);
  const isCalm = weather === "calm";
  const callWaitMs = weather === "stalls" ? LONG_CALL_WAIT_MS : CALL_WAIT_MS;
  const skewMs = isCalm ? 100 : random.pick([0, 300, 3_000]);
  const retentionMs = random.pick([HOUR_MS, 24 * HOUR_MS]);

  const history: History = new History(world, {
    actors: () => system.cloud.actors,
    replies: () => system.cloud.replies,
    retentionMs,
    calm: isCalm && programme.operations.every(({ plan }) => plan.runs < 1_000 && !plan.asks),
    skewMs,
    crashes: weather !== "poison",
  });
  const system: System = new System(world, {
    actors: new Map([[TYPE, Ledger]]),
    envOf: ({ process, caller }): LedgerEnv => ({
      LEDGER: createNamespace(TYPE, { caller, ids: process.ids }) as unknown as LedgerEnv["LEDGER"],
      pause: (ms) => process.pause(ms),
      end: () => {
        journal.count("worker killed");
        process.die("by its call");
        return new Promise(() => {});
      },
      fresh: () => process.ids.next(),
      forgot: (how) => history.forgot(how),
    }),
    observer: {
      committed: (writes) => history.landed(writes),
      replied: (writes) => history.replied(writes),
      deleted: (bodies) => history.deleted(bodies),
      dead: (body) => history.dead(body),
      swallowed: (body, before) => history.swallowed(body, before),
      reaches: () => true,
    },
    rules: { ...SOUND, ...bent },
    methodBudgetMs: METHOD_BUDGET_MS,
    alarmBudgetMs: METHOD_BUDGET_MS,
    timeoutMs: random.pick([40_000, 60_000, 360_000]),
    // Where calls end their workers, as many as on AWS: three in a row would use up twelve receives of what lies behind them, too.
    maxReceives: weather === "poison" ? 30 : random.pick([2, 4, 12]),
    retentionMs,
    skewMs,
  });

  const clients = Array.from({ length: programme.clients }, () => system.startCaller(callWaitMs));
  const clientOf = ({ client }: Operation) => {
    const living = clients[client];
    if (living?.process.alive) {
      living.process.thaw();
      return living;
    }
    const next = system.startCaller(callWaitMs);
    clients[client] = next;
    return next;
  };

  /** Asks once, and gives what the client is told. */
  const ask = async (operation: Operation, envelopeId: string | undefined) => {
    const { process, caller } = clientOf(operation);
    const namespace = createNamespace(TYPE, { caller, ids: process.ids }) as unknown as LedgerEnv["LEDGER"];
    const asking = history.asked(operation);
    const told = await Promise.race([
      tell(namespace, operation, envelopeId),
      new Promise<undefined>(
        (resolve) => void timeline.at(timeline.now + callWaitMs + PATIENCE_MS, () => resolve(undefined)),
      ),
    ]);
    if (!told) return undefined;
    history.answered(asking, told.answer);
    return told;
  };

  const perform = async (operation: Operation) => {
    let envelopeId: string | undefined;
    for (const gap of [...operation.again, 0]) {
      const told = await ask(operation, operation.keyed ? undefined : envelopeId);
      envelopeId = told?.envelopeId;
      if (!operation.keyed && envelopeId === undefined) return;
      // Without a key it is known by its first envelope, which must not be on its way any more.
      const wait = operation.keyed ? gap : Math.max(gap, callWaitMs + PATIENCE_MS);
      await new Promise<void>((resolve) => void timeline.at(timeline.now + wait, resolve));
    }
  };

  for (const operation of programme.operations) {
    timeline.at(timeline.now + operation.time, () => void perform(operation));
  }
  const settle = async () => {
    const events = await timeline.run((count) => journal.broken !== undefined || count >= MOST_EVENTS);
    if (events >= MOST_EVENTS) journal.breaks("everything comes to an end", `${events} events`);
  };
  if (!isCalm) {
    const last = programme.operations.at(-1)?.time ?? 0;
    const until = timeline.now + last + random.between(0, random.pick([10_000, HOUR_MS / 6, HOUR_MS]));
    if (weather === "stalls") chaos.beginStalls(until);
    else if (weather === "faults") chaos.begin(until);
    const redrives = random.between(0, 3);
    for (let count = 0; count < redrives; count++) {
      const at = timeline.now + random.between(0, chaos.end - timeline.now);
      timeline.at(at, () => system.cloud.messages.redrive());
    }
  }
  await settle();
  // Nothing fails any more. What has become a dead letter is put back; then every ledger answers, and nothing is left.
  const { messages } = system.cloud;
  const redrive = async (time: number) => {
    timeline.at(time, () => messages.redrive());
    await settle();
  };
  await redrive(chaos.end + system.queueLeaseMs + SETTLING_MS);
  // Where messages may be received twice only, long turns of others use that up.
  for (let left = Number.POSITIVE_INFINITY; messages.deadLetters.length < left && left > 0; ) {
    left = messages.deadLetters.length;
    if (left > 0) await redrive(timeline.now + SETTLING_MS);
  }
  const probes = programme.instances.map((instance, index): Operation => {
    const number = programme.operations.length + index;
    const plan = { ...EMPTY_PLAN, tag: `c${number}` };
    return {
      number,
      time: 0,
      client: 0,
      instance,
      kind: "add",
      plan,
      keyed: false,
      again: [],
      delayMs: undefined,
    };
  });
  const began = timeline.now;
  const prompt: string[] = [];
  for (const probe of probes) {
    void ask(probe, undefined).then((told) => {
      if (told?.answer.kind === "ok" && timeline.now - began < PROMPT_MS) prompt.push(probe.instance);
    });
  }
  await settle();
  if (journal.broken === undefined) {
    for (const { instance } of probes) {
      if (!prompt.includes(instance)) journal.breaks("no ledger is stuck", instance);
    }
    if (system.cloud.size + messages.deadLetters.length > 0) {
      journal.breaks(
        "no message is left",
        `${system.cloud.size} and ${messages.deadLetters.length} dead letters`,
      );
    }
    history.ended();
  }
  return { broken: journal.broken, log: journal.lines, counts: journal.counts };
}

async function tell(
  namespace: LedgerEnv["LEDGER"],
  { instance, kind, plan, keyed, delayMs }: Operation,
  envelopeId: string | undefined,
): Promise<{ answer: Answer; envelopeId?: string | undefined }> {
  const stub = namespace.idFromName(instance).with({
    ...(keyed && { idempotencyKey: plan.tag }),
    ...(envelopeId !== undefined && { envelopeId }),
    ...(delayMs !== undefined && { delayMs }),
  });
  try {
    const value = await (kind === "read"
      ? stub.read()
      : kind === "add"
        ? stub.add(plan)
        : stub.send.add(plan));
    return { answer: { kind: "ok", value } };
  } catch (error) {
    if (!(error instanceof ActorError)) throw error;
    const cause = error.cause instanceof Error ? error.cause.name : undefined;
    const name = error.name === "ActorMethodError" ? (cause ?? "Error") : error.name;
    return {
      answer: { kind: error.effect, name },
      ...(error instanceof ActorCallTimeoutError && { envelopeId: error.envelopeId }),
    };
  }
}
