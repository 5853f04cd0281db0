import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { createDynamoStore } from "../runtime/adapters/aws/dynamo-store.ts";
import { createSqsLease } from "../runtime/adapters/aws/sqs-lease.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { Activations } from "../runtime/core/activation.ts";
import { type ActorBinding, bindActors } from "../runtime/core/bindings.ts";
import { createCaller, mailboxOf } from "../runtime/core/caller.ts";
import { METHOD_BUDGET_MS } from "../runtime/core/run-turn.ts";
import { awsClients, awsRoute, ownAddress, ownerAddresses, routesByType } from "./aws-routes.ts";
import { optional, required, requiredSeconds } from "./environment.ts";
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
  const owners = ownerAddresses();
  const actors = actorClasses(project.module, project.actors, (type) => owners.has(type));
  const clients = awsClients();
  const own = ownAddress();
  const route = awsRoute(clients, own, own);
  const routeTo = routesByType(
    clients,
    { types: new Set(actors.keys()), route, retentionMs: own.retentionMs },
    owners,
  );
  const caller = createCaller({ actors, routeTo, clock, ids: randomIds, callWaitMs: METHOD_BUDGET_MS });
  const deps = {
    actors,
    env: bindActors(project.actors, { caller, ids: randomIds }),
    store: createDynamoStore({ client: clients.dynamo, table: required("ACTOR_TABLE"), ids: randomIds }),
    replies: route.replies,
    mailbox: mailboxOf(routeTo),
    clock,
    telemetry,
    methodBudgetMs: METHOD_BUDGET_MS,
    exposeStacks: optional("EXPOSE_STACKS") === "1",
    activations: new Activations(KEPT_ACTIVATIONS),
    lease: createSqsLease(clients.sqs, own.mailbox),
    leaseMs: requiredSeconds("LEASE_SECONDS"),
  };
  surviveStrayRejectionsOnLambda(telemetry);
  return (event, context) =>
    serveRecords(event.Records, { endsBy: clock.now() + context.getRemainingTimeInMillis(), deps });
}
