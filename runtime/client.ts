/**
 * Calls actors from any Node program: a script, a test, a container.
 *
 * @module stateful-actors/client
 */
import { createLambdaRoute, type LambdaClient } from "./adapters/aws/lambda-route.ts";
import { createHttpRoute, type GiveHeaders, type HeaderTexts } from "./adapters/http/http-route.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { randomIds } from "./adapters/system/ids.ts";
import { createCaller, type Route } from "./core/caller.ts";
import { type ActorNamespace, createNamespace } from "./core/namespace.ts";

export type { GiveHeaders, HeaderTexts, OutgoingRequest } from "./adapters/http/http-route.ts";
export type { CallOptions } from "./core/call-options.ts";
export type { ActorNamespace, ActorStub } from "./core/namespace.ts";
export * from "./errors.ts";

/** Longest wait for an answer, in ms: a router function gives up after 28 s. */
const CALL_WAIT_MS = 28_000;

/** Where the actors are: behind a front door (`url`), or behind a deployed router function (`router`). */
export type ConnectOptions =
  | {
      /** Where the front door answers: the embedded server, or a deployed one that takes calls over HTTP. */
      readonly url: string;
      /** Headers of every call, such as an authorization. A function is asked anew for each, and sees what is sent, so that it can sign it. */
      readonly headers?: HeaderTexts | GiveHeaders;
    }
  | {
      /** Name or ARN of the router function (the stack's output `RouterName`). Needs the right `lambda:InvokeFunction`. */
      readonly router: string;
      /** A client of your own; otherwise one with region and credentials of the environment. */
      readonly lambda?: LambdaClient;
    };

/** Actors of one deployment, as seen from outside. */
export interface ConnectedActors {
  /**
   * The instances of an actor, by the name of its class: `actors.namespace<Account>("Account").idFromName("alice")`.
   *
   * @throws ActorConnectionError (from calls) nobody answers there, or takes calls
   */
  namespace<A>(type: string): ActorNamespace<A>;
}

/**
 * Connects to actors. Nothing is sent yet.
 *
 * A call whose answer is lost fails with `ActorCallTimeoutError`; `stub.with({ envelopeId: error.envelopeId })` asks for it
 * again, and never runs it twice.
 *
 * @throws TypeError the url is none
 */
export function connect(options: ConnectOptions): ConnectedActors {
  const { url, router } = (options ?? {}) as { url?: unknown; router?: unknown };
  if (!isName(url) && !isName(router)) {
    throw new TypeError(
      'connect takes { url } of a front door, such as { url: "http://localhost:8787" }, or { router }, the name of a router function',
    );
  }
  const route = "url" in options ? httpRoute(options) : lambdaRoute(options);
  const caller = createCaller({
    actors: new Map(),
    routeTo: () => route,
    clock: systemClock,
    ids: randomIds,
    callWaitMs: CALL_WAIT_MS,
  });
  return {
    namespace: <A>(type: string) =>
      createNamespace(type, { caller, ids: randomIds }) as unknown as ActorNamespace<A>,
  };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function httpRoute({ url, headers = {} }: Extract<ConnectOptions, { url: string }>): Route {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username !== "" || parsed.search !== "") {
    throw new TypeError(
      `connect got the url ${JSON.stringify(url)}; it is one such as http://localhost:8787, with a scheme, and without a query or a password (give headers for that)`,
    );
  }
  const give = typeof headers === "function" ? headers : () => headers;
  return createHttpRoute({ url, headers: give, clock: systemClock });
}

function lambdaRoute({ router, lambda }: Extract<ConnectOptions, { router: string }>): Route {
  return createLambdaRoute({ router, client: lambda, clock: systemClock });
}
