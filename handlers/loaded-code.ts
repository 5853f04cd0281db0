import { randomIds } from "../runtime/adapters/system/ids.ts";
import { Activations } from "../runtime/core/activation.ts";
import { type BatchDeps, runBatch } from "../runtime/core/batch.ts";
import { type ActorBinding, bindActors, bindSecrets } from "../runtime/core/bindings.ts";
import { type Caller, type CallerDeps, createCaller, mailboxOf, type Route } from "../runtime/core/caller.ts";
import type { ActorClass } from "../runtime/core/method.ts";
import { ALARM_BUDGET_MS } from "../runtime/core/run-alarm.ts";
import { METHOD_BUDGET_MS } from "../runtime/core/run-turn.ts";
import type { Secrets } from "../runtime/core/secrets.ts";
import type { Env } from "../runtime/core/stateful-actor.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { ActorId, Delivery } from "../runtime/ports/mailbox.ts";
import { embeddedRoutes, type FindOwner } from "./embedded-routes.ts";
import { actorClasses, type FetchHandler, fetchHandler, type ProjectModule } from "./project-module.ts";

/** Idle activations kept in memory. */
const KEPT_ACTIVATIONS = 10_000;

/** A project's code, and the names that its manifest gives to it. */
export interface ProjectCode {
  /** The entry module, already loaded. */
  readonly module: ProjectModule;
  readonly actors: readonly ActorBinding[];
  /** Of a project that declares any. */
  readonly secrets?: Secrets | undefined;
}

/** What stays when the code is exchanged: state, mailboxes, and what is known of other servers. */
export interface CodeSurroundings {
  readonly batch: Omit<
    BatchDeps,
    "actors" | "env" | "mailbox" | "activations" | "methodBudgetMs" | "alarmBudgetMs"
  >;
  /** The way to the instances of this process. */
  readonly route: Route;
  readonly findOwner: FindOwner | undefined;
  readonly clock: Clock;
  /** The longest wait for an outcome, in ms. */
  readonly callWaitMs: number;
}

/** A project's code at work. */
export interface LoadedCode {
  readonly bindings: readonly ActorBinding[];
  readonly actors: ReadonlyMap<string, ActorClass>;
  readonly handler: FetchHandler | undefined;
  readonly env: Env;
  readonly caller: Caller;
  readonly routeTo: CallerDeps["routeTo"];
  /** Runs deliveries of one instance; resolves to the ones that must come again. */
  run(id: ActorId, deliveries: readonly Delivery[]): Promise<Delivery[]>;
  /** Other code takes over: turns under way end on this one, and no further turn begins on it. */
  retire(): void;
}

/**
 * Puts a project's code to work: `env` is its own from now on.
 *
 * @throws ProjectError the module does not fit the bindings
 */
export function loadCode(
  { module, actors: bindings, secrets }: ProjectCode,
  around: CodeSurroundings,
): LoadedCode {
  const { batch, route, findOwner, clock, callWaitMs } = around;
  const handler = fetchHandler(module);
  // A module that neither has an actor nor calls one has rather forgotten its class.
  const hasPurpose = handler !== undefined || bindings.some(({ type }) => Object.hasOwn(module, type));
  const actors = actorClasses(module, bindings, () => findOwner !== undefined && hasPurpose);
  const routeTo = embeddedRoutes({
    own: { types: new Set(actors.keys()), route },
    bindings,
    findOwner: findOwner ?? (() => undefined),
  });
  const caller = createCaller({ actors, routeTo, clock, ids: randomIds, callWaitMs });
  const env = bindActors(bindings, { caller, ids: randomIds });
  bindSecrets(secrets);
  const deps: BatchDeps = {
    ...batch,
    actors,
    env,
    mailbox: mailboxOf(routeTo),
    methodBudgetMs: METHOD_BUDGET_MS,
    alarmBudgetMs: ALARM_BUDGET_MS,
    activations: new Activations(KEPT_ACTIVATIONS),
  };
  /** One process owns the state file, so no lease ever runs out. Retired, it has no time for another turn. */
  const times = { stopBy: Number.POSITIVE_INFINITY, commitBy: Number.POSITIVE_INFINITY };
  return {
    bindings,
    actors,
    handler,
    env,
    caller,
    routeTo,
    run: (id, deliveries) => runBatch(id, deliveries, { times, deps }),
    retire() {
      times.stopBy = Number.NEGATIVE_INFINITY;
    },
  };
}
