import { dynamoAt, makeActorTable, makeReplyTable } from "../stores/dynamo-table.ts";
import { makeDelayQueue, makeMailbox, queueArn, sqsAt } from "./event-source.ts";

/**
 * What the functions of a stack read from their environment, of queues and tables that are made for it at an endpoint.
 *
 * @param options.delayVisibilitySeconds how long the delay queue hides what is received
 */
export async function makeFunctionEnvironment(
  url: string,
  { delayVisibilitySeconds }: { delayVisibilitySeconds?: number } = {},
) {
  const sqs = sqsAt(url);
  const dynamo = dynamoAt(url);
  const delayUrl = await makeDelayQueue(
    sqs,
    delayVisibilitySeconds === undefined ? {} : { visibilitySeconds: delayVisibilitySeconds },
  );
  return {
    AWS_ENDPOINT_URL: url,
    MAILBOX_URL: await makeMailbox(sqs),
    DELAY_URL: delayUrl,
    ACTOR_TABLE: await makeActorTable(dynamo),
    REPLY_TABLE: await makeReplyTable(dynamo),
    DEAD_LETTER_URL: await makeMailbox(sqs),
    LEASE_SECONDS: "60",
    REPLY_RETENTION_SECONDS: "3600",
    ALARM_BUDGET_SECONDS: "20",
    // The group that every account has.
    SCHEDULE_GROUP: "default",
    SCHEDULE_ROLE_ARN: "arn:aws:iam::000000000000:role/scheduler",
    DELAY_QUEUE_ARN: await queueArn(sqs, delayUrl),
    DELAY_DEAD_LETTER_ARN: await queueArn(sqs, await makeDelayQueue(sqs)),
  };
}
