import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { GetScheduleCommand } from "@aws-sdk/client-scheduler";
import { ListQueuesCommand } from "@aws-sdk/client-sqs";
import { expect, onTestFinished, test, vi } from "vitest";
import { dynamoClient, sqsClient } from "../../../runtime/adapters/aws/clients.ts";
import { schedulerClient } from "../../../runtime/adapters/aws/scheduler-client.ts";

/** An endpoint that says `{}` to everything: a handler reads its settings only when it is used. */
async function endpoint(): Promise<string> {
  const server = createServer((_, response) => void response.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a request that is never answered is given up, long before a lease ends, and tried again", async () => {
  vi.stubEnv("AWS_ENDPOINT_URL", await endpoint());
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "x");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "y");
  onTestFinished(() => void vi.unstubAllEnvs());
  const [dynamo, sqs, scheduler] = [dynamoClient(), sqsClient(), schedulerClient()];
  await dynamo.send(new GetItemCommand({ TableName: "t", Key: { id: { S: "x" } } }));
  await sqs.send(new ListQueuesCommand({}));
  await scheduler.send(new GetScheduleCommand({ Name: "s" }));
  for (const { config } of [dynamo, sqs, scheduler]) {
    // Without the last of the three, the SDK only warns and goes on waiting.
    const handler = config.requestHandler as unknown as { httpHandlerConfigs(): object };
    expect(handler.httpHandlerConfigs()).toMatchObject({
      connectionTimeout: 1_000,
      requestTimeout: 5_000,
      throwOnRequestTimeout: true,
    });
    expect(await config.maxAttempts()).toBe(4);
  }
  dynamo.destroy();
  sqs.destroy();
  scheduler.destroy();
});
