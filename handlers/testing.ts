/**
 * Actors in a test: in memory, without a server, on a time of their own that moves only when told.
 * `import { startActors } from "stateful-actors/testing"`.
 *
 * @module stateful-actors/testing
 */
import { setImmediate as immediate } from "node:timers/promises";
import { createLocalAlarmClock } from "../runtime/adapters/local/local-alarm-clock.ts";
import { createLocalMailbox } from "../runtime/adapters/local/local-mailbox.ts";
import { createLocalReplies } from "../runtime/adapters/local/local-replies.ts";
import { createMemoryDeadLetters } from "../runtime/adapters/local/memory-dead-letters.ts";
import { createMemoryMessages } from "../runtime/adapters/local/memory-messages.ts";
import { createMemoryStore } from "../runtime/adapters/local/memory-store.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { Chains } from "../runtime/adapters/virtual/chains.ts";
import { RunningBatches } from "../runtime/adapters/virtual/running-batches.ts";
import { seededIds, seededRandom, shareRandom } from "../runtime/adapters/virtual/seeded-random.ts";
import { VirtualClock } from "../runtime/adapters/virtual/virtual-clock.ts";
import { shareDate } from "../runtime/adapters/virtual/virtual-date.ts";
import { Activations } from "../runtime/core/activation.ts";
import { type BatchDeps, runBatch } from "../runtime/core/batch.ts";
import { env as ambientEnv } from "../runtime/core/bindings.ts";
import { type Caller, createCaller, mailboxOf, onlyRoute, type Route } from "../runtime/core/caller.ts";
import { decode } from "../runtime/core/codec.ts";
import { ActorConnectionError } from "../runtime/core/errors.ts";
import type { ActorClass } from "../runtime/core/method.ts";
import { type ActorNamespace, type ActorStub, createNamespace } from "../runtime/core/namespace.ts";
import { ALARM_BUDGET_MS } from "../runtime/core/run-alarm.ts";
import { METHOD_BUDGET_MS } from "../runtime/core/run-turn.ts";
import type { SecretBinding } from "../runtime/core/secrets.ts";
import type { Env } from "../runtime/core/stateful-actor.ts";
import { currentTurn } from "../runtime/core/turn.ts";
import { wakeEnvelope } from "../runtime/core/wake.ts";
import type { AlarmClock } from "../runtime/ports/alarm-clock.ts";
import type { Envelope } from "../runtime/ports/mailbox.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import { type Duration, durationMs } from "./duration.ts";
import { processSecrets } from "./local-secrets.ts";
import type { FetchHandler } from "./project-module.ts";
import { bringForward } from "./testing-alarm.ts";
import { type CrashPoint, Faults } from "./testing-faults.ts";
import {
  actorClasses,
  addressOf,
  checkBindings,
  checkSecrets,
  checkSeed,
  defaultBindings,
  startTime,
  testSecretSource,
  typeOf,
  undeclaredSecrets,
} from "./testing-options.ts";

export type { ActorNamespace, ActorStub } from "../runtime/core/namespace.ts";
export type { Env } from "../runtime/core/stateful-actor.ts";
export type { Duration } from "./duration.ts";
export type { CrashPoint } from "./testing-faults.ts";

/** Idle activations kept in memory. */
const KEPT_ACTIVATIONS = 10_000;
/** Longest wait for an answer, in ms of virtual time. */
const CALL_WAIT_MS = METHOD_BUDGET_MS + 10_000;
/** One process has all instances, so no lease ever runs out. */
const NO_LEASE = { stopBy: Number.POSITIVE_INFINITY, commitBy: Number.POSITIVE_INFINITY };

/** How the actors of a test are started. */
export interface TestOptions {
  /**
   * The type behind each name in `env`, as the manifest binds them. Without it each type has its own name in capitals:
   * `OrderLine` is `env.ORDER_LINE`.
   */
  readonly bindings?: Readonly<Record<string, string>>;
  /**
   * Values of secrets, by binding, for `env.SECRETS`. With a project's folder they are those that its manifest declares, and one
   * without a value here fails when it is asked for: no test depends on secrets of the machine that it runs on.
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Where time begins, if not at the present. */
  readonly now?: number | Date;
  /**
   * How long `advance` waits, in real time, for a turn that waits for something outside: a timer, a file, a promise of the test.
   * Then time goes on while that turn still runs, so that its budget can end, or the test go on. 2 seconds if not given.
   */
  readonly patience?: Duration;
  /**
   * Makes chance repeatable: `newUniqueId` gives the same names in each run, and `Math.random` in code of actors the same numbers.
   * A whole number. Without it they differ from run to run. `crypto` stays as it is.
   */
  readonly seed?: number;
  /** Told what goes wrong without a caller, such as an alarm that fails, and which calls have failed. Otherwise a line on stderr. */
  readonly onProblem?: (what: string, detail: Readonly<Record<string, unknown>>) => void;
}

