import type { APIGatewayProxyResult } from "hono/aws-lambda";
import { afterAll, beforeAll, inject, vi } from "vitest";
import { createRouterHandler } from "../../handlers/router.ts";
import { createWorkerHandler } from "../../handlers/worker.ts";
import { describeProbe } from "../acceptance/probe-suite.ts";
import type { SendRequest } from "../endpoints/api-client.ts";
import { describeWith } from "../endpoints/gate.ts";
import * as probe from "../projects/probe/src/index.ts";
import { dynamoAt, makeActorTable, makeReplyTable } from "../stores/dynamo-table.ts";
import { makeMailbox, sqsAt, startEventSource } from "./event-source.ts";

/** Router and worker as deployed, on real queues and tables, with batches in parallel. */
describeWith(inject("aws"), "both handlers in process", ({ url }) => {
  let request: SendRequest;
  let stop = async () => {};
  beforeAll(async () => {
    const sqs = sqsAt(url);
    const dynamo = dynamoAt(url);
    const queueUrl = await makeMailbox(sqs);
    const environment = {
      AWS_ENDPOINT_URL: url,
      MAILBOX_URL: queueUrl,
      DELAY_URL: queueUrl,
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
    const router = createRouterHandler(project);
    const source = startEventSource(sqs, {
      queueUrl,
      worker: (event) => worker(event, { getRemainingTimeInMillis: () => 60_000 }),
    });
    stop = source.stop;
    request = (method, path, body) => invoke(router, { method, path, body });
  });
  afterAll(async () => {
    await stop();
    vi.unstubAllEnvs();
  });

  describeProbe("handlers in process", () => ({ request }));
});

/** One request as an HTTP API would hand it to the router: the path decoded, except for `%25`. */
async function invoke(
  router: ReturnType<typeof createRouterHandler>,
  { method, path, body }: { method: string; path: string; body: unknown },
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
    },
    requestContext: { domainName: "api.example.com", http: { method, path: rawPath } },
    body: body === undefined ? null : String(body),
    isBase64Encoded: false,
  } as unknown as Parameters<typeof router>[0];
  const answer = (await router(event, {} as Parameters<typeof router>[1])) as APIGatewayProxyResult;
  return { status: answer.statusCode, headers: {}, text: answer.body, json: () => JSON.parse(answer.body) };
}
