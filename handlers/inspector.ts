import { createHash } from "node:crypto";
import { checkName } from "../runtime/core/actor-id.ts";
import { methodRequest } from "../runtime/core/call-request.ts";
import { decode } from "../runtime/core/codec.ts";
import { ActorError, messageOf } from "../runtime/core/errors.ts";
import { callableMethods } from "../runtime/core/method.ts";
import { currentRequest, RequestContext } from "../runtime/core/request-context.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Directory } from "../runtime/ports/directory.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import type { Store } from "../runtime/ports/store.ts";
import { limited, tooLarge } from "./front-door.ts";
import { errorResponse, refusal } from "./http-error.ts";
import { keysOf, shownValue } from "./instance-view.ts";
import type { LoadedCode } from "./loaded-code.ts";
import { pathOf } from "./request-path.ts";
import { foreignness } from "./same-site.ts";
import type { TurnFeed } from "./turn-feed.ts";
import { streamTurns } from "./turn-stream.ts";

const PAGE_PATH = "/__actors";
const API_PATH = "/__actors/api/";

/** Instances or keys on a page. */
const PAGE_SIZE = 50;

export interface InspectorDeps {
  readonly feed: TurnFeed;
  /** The page's HTML; its scripts and styles are in it. */
  readonly page: () => string;
  readonly store: Store;
  readonly directory: Directory;
  /** How many deliveries of an instance wait or run. */
  readonly depth: (id: ActorId) => number;
  /** The code that runs now. */
  readonly code: () => LoadedCode;
  /** What keeps the project's present code from running. */
  readonly mistake: () => Error | undefined;
  /** How long a call may take, in ms. */
  readonly requestWaitMs: number;
  readonly clock: Clock;
}

export interface Inspector {
  (request: Request): Promise<Response>;
  /** Ends the streams that are open. */
  close(): void;
}

/** Whether a request is for the inspector. Asked of every request, so it looks twice only at what is likely. */
export function isInspectorPath(url: string): boolean {
  if (!url.includes(PAGE_PATH)) return false;
  const pathname = pathOf(url);
  return pathname === PAGE_PATH || pathname === `${PAGE_PATH}/` || pathname.startsWith(API_PATH);
}

/** A page that shows a developer what the actors do, and the JSON behind it. Only for this machine: no other site's page reaches it. */
export function createInspector(deps: InspectorDeps): Inspector {
  const ending = new AbortController();
  const routes: Readonly<Record<string, (request: Request) => Response | Promise<Response>>> = {
    [`GET ${PAGE_PATH}`]: () => htmlResponse(deps.page()),
    [`GET ${API_PATH}project`]: async () => Response.json(await projectView(deps)),
    [`GET ${API_PATH}instances`]: async ({ url }) =>
      Response.json(await listView(new URL(url).searchParams, deps)),
    [`GET ${API_PATH}instance`]: async ({ url }) =>
      Response.json(await instanceView(new URL(url).searchParams, deps)),
    [`GET ${API_PATH}turns`]: () => streamTurns(deps.feed, { clock: deps.clock, ending: ending.signal }),
    [`POST ${API_PATH}call`]: (request) => call(request, deps),
  };
  const inspector = async (request: Request): Promise<Response> => {
    const pathname = pathOf(request.url);
    const path = pathname === `${PAGE_PATH}/` ? PAGE_PATH : pathname;
    const route = routes[`${request.method} ${path}`];
    const foreign = foreignness(request);
    const response =
      foreign !== undefined
        ? refusal(403, "ForeignRequestError", foreign)
        : route === undefined
          ? refusal(404, "NotFoundError", `the inspector has no ${request.method} ${path.slice(0, 100)}`)
          : await answer(async () => {
              const taken = await limited(request);
              return taken ? route(taken) : tooLarge(request);
            });
    for (const [name, value] of Object.entries(PROTECTION)) {
      if (!response.headers.has(name)) response.headers.set(name, value);
    }
    return response;
  };
  return Object.assign(inspector, { close: () => ending.abort() });
}