/** What an instance holds. */
export interface Peek {
  /** +1 with every commit. */
  readonly version: number;
  /** In the order of the keys. */
  readonly values: ReadonlyMap<string, unknown>;
  /** In ms since the epoch. */
  readonly alarm: number | null;
}

/** A stub of whichever actor. */
type AnyStub = Pick<ActorStub, "id">;

/** Actors that run in this process, apart from all others. */
export interface TestActors {
  /**
   * The instances of an actor: by its class, `actors.namespace(Session).idFromName("s1")`, or by the name of its type,
   * `actors.namespace<Session>("Session")`.
   *
   * @throws TypeError it is none of the actors that were started
   */
  namespace<C extends ActorClass>(actor: C): ActorNamespace<InstanceType<C>>;
  /** By the name of its type. */
  namespace<A>(type: string): ActorNamespace<A>;
  /** What these actors have as `this.env`: for calling a `fetch(request, env)` of your own. */
  readonly env: Env;
  /**
   * Hands a request to the front door: the project's own `fetch`, or, with classes alone, `POST /{type}/{name}/{method}`.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** The time of these actors, in ms since the epoch. It stands still until `advance`. */
  now(): number;
  /**
   * Moves time on. Every alarm, retry and delayed message that comes due on the way happens at its own time, in order, and all
   * that follows from it; it resolves when that is done. `advance(0)` does what is due at once.
   *
   * Turns that wait for real timers or I/O are waited for (see {@link TestOptions.patience}). Further calls wait for earlier ones.
   *
   * @throws TypeError no duration
   * @throws Error turns set each other off without end at one moment; names the instance
   */
  advance(duration: Duration): Promise<void>;
  /**
   * Fires an instance's alarm now, whenever it is due, and all that follows at once. Time stands still, and the instance's memory is lost.
   *
   * @returns whether there was one
   */
  runAlarm(stub: AnyStub): Promise<boolean>;
  /** What an instance holds by now, as of its last commit: no turn runs for it. `undefined`: nothing was ever committed. */
  peek(stub: AnyStub): Promise<Peek | undefined>;
  /**
   * The names of an actor's instances that hold a value or an alarm, in the order of their UTF-8 bytes.
   *
   * @throws TypeError it is none of the actors that were started
   */
  list(actor: ActorClass | string): Promise<string[]>;
  /** Takes an instance out of memory, once what is under way has ended: its next call constructs it again, from what is stored. */
  evict(stub: AnyStub): Promise<void>;
  /**
   * The worker of the instance's next commit dies, and another one takes its messages: what runs before the commit is run again
   * (`before-commit`), or is not, and is answered (`after-commit`).
   */
  crash(stub: AnyStub, fault: { readonly at: CrashPoint }): void;
  /** What is delivered to the instance next is delivered twice, as a queue may do. */
  redeliver(stub: AnyStub): void;
  /**
   * Ends what is under way, and takes no more calls. What is due later never happens. Once no actors run any more, `Date` is
   * what it was.
   */
  stop(): Promise<void>;
}

/**
 * Starts actors for a test: the same core as on AWS, with nothing but memory around it. They start without state.
 *
 * In their code `new Date()`, `Date()` and `Date.now()` tell the virtual time, and budgets of methods are counted in it; everywhere
 * else, and for `setTimeout`, `performance` and `Intl` also there, time is real. Several may run side by side. Code
 * that imports `env` from "stateful-actors", instead of using `this.env`, reaches the actors that were started last.
 *
 * @param actors the classes by the name of their type: `startActors({ Session })`; or a project's folder, whose manifest names
 *   classes and bindings: `startActors({ project: "examples/account" })`
 * @throws TypeError something that is no actor, a binding to an unknown type, no time, or no seed
 * @throws ManifestError, BundleError, ProjectError the project can't be loaded
 */
