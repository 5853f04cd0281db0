import { CloudWatchLogsClient, DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { LambdaClient, ListEventSourceMappingsCommand, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { ListScheduleGroupsCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { sdkOptions } from "../endpoints/aws.ts";

/** Everything there is of the kinds of things that a stack makes and that could be left behind, by its name. */
export async function resourcesAt(url: string): Promise<string[]> {
  const options = sdkOptions(url);
  const [tables, queues, functions, sources, logs, schedules] = await Promise.all([
    new DynamoDBClient(options).send(new ListTablesCommand({})),
    new SQSClient(options).send(new ListQueuesCommand({ MaxResults: 1000 })),
    new LambdaClient(options).send(new ListFunctionsCommand({})),
    new LambdaClient(options).send(new ListEventSourceMappingsCommand({})),
    new CloudWatchLogsClient(options).send(new DescribeLogGroupsCommand({})),
    new SchedulerClient(options).send(new ListScheduleGroupsCommand({})),
  ]);
  const named = (kind: string, names: readonly (string | undefined)[] = []) =>
    names.map((name) => `${kind} ${name}`);
  return [
    ...named("table", tables.TableNames),
    ...named("queue", queues.QueueUrls),
    ...named(
      "function",
      functions.Functions?.map(({ FunctionName }) => FunctionName),
    ),
    ...named(
      "event source",
      sources.EventSourceMappings?.map(({ UUID }) => UUID),
    ),
    ...named(
      "log group",
      logs.logGroups?.map(({ logGroupName }) => logGroupName),
    ),
    ...named(
      "schedule group",
      schedules.ScheduleGroups?.map(({ Name }) => Name),
    ),
    ...(await listed(url, { service: "iam", action: "ListRoles", tag: "RoleName" })),
    ...(await listed(url, { service: "cloudformation", action: "DescribeStacks", tag: "StackName" })),
    ...(await apis(url)),
  ].sort();
}

/** Of services whose SDK is no dependency of this project: one request of the query protocol. */
async function listed(
  url: string,
  { service, action, tag }: { service: string; action: string; tag: string },
): Promise<string[]> {
  const answer = await ask(url, service, {
    method: "POST",
    body: new URLSearchParams({ Action: action, Version: "2010-05-08" }),
  });
  return [...answer.matchAll(new RegExp(`<${tag}>([^<]+)</${tag}>`, "g"))].map(
    ([, name]) => `${service} ${name}`,
  );
}

async function apis(url: string): Promise<string[]> {
  const answer = JSON.parse(await ask(`${url}/v2/apis`, "apigateway", {}));
  const items: readonly { apiId?: string; ApiId?: string }[] = answer.items ?? answer.Items;
  return items.map(({ apiId, ApiId }) => `api ${apiId ?? ApiId}`);
}

async function ask(url: string, service: string, init: RequestInit): Promise<string> {
  const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=none`;
  const response = await fetch(url, { ...init, headers: { authorization } });
  if (!response.ok) throw new Error(`${service}: ${response.status} ${await response.text()}`);
  return response.text();
}
