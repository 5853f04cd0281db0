/**
 * What a Lambda function imports that `actors.bind(fn, { … })` has bound to actors of another stack:
 * `import { env } from "stateful-actors/bound"`.
 *
 * @module stateful-actors/bound
 */
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { bindActors, env as filled } from "../runtime/core/bindings.ts";
import { createCaller } from "../runtime/core/caller.ts";
import type { Env } from "../runtime/core/stateful-actor.ts";
import { type Address, awsClients, foreignRoutes } from "./aws-routes.ts";
import { tracerOf } from "./aws-tracing.ts";
import { optional } from "./environment.ts";

export type { ActorNamespace, ActorStub } from "../runtime/core/namespace.ts";
export type { Env } from "../runtime/core/stateful-actor.ts";
export * from "../runtime/errors.ts";

/** Longest wait for an answer, in ms. */
const CALL_WAIT_MS = 28_000;

/** The bindings of this function; `Env` says their types once it is augmented. */
export const env: Env = boundEnv(optional("ACTOR_BINDINGS"));

function boundEnv(bindings: string | undefined): Env {
  if (bindings === undefined) return unbound();
  const addresses: Record<string, Address & { readonly type: string }> = JSON.parse(bindings);
  const routeTo = foreignRoutes(awsClients(), { retentionMs: 0 });
  const tracer = tracerOf();
  for (const [binding, { type, ...address }] of Object.entries(addresses)) {
    // Two bindings of one type may lead to two stacks, so each has a caller of its own.
    const route = routeTo(address);
    const caller = createCaller({
      actors: new Map(),
      routeTo: () => route,
      clock: systemClock,
      ids: randomIds,
      callWaitMs: CALL_WAIT_MS,
      tracer,
    });
    bindActors([{ binding, type }], { caller, ids: randomIds });
  }
  return filled;
}

function unbound(): Env {
  return new Proxy({} as Env, {
    get(_, name) {
      if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
      throw new Error(
        `env.${name} is not bound: this function has no ACTOR_BINDINGS; bind it in the CDK app with actors.bind(fn, { ${name}: "…" })`,
      );
    },
  });
}