export async function startActors(
  actors: Readonly<Record<string, ActorClass>> | { readonly project: string },
  options: TestOptions = {},
): Promise<TestActors> {
  const { classes, bindings, handler, secrets } = await whatRuns(actors, options);
  const random = options.seed === undefined ? undefined : seededRandom(checkSeed(options.seed));
  const ids = random ? seededIds(random) : randomIds;
  const clock = new VirtualClock(startTime(options.now ?? Date.now()));
  const patienceMs = durationMs(options.patience ?? "2s");
  const telemetry: Telemetry = {
    ...consoleTelemetry,
    problem: options.onProblem ?? consoleTelemetry.problem,
  };
  const replies = createLocalReplies(clock);
  const store = createMemoryStore();
  const activations = new Activations(KEPT_ACTIVATIONS);
  const faults = new Faults(store);
  const batches = new RunningBatches();
  const chains = new Chains();
  let stopped: Promise<void> | undefined;

  const mailbox = createLocalMailbox({
    queue: ids.next(),
    async consume(id, deliveries) {
      const { going, links } = chains.enter(id, deliveries);
      return batches.run({ id, links }, () =>
        faults.run(id, going, (some, store) =>
          runBatch(id, some, { times: NO_LEASE, deps: { ...deps, store } }),
        ),
      );
    },
    messages: createMemoryMessages(),
    clock,
    telemetry,
  });
  const wakes = createLocalAlarmClock({ deliver: mailbox.wake, clock });
  const note = (envelope: Envelope) => {
    const cause = batches.current;
    if (cause && (envelope.due ?? 0) <= clock.now()) chains.note(envelope, cause);
  };
  const alarmClock: AlarmClock = {
    arm(to, wake) {
      note(wakeEnvelope(to, wake));
      return wakes.arm(to, wake);
    },
  };
  const route: Route = {
    mailbox: {
      send(envelope) {
        note(envelope);
        return mailbox.send(envelope);
      },
    },
    replies,
  };
  const findRoute = onlyRoute(route, new Set(classes.keys()));
  const routeTo = (type: string) => {
    if (stopped && !batches.current) throw afterStop();
    return findRoute(type);
  };
  const caller = watched(
    createCaller({ actors: classes, routeTo, clock, ids, callWaitMs: CALL_WAIT_MS }),
    batches,
  );
  const namespaces = new Map(
    [...classes.keys()].map((type) => [type, createNamespace(type, { caller, ids })]),
  );
  const env = {
    ...Object.fromEntries(bindings.map(([binding, type]) => [binding, namespaces.get(type)])),
    ...(secrets.length > 0 && { SECRETS: processSecrets(secrets, testSecretSource(options.secrets ?? {})) }),
  };
  const deps: BatchDeps = {
    actors: classes,
    env,
    store,
    replies,
    mailbox: mailboxOf(routeTo),
    alarmClock,
    deadLetters: createMemoryDeadLetters(),
    clock,
    telemetry,
    methodBudgetMs: METHOD_BUDGET_MS,
    alarmBudgetMs: ALARM_BUDGET_MS,
    // An instance must not wait for a time that only comes when the test says so: a call would wait behind it.
    earlyMs: 0,
    exposeStacks: true,
    activations,
  };

  /** Resolves when nothing goes on any more until time moves. */
  const settled = async () => {
    for (;;) {
      // Every microtask has run then; only what waits for idleness goes on, or waits for something outside.
      await immediate();
      if (clock.idling) continue;
      if (!batches.busy) return;
      for (const { id } of await batches.goneOn(patienceMs)) {
        telemetry.problem("time goes on while a turn waits for something outside", { type: id.type });
      }
    }
  };
  const moveBy = async (ms: number) => {
    const end = clock.now() + ms;
    do {
      await settled();
      chains.check();
    } while (clock.fireNext(end));
    clock.moveTo(end);
  };
  let moving = Promise.resolve();
  /** Does something between turns, after all that was asked for before. */
  const inBetween = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    if (stopped) throw afterStop();
    if (batches.current) {
      throw new Error(
        `${what} was called in a turn, and would wait for that turn to end; call it in the test`,
      );
    }
    const done = moving.then(work);
    moving = done.then(
      () => {},
      () => {},
    );
    return done;
  };
  const idOf = (stub: AnyStub) => addressOf(stub, classes);

  const inTurn = () => currentTurn.getStore() !== undefined && batches.current !== undefined;
  const restoreDate = shareDate(() => (inTurn() ? clock.now() : undefined));
  const restoreRandom = random && shareRandom(() => (inTurn() ? random() : undefined));
  const unshareEnv = shareEnv(env);
  const end = async () => {
    await moving;
    await settled();
    wakes.close();
    mailbox.close();
    unshareEnv();
    restoreDate();
    restoreRandom?.();
  };

  return {
    namespace: (actor: ActorClass | string) =>
      // biome-ignore lint/suspicious/noExplicitAny: the caller says which actor it is
      namespaces.get(typeOf(actor, classes)) as ActorNamespace<any>,
    env: env as Env,
    now: () => clock.now(),
    async fetch(input, init) {
      const { createFrontDoor } = await import("./front-door.ts");
      const door = createFrontDoor({
        handler,
        env: env as Env,
        types: new Set(classes.keys()),
        caller,
        envelopes: undefined,
        requestWaitMs: CALL_WAIT_MS,
        clock,
        telemetry,
      });
      return door.fetch(new Request(input, init));
    },
    async advance(duration) {
      const ms = durationMs(duration);
      await inBetween("advance", () => moveBy(ms));
    },
    async runAlarm(stub) {
      const id = idOf(stub);
      return inBetween("runAlarm", async () => {
        await settled();
        const found = await bringForward(id, { store, alarmClock: wakes, now: clock.now() });
        await moveBy(0);
        return found;
      });
    },
    async peek(stub) {
      const found = await store.snapshot(idOf(stub));
      if (!found) return undefined;
      const values = [...found.values].map(
        ([key, text]) => [key, decode(text, `the value of ${key}`)] as const,
      );
      return { version: found.head.version, values: new Map(values), alarm: found.head.alarm?.at ?? null };
    },
    async list(actor) {
      const query = { type: typeOf(actor, classes), prefix: "", after: undefined };
      const { instances } = await store.list({ ...query, limit: Number.POSITIVE_INFINITY });
      return instances.map(({ name }) => name);
    },
    async evict(stub) {
      const id = idOf(stub);
      await inBetween("evict", async () => {
        await settled();
        activations.evict(id);
      });
    },
    crash(stub, { at }) {
      faults.crash(idOf(stub), at);
    },
    redeliver(stub) {
      faults.redeliver(idOf(stub));
    },
    stop() {
      stopped ??= end();
      return stopped;
    },
  };
}

