import type { APIGatewayProxyResult } from "hono/aws-lambda";
import { vi } from "vitest";
import type { FetchHandler } from "../../../handlers/project-module.ts";
import { createRouterHandler } from "../../../handlers/router.ts";
import type { ActorClass } from "../../../runtime/core/method.ts";

/** What differs from an empty GET of / of a project without actors, through the default route. */
export interface HttpEvent {
  readonly method?: string;
  readonly path?: string;
  readonly routeKey?: string;
  readonly headers?: Record<string, string>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  /** The classes of the project, each bound by its own name. */
  readonly actors?: Readonly<Record<string, ActorClass>>;
  readonly authorizer?: unknown;
  /** What the stack has set besides. */
  readonly environment?: Record<string, string>;
}

/** What a deployed router with the project's `fetch` handler, or the built-in door for want of one, answers to an HTTP API. */
export async function throughRouter(
  fetch: FetchHandler | undefined,
  {
    method = "GET",
    path = "/",
    routeKey = "$default",
    headers = {},
    cookies,
    body,
    actors = {},
    authorizer,
    environment = {},
  }: HttpEvent,
) {
  const listeners = process.listeners("unhandledRejection");
  for (const name of ["MAILBOX_URL", "DELAY_URL", "REPLY_TABLE"]) vi.stubEnv(name, "http://127.0.0.1:1/x");
  const all = { REPLY_RETENTION_SECONDS: "60", AWS_REGION: "us-east-1", ...environment };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
  try {
    const router = createRouterHandler({
      module: { ...actors, ...(fetch && { default: { fetch } }) },
      actors: Object.keys(actors).map((type) => ({ binding: type, type })),
    });
    const http = { method, path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "t" };
    const event = {
      version: "2.0",
      routeKey,
      rawPath: path,
      rawQueryString: "",
      headers: { host: "api.example", ...headers },
      requestContext: { http, domainName: "api.example", ...(authorizer !== undefined && { authorizer }) },
      ...(cookies && { cookies }),
      ...(body !== undefined && { body }),
      isBase64Encoded: false,
    };
    return (await router(event as never, {} as never)) as APIGatewayProxyResult;
  } finally {
    vi.unstubAllEnvs();
    process.removeAllListeners("unhandledRejection");
    for (const each of listeners) process.on("unhandledRejection", each);
  }
}
