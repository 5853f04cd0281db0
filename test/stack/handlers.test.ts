import type { OutgoingHttpHeaders } from "node:http";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { APIGatewayProxyResult } from "hono/aws-lambda";
import { afterAll, beforeAll, inject, vi } from "vitest";
import { createForwarderHandler } from "../../handlers/forwarder.ts";
import { createRouterHandler } from "../../handlers/router.ts";
import { createWorkerHandler } from "../../handlers/worker.ts";
import { connect } from "../../runtime/client.ts";
import { actorPath, doorPath, stubPath } from "../acceptance/call-paths.ts";
import { describeCalls } from "../acceptance/call-suite.ts";
import { describeProbe } from "../acceptance/probe-suite.ts";
import type { SendRequest } from "../endpoints/api-client.ts";
import { describeWith } from "../endpoints/gate.ts";
import * as probe from "../projects/probe/src/index.ts";
import { dynamoAt, makeActorTable, makeReplyTable } from "../stores/dynamo-table.ts";
import { makeDelayQueue, makeMailbox, sqsAt, startEventSource } from "./event-source.ts";

/** Router and worker as deployed, on real queues and tables, with batches in parallel. */
describeWith(inject("aws"), "both handlers in process", ({ url }) => {
  let request: SendRequest;
  let router: ReturnType<typeof createRouterHandler>;
  let stop = async () => {};
  beforeAll(async () => {
    const sqs = sqsAt(url);
    const dynamo = dynamoAt(url);
    const queueUrl = await makeMailbox(sqs);
    const delayUrl = await makeDelayQueue(sqs);
    const environment = {
      AWS_ENDPOINT_URL: url,
      MAILBOX_URL: queueUrl,
      DELAY_URL: delayUrl,
      ACTOR_TABLE: await makeActorTable(dynamo),
      REPLY_TABLE: await makeReplyTable(dynamo),
      LEASE_SECONDS: "60",
      REPLY_RETENTION_SECONDS: "3600",
      PROBE_GREETING: "hello from the manifest",
    };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const project = {
      module: { ...probe },
      actors: [
        { binding: "PROBE", type: "Probe" },
        { binding: "RELAY", type: "Relay" },
        { binding: "SCRIPT", type: "Script" },
        { binding: "LOADER", type: "Loader" },
        { binding: "DESK", type: "Desk" },
        { binding: "CLERK", type: "Clerk" },
      ],
    };
    const worker = createWorkerHandler(project);
    router = createRouterHandler(project);
    const source = startEventSource(sqs, {
      queueUrl,
      worker: (event) => worker(event, { getRemainingTimeInMillis: () => 60_000 }),
    });
    const delayLine = startEventSource(sqs, { queueUrl: delayUrl, worker: createForwarderHandler() });
    stop = async () => void (await Promise.all([source.stop(), delayLine.stop()]));
    request = (method, path, body, headers) => invoke(router, { method, path, body, headers });
  });
  afterAll(async () => {
    await stop();
    vi.unstubAllEnvs();
  });

  describeProbe("handlers in process", () => ({ request }));

  const inProcess = { stubs: true, stacks: false, chains: true, unknownTypes: true };
  describeCalls("router in process", () => doorPath(() => ({ request })), { ...inProcess, stubs: false });
  const client = stubPath((type) =>
    connect({ router: "router", lambda: lambdaOf(() => router) }).namespace(type),
  );
  describeCalls("client, handlers in process", () => client, inProcess);
  describeCalls("actor to actor, handlers in process", () => actorPath(client), {
    ...inProcess,
    unknownTypes: false,
  });
});

type RouterHandler = ReturnType<typeof createRouterHandler>;

/** Invokes the router in this process, as the Lambda API would. */
function lambdaOf(router: () => RouterHandler): LambdaClient {
  const send = async ({ input }: { input: { Payload: string } }) => {
    const answer = await router()(JSON.parse(input.Payload), {} as Parameters<RouterHandler>[1]);
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