interface WhatRuns {
  readonly classes: ReadonlyMap<string, ActorClass>;
  readonly bindings: readonly (readonly [binding: string, type: string])[];
  readonly handler: FetchHandler | undefined;
  readonly secrets: readonly SecretBinding[];
}

async function whatRuns(
  actors: Readonly<Record<string, ActorClass>> | { readonly project: string },
  options: TestOptions,
): Promise<WhatRuns> {
  const { project } = actors ?? {};
  if (typeof project === "string") {
    const { loadProject } = await import("./testing-project.ts");
    const loaded = await loadProject(project);
    checkSecrets(options.secrets ?? {}, loaded.secrets);
    return { ...loaded, bindings: checkBindings(options.bindings ?? loaded.bindings, loaded.classes) };
  }
  const classes = actorClasses(actors);
  const bindings = options.bindings ? checkBindings(options.bindings, classes) : defaultBindings(classes);
  return { classes, bindings, handler: undefined, secrets: undeclaredSecrets(options.secrets ?? {}) };
}

/** Code that waits for a call waits for nothing outside. */
function watched(caller: Caller, batches: RunningBatches): Caller {
  return {
    call: (request) => batches.call(() => caller.call(request)),
    send: (make) => caller.send(make),
  };
}

/** Makes `env` that of code which imports it. @returns ends it */
function shareEnv(env: Readonly<Record<string, unknown>>): () => void {
  const ambient = ambientEnv as Record<string, unknown>;
  Object.assign(ambient, env);
  return () => {
    for (const binding of Object.keys(env)) if (ambient[binding] === env[binding]) delete ambient[binding];
  };
}

function afterStop(): ActorConnectionError {
  return new ActorConnectionError("these actors were stopped; start new ones with startActors");
}
