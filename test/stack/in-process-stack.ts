import type { OutgoingHttpHeaders } from "node:http";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { APIGatewayProxyResult } from "hono/aws-lambda";
import { createForwarderHandler } from "../../handlers/forwarder.ts";
import type { ProjectModule } from "../../handlers/project-module.ts";
import { createRouterHandler } from "../../handlers/router.ts";
import { createWorkerHandler } from "../../handlers/worker.ts";
import type { ActorBinding } from "../../runtime/core/bindings.ts";
import type { SendRequest } from "../endpoints/api-client.ts";
import { sqsAt, startEventSource } from "./event-source.ts";
import { makeFunctionEnvironment } from "./function-environment.ts";

type RouterHandler = ReturnType<typeof createRouterHandler>;

export interface InProcessStack {
  readonly request: SendRequest;
  /** Invokes the router, as the Lambda API would. */
  readonly lambda: LambdaClient;
  stop(): Promise<void>;
}

/**
 * All three functions in this process, as deployed, on real queues and tables of an endpoint, with batches in parallel: emulators
 * serve one batch at a time.
 */
export async function startInProcessStack(options: {
  readonly url: string;
  readonly module: ProjectModule;
  readonly actors: readonly ActorBinding[];
  /** Sets a variable of the functions' environment, which is this process's. */
  readonly setVariable: (name: string, value: string) => void;
}): Promise<InProcessStack> {
  const { url, module, actors, setVariable } = options;
  const sqs = sqsAt(url);
  const environment = await makeFunctionEnvironment(url);
  for (const [name, value] of Object.entries(environment)) setVariable(name, value);
  const project = { module, actors };
  const router = createRouterHandler(project);
  const worker = createWorkerHandler(project);
  const mailbox = startEventSource(sqs, {
    queueUrl: environment.MAILBOX_URL,
    worker: (event) => worker(event, { getRemainingTimeInMillis: () => 60_000 }),
  });
  const delayLine = startEventSource(sqs, {
    queueUrl: environment.DELAY_URL,
    worker: createForwarderHandler(),
  });
  return {
    request: (method, path, body, headers) => invoke(router, { method, path, body, headers }),
    lambda: lambdaOf(router),
    stop: async () => void (await Promise.all([mailbox.stop(), delayLine.stop()])),
  };
}

function lambdaOf(router: RouterHandler): LambdaClient {
  const send = async ({ input }: { input: { Payload: string } }) => {
    const answer = await router(JSON.parse(input.Payload), {} as Parameters<RouterHandler>[1]);
    return { Payload: { transformToString: () => JSON.stringify(answer) } };
  };
  return { send } as unknown as LambdaClient;
}

/** One request as an HTTP API would hand it to the router: the path decoded, except for `%25`. */
async function invoke(
  router: RouterHandler,
  {
    method,
    path,
    body,
    headers = {},
  }: { method: string; path: string; body: unknown; headers: OutgoingHttpHeaders | undefined },
) {
  const rawPath = decodeURIComponent(path.replaceAll("%25", "%2525"));
  const event = {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString: "",
    headers: {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(String(body ?? ""))),
      ...headers,
    },
    requestContext: { domainName: "api.example.com", http: { method, path: rawPath } },
    body: body === undefined ? null : String(body),
    isBase64Encoded: false,
  } as unknown as Parameters<RouterHandler>[0];
  const answer = (await router(event, {} as Parameters<RouterHandler>[1])) as APIGatewayProxyResult;
  return { status: answer.statusCode, headers: {}, text: answer.body, json: () => JSON.parse(answer.body) };
}
