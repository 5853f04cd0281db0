import type { ActorBinding } from "../runtime/core/bindings.ts";
import type { ActorClass } from "../runtime/core/method.ts";
import { type Env, StatefulActor } from "../runtime/core/stateful-actor.ts";

/** The project can't be served as it is; the message is one line for its author. */
export class ProjectError extends Error {
  override readonly name = "ProjectError";
}

/** The namespace object of a project's entry module. */
export type ProjectModule = Readonly<Record<string, unknown>>;

/** A project's own front door: `default { fetch(req, env) }`. */
export type FetchHandler = (request: Request, env: Env) => Response | Promise<Response>;

/**
 * The actor classes that the bindings name, by type.
 *
 * @param shared says which types the project need not export: another project owns their instances
 * @throws ProjectError a class is missing, or does not extend `StatefulActor`
 */
export function actorClasses(
  module: ProjectModule,
  bindings: readonly ActorBinding[],
  shared: (type: string) => boolean = () => false,
): ReadonlyMap<string, ActorClass> {
  const classes = new Map<string, ActorClass>();
  for (const { binding, type } of bindings) {
    const exported = Object.hasOwn(module, type) ? module[type] : undefined;
    if (exported === undefined && shared(type)) continue;
    if (exported === undefined) {
      throw new ProjectError(
        `the manifest binds ${binding} to type "${type}", but the entry module exports no class ${type}; add: export { ${type} } from "./…"`,
      );
    }
    if (!isActorClass(exported)) {
      throw new ProjectError(
        `the export ${type} must be a class that extends StatefulActor (imported from "stateful-actors")`,
      );
    }
    classes.set(type, exported);
  }
  return classes;
}

/**
 * The project's own fetch handler, or `undefined` when it has none and the RPC door answers.
 *
 * @throws ProjectError the default export has a `fetch` that is no function
 */
export function fetchHandler(module: ProjectModule): FetchHandler | undefined {
  const owner = module.default as { fetch?: unknown } | undefined | null;
  const handler = owner?.fetch;
  if (handler === undefined) return undefined;
  if (typeof handler !== "function") {
    throw new ProjectError(
      "the default export's fetch must be a function: export default { fetch(request, env) { … } }",
    );
  }
  return (request, env) => handler.call(owner, request, env);
}

/** Whether an export of a project is an actor. */
export function isActorClass(value: unknown): value is ActorClass {
  return typeof value === "function" && value.prototype instanceof StatefulActor;
}