/** On every answer: no other site may frame it, embed it, keep it, or guess what it is. */
const PROTECTION = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

async function answer(route: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await route();
  } catch (error) {
    if (error instanceof ActorError) return errorResponse(error);
    return refusal(500, "InternalError", messageOf(error));
  }
}

/** What is not in the page itself does not run: each of its scripts and styles is named by its digest. */
function htmlResponse(html: string): Response {
  const digests = (tag: "script" | "style") =>
    [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))]
      .map(
        ([, text]) =>
          `'sha256-${createHash("sha256")
            .update(text ?? "")
            .digest("base64")}'`,
      )
      .join(" ");
  const policy = [
    "default-src 'none'",
    `script-src ${digests("script")}`,
    `style-src ${digests("style")}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return new Response(html, {
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
  });
}

/** The types that the code or the state knows. */
async function projectView({ code, directory, mistake }: InspectorDeps) {
  const { actors } = code();
  const error = mistake();
  const types = new Set([...actors.keys(), ...(await directory.types())]);
  return {
    types: [...types].map((type) => {
      const actor = actors.get(type);
      return { type, methods: actor ? callableMethods(actor) : [], here: actor !== undefined };
    }),
    mistake: error && { name: error.name, message: error.message },
  };
}

async function listView(query: URLSearchParams, { directory, depth }: InspectorDeps) {
  const type = query.get("type") ?? "";
  const prefix = query.get("prefix") ?? "";
  const after = query.get("after") ?? undefined;
  const page = await directory.list({ type, prefix, after, limit: PAGE_SIZE });
  return {
    instances: page.instances.map(({ name, version, alarm }) => ({
      name,
      version,
      alarm: alarm?.at,
      depth: depth({ type, name }),
    })),
    more: page.more,
  };
}

async function instanceView(query: URLSearchParams, { store, depth, clock }: InspectorDeps) {
  const id = { type: query.get("type") ?? "", name: query.get("name") ?? "" };
  const head = await store.hydrate(id);
  const after = query.get("after") ?? undefined;
  const page = head && (await keysOf({ id, head }, { after, limit: PAGE_SIZE, store }));
  return {
    ...id,
    now: clock.now(),
    version: head?.version ?? 0,
    depth: depth(id),
    alarm: head?.alarm ?? null,
    outbox: head?.outbox.length ?? 0,
    keys: page?.keys ?? [],
    more: page?.more ?? false,
  };
}

/** Calls a method as a caller from outside does. */
async function call(request: Request, { code, mistake, requestWaitMs, clock }: InspectorDeps) {
  const error = mistake();
  if (error) return refusal(503, error.name, error.message);
  const asked = await callIn(request);
  if (asked instanceof Response) return asked;
  const { type, name, method, args } = asked;
  checkName(name);
  const context = new RequestContext({ deadline: clock.now() + requestWaitMs, idempotencyKey: undefined });
  const outcome = await currentRequest.run(context, () =>
    code().caller.call(methodRequest({ type, name }, { method, args, options: {} })),
  );
  return Response.json(
    outcome.ok
      ? { ok: true, result: shownValue(decode(outcome.result, `the result of ${method}`)) }
      : { ok: false, error: { name: outcome.error.name, message: outcome.error.message } },
  );
}

async function callIn(request: Request) {
  const body: unknown = await request.json().catch(() => undefined);
  const { type, name, method, args } = (body ?? {}) as Record<string, unknown>;
  if (
    typeof type === "string" &&
    typeof name === "string" &&
    typeof method === "string" &&
    Array.isArray(args)
  )
    return { type, name, method, args };
  return refusal(
    400,
    "BadRequestError",
    'the body must be JSON such as {"type":"Account","name":"alice","method":"debit","args":[5]}',
  );
}
