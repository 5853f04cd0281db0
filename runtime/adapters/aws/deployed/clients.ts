import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { dynamoClient, sqsClient } from "../clients.ts";
import { logsClient } from "../function-log.ts";

/** What the readers of a deployed stack ask. Listings take AWS longer than a worker has patience for. */
export function stackClients() {
  const patient = {
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  };
  const clients = {
    cloudFormation: new CloudFormationClient(patient),
    cloudWatch: new CloudWatchClient(patient),
    dynamo: dynamoClient(),
    lambda: new LambdaClient(patient),
    logs: logsClient(),
    scheduler: new SchedulerClient(patient),
    sqs: sqsClient(),
  };
  const hosts = new Set<string>();
  for (const { middlewareStack } of [clients.lambda, clients.dynamo]) {
    middlewareStack.add(
      (next) => (args) => {
        hosts.add((args.request as { hostname: string }).hostname);
        return next(args);
      },
      { step: "finalizeRequest" },
    );
  }
  return {
    ...clients,
    /** Whether those that were asked are AWS itself, and not something that stands in for it and may not keep what it was told. */
    isAws: () => [...hosts].every((host) => /\.(amazonaws\.com(\.cn)?|api\.aws)$/.test(host)),
    close() {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

export type StackClients = ReturnType<typeof stackClients>;
