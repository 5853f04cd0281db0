import { createHttpRoute, type HeaderTexts } from "../runtime/adapters/http/http-route.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import type { ActorBinding } from "../runtime/core/bindings.ts";
import { type CallerDeps, onlyRoute, type Route } from "../runtime/core/caller.ts";
import { ActorUnknownTypeError } from "../runtime/core/errors.ts";

/** Another server: where it answers, and what its door asks of a program on this machine. */
export interface Owner {
  readonly url: string;
  readonly headers: HeaderTexts;
}

/** The server that owns instances of a type, if one runs; asked at every call, since servers come and go. */
export type FindOwner = (type: string) => Owner | undefined;

/** The way to each type: instances in this process, or those of another server that owns a shared type. */
export function embeddedRoutes(options: {
  readonly own: { readonly types: ReadonlySet<string>; readonly route: Route };
  readonly bindings: readonly ActorBinding[];
  readonly findOwner: FindOwner;
}): CallerDeps["routeTo"] {
  const { own, bindings, findOwner } = options;
  const toOwn = onlyRoute(own.route, own.types);
  const shared = new Set(bindings.map(({ type }) => type).filter((type) => !own.types.has(type)));
  const routes = new Map<string, Route>();
  const headers = new Map<string, HeaderTexts>();

  const toServer = ({ url, headers: asked }: Owner): Route => {
    // They change with each start of that server.
    headers.set(url, asked);
    const give = () => headers.get(url) ?? {};
    const route = routes.get(url) ?? createHttpRoute({ url, headers: give, clock: systemClock });
    routes.set(url, route);
    return route;
  };

  return (type) => {
    if (!shared.has(type)) return toOwn(type);
    const owner = findOwner(type);
    if (owner) return toServer(owner);
    throw new ActorUnknownTypeError(
      `the type "${type}" is declared here, but exported by another project, whose server does not run: start it with the same --state folder (actors dev or actors start <its folder> --port <n>), or export a class ${type} here`,
    );
  };
}
