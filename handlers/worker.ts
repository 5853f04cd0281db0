import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { dynamoClient, sqsClient } from "../runtime/adapters/aws/clients.ts";
import { createDynamoReplies } from "../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../runtime/adapters/aws/dynamo-store.ts";
import { createSqsLease } from "../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { Activations } from "../runtime/core/activation.ts";
import { type ActorBinding, bindActors } from "../runtime/core/bindings.ts";
import { createCaller } from "../runtime/core/caller.ts";
import { METHOD_BUDGET_MS } from "../runtime/core/run-turn.ts";
import { required, requiredSeconds } from "./environment.ts";
import { actorClasses, type ProjectModule } from "./project-module.ts";
import { serveRecords } from "./serve-records.ts";
import { surviveStrayRejectionsOnLambda } from "./stray-rejections.ts";

/** Idle activations kept by one function instance. */
const KEPT_ACTIVATIONS = 1000;

/** The worker Lambda's handler: batches of messages in, unfinished ones back. */
export function createWorkerHandler(project: {
  readonly module: ProjectModule;
  readonly actors: readonly ActorBinding[];
}): (event: SQSEvent, context: Pick<Context, "getRemainingTimeInMillis">) => Promise<SQSBatchResponse> {
  const clock = systemClock;
  const telemetry = consoleTelemetry;
  const sqs = sqsClient();
  const dynamo = dynamoClient();
  const mailboxUrl = required("MAILBOX_URL");
  const actors = actorClasses(project.module, project.actors);
  const replies = createDynamoReplies({
    client: dynamo,
    table: required("REPLY_TABLE"),
    clock,
    ids: randomIds,
    retentionMs: requiredSeconds("REPLY_RETENTION_SECONDS"),
  });
  const call = createCaller({
    actors,
    mailbox: createSqsMailbox(sqs, mailboxUrl),
    replies,
    clock,
    ids: randomIds,
    callWaitMs: METHOD_BUDGET_MS,
  });
  const deps = {
    actors,
    env: bindActors(project.actors, { call, ids: randomIds }),
    store: createDynamoStore({ client: dynamo, table: required("ACTOR_TABLE"), ids: randomIds }),
    replies,
    clock,
    telemetry,
    methodBudgetMs: METHOD_BUDGET_MS,
    activations: new Activations(KEPT_ACTIVATIONS),
    lease: createSqsLease(sqs, mailboxUrl),
    leaseMs: requiredSeconds("LEASE_SECONDS"),
  };
  surviveStrayRejectionsOnLambda(telemetry);
  return (event, context) =>
    serveRecords(event.Records, { endsBy: clock.now() + context.getRemainingTimeInMillis(), deps });
}
