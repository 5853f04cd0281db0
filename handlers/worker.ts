import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { createDynamoStore } from "../runtime/adapters/aws/dynamo-store.ts";
import { shardUrlOfArn } from "../runtime/adapters/aws/mailbox-shards.ts";
import { createSqsDeadLetters } from "../runtime/adapters/aws/sqs-dead-letters.ts";
import { createSqsLease, type Lease } from "../runtime/adapters/aws/sqs-lease.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { Activations } from "../runtime/core/activation.ts";
import { type ActorBinding, bindActors, bindSecrets } from "../runtime/core/bindings.ts";
import { createCaller, mailboxOf } from "../runtime/core/caller.ts";
import { METHOD_BUDGET_MS } from "../runtime/core/run-turn.ts";
import type { Secrets } from "../runtime/core/secrets.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import {
  type AwsClients,
  awsClients,
  awsRoute,
  ownAddress,
  ownerAddresses,
  routesByType,
} from "./aws-routes.ts";
import { lambdaTelemetry } from "./aws-telemetry.ts";
import { flushSpans, tracerOf } from "./aws-tracing.ts";
import { optional, required, requiredSeconds } from "./environment.ts";
import { lazyAlarmClock } from "./lazy-alarm-clock.ts";
import { actorClasses, type ProjectModule } from "./project-module.ts";
import { type ServeDeps, serveRecords } from "./serve-records.ts";
import { surviveStrayRejectionsOnLambda } from "./stray-rejections.ts";

/** Idle activations kept by one function instance. */
const KEPT_ACTIVATIONS = 1000;
/**
 * How long a worker that dies holds its instances, in ms. Short enough for those who wait; long enough that code which keeps the
 * processor busy for seconds, or a queue that fails some requests, costs no lease.
 */
const SHORT_LEASE_MS = 30_000;

interface WorkerProject {
  readonly module: ProjectModule;
  readonly actors: readonly ActorBinding[];
  /** Of a project that declares any. */
  readonly secrets?: Secrets;
}

/** What is read of the context of an invocation. */
type InvocationContext = Pick<Context, "getRemainingTimeInMillis"> & Partial<Pick<Context, "awsRequestId">>;

/** The worker Lambda's handler: batches of messages in, unfinished ones back. */
export function createWorkerHandler(
  project: WorkerProject,
  clients: AwsClients = awsClients(),
): (event: SQSEvent, context: InvocationContext) => Promise<SQSBatchResponse> {
  const telemetry = lambdaTelemetry();
  const deps = workerDeps(project, clients, telemetry);
  const leaseOf = leasesByQueue(clients);
  surviveStrayRejectionsOnLambda(deps.telemetry);
  return (event, context) => {
    const endsBy = deps.clock.now() + context.getRemainingTimeInMillis();
    // A batch comes from one queue.
    const lease = leaseOf(event.Records[0]?.eventSourceARN ?? "");
    return telemetry.invocation(context.awsRequestId, async () => {
      try {
        return await serveRecords(event.Records, { endsBy, deps: { ...deps, lease } });
      } finally {
        await flushSpans(deps.tracer, deps);
      }
    });
  };
}

/** Leases by the ARN of the queue that a batch comes from: mailboxes may be spread over several. */
function leasesByQueue({ sqs }: AwsClients): (arn: string) => Lease {
  const { mailbox } = ownAddress();
  const leases = new Map<string, Lease>();
  return (arn) => {
    const url = shardUrlOfArn(mailbox, arn);
    const lease = leases.get(url) ?? createSqsLease(sqs, url);
    leases.set(url, lease);
    return lease;
  };
}

/** What a worker of this project works with, as its environment says. */
export function workerDeps(
  project: WorkerProject,
  clients: AwsClients = awsClients(),
  telemetry: Telemetry = lambdaTelemetry(),
): ServeDeps {
  const clock = systemClock;
  const tracer = tracerOf();
  const owners = ownerAddresses();
  const actors = actorClasses(project.module, project.actors, (type) => owners.has(type));
  const own = ownAddress();
  const route = awsRoute(clients, own, own);
  const routeTo = routesByType(
    clients,
    { types: new Set(actors.keys()), route, retentionMs: own.retentionMs },
    owners,
  );
  const schedules = {
    group: required("SCHEDULE_GROUP"),
    roleArn: required("SCHEDULE_ROLE_ARN"),
    targetArn: required("DELAY_QUEUE_ARN"),
    deadLetterArn: required("DELAY_DEAD_LETTER_ARN"),
  };
  const caller = createCaller({
    actors,
    routeTo,
    clock,
    ids: randomIds,
    callWaitMs: METHOD_BUDGET_MS,
    telemetry,
    tracer,
  });
  bindSecrets(project.secrets);
  return {
    actors,
    env: bindActors(project.actors, { caller, ids: randomIds }),
    store: createDynamoStore({
      client: clients.dynamo,
      table: required("ACTOR_TABLE"),
      ids: randomIds,
      clock,
    }),
    replies: route.replies,
    mailbox: mailboxOf(routeTo),
    alarmClock: lazyAlarmClock(async () => {
      const { schedulerClient } = await import("../runtime/adapters/aws/scheduler-client.ts");
      const { createAwsAlarmClock } = await import("../runtime/adapters/aws/aws-alarm-clock.ts");
      return createAwsAlarmClock({
        client: schedulerClient(),
        mailbox: route.mailbox,
        ...schedules,
        clock,
        telemetry,
      });
    }),
    deadLetters: createSqsDeadLetters(clients.sqs, required("DEAD_LETTER_URL")),
    clock,
    telemetry,
    tracer,
    methodBudgetMs: METHOD_BUDGET_MS,
    alarmBudgetMs: requiredSeconds("ALARM_BUDGET_SECONDS"),
    exposeStacks: optional("EXPOSE_STACKS") === "1",
    activations: new Activations(KEPT_ACTIVATIONS),
    lease: createSqsLease(clients.sqs, own.mailbox),
    queueLeaseMs: requiredSeconds("LEASE_SECONDS"),
    shortLeaseMs: SHORT_LEASE_MS,
  };
}
