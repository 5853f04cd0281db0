import type { Ids } from "../ports/ids.ts";
import type { Caller } from "./caller.ts";
import { type ActorNamespace, createNamespace } from "./namespace.ts";
import type { Secrets } from "./secrets.ts";
import type { Env } from "./stateful-actor.ts";

/** One binding of a project's manifest: `env[binding]` reaches the instances of `type`. */
export interface ActorBinding {
  readonly binding: string;
  readonly type: string;
}

/** The bindings of the running project; filled before the first request. The same object as `this.env`. */
export const env = {} as Env;

/** Fills `env` with a namespace per binding. */
export function bindActors(
  bindings: readonly ActorBinding[],
  calling: { readonly caller: Caller; readonly ids: Ids },
): Env {
  const namespaces = env as Record<string, ActorNamespace>;
  for (const { binding, type } of bindings) namespaces[binding] = createNamespace(type, calling);
  return env;
}

/** Gives `env` the project's secrets; `undefined`: it declares none. */
export function bindSecrets(secrets: Secrets | undefined): void {
  const bound = env as { SECRETS?: Secrets };
  if (secrets) bound.SECRETS = secrets;
  else delete bound.SECRETS;
}
