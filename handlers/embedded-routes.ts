import { createHttpRoute } from "../runtime/adapters/http/http-route.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import type { ActorBinding } from "../runtime/core/bindings.ts";
import { type CallerDeps, onlyRoute, type Route } from "../runtime/core/caller.ts";
import { ActorUnknownTypeError } from "../runtime/core/errors.ts";

/** The way to each type: instances in this process, or those of another server that owns a shared type. */
export function embeddedRoutes(options: {
  readonly own: { readonly types: ReadonlySet<string>; readonly route: Route };
  readonly bindings: readonly ActorBinding[];
  /** The URL of the server that owns a type; asked at every call, since servers come and go. */
  readonly findOwner: (type: string) => string | undefined;
}): CallerDeps["routeTo"] {
  const { own, bindings, findOwner } = options;
  const toOwn = onlyRoute(own.route, own.types);
  const shared = new Set(bindings.map(({ type }) => type).filter((type) => !own.types.has(type)));
  const routes = new Map<string, Route>();

  const toServer = (url: string): Route => {
    const route = routes.get(url) ?? createHttpRoute({ url, headers: () => ({}), clock: systemClock });
    routes.set(url, route);
    return route;
  };

  return (type) => {
    if (!shared.has(type)) return toOwn(type);
    const url = findOwner(type);
    if (url !== undefined) return toServer(url);
    throw new ActorUnknownTypeError(
      `the type "${type}" is declared here, but exported by another project, whose server does not run: start it with the same --state folder (actors dev <its folder> --port <n>), or export a class ${type} here`,
    );
  };
}
