import type { Duration } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { type CfnRole, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { EventSourceMapping, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { callStatements } from "./call-target.ts";
import { type CallerProps, callerEnvironment } from "./caller-environment.ts";
import type { ConcurrencyProps } from "./concurrency.ts";
import { keyStatements } from "./encryption.ts";
import { functionEnvironment } from "./environment.ts";
import { HandlerFunction } from "./handler-function.ts";
import { LiveWorker } from "./live-worker.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Rollout } from "./rollout.ts";
import type { Schedules } from "./schedules.ts";
import { secretAccess } from "./secrets.ts";
import { stateStatements } from "./tables.ts";

export interface WorkerProps extends CallerProps {
  readonly mailbox: Mailbox;
  readonly actorTable: Table;
  readonly schedules: Schedules;
  /** In MiB. */
  readonly memory: number;
  readonly timeout: Duration;
  /** How long an alarm's handler may run. */
  readonly alarmBudget: Duration;
  /** How a new version takes over. */
  readonly rollout: Rollout;
  readonly concurrency: ConcurrencyProps;
}

/** What Lambda does with a queue in the worker's role, and the worker with what it holds. */
const WORK_OFF = [
  "sqs:ChangeMessageVisibility",
  "sqs:DeleteMessage",
  "sqs:GetQueueAttributes",
  "sqs:ReceiveMessage",
];

/** Each queue is named once: a role takes policies of 10,240 characters, and there may be many queues. */
function mailboxStatements({ queues, shards }: Mailbox): PolicyStatement[] {
  const arns = queues.map(({ queueArn }) => queueArn);
  const draining = arns.slice(shards);
  return [
    new PolicyStatement({ actions: [...WORK_OFF, "sqs:SendMessage"], resources: arns.slice(0, shards) }),
    ...(draining.length > 0 ? [new PolicyStatement({ actions: WORK_OFF, resources: draining })] : []),
  ];
}

/** Runs the turns: takes batches of envelopes from the mailbox, commits to the actor table, writes the replies. */
export class Worker extends Construct {
  readonly function: LambdaFunction;
  readonly live: LiveWorker;

  constructor(scope: Construct, id: string, props: WorkerProps) {
    super(scope, id);
    const { project, target, owners, mailbox, actorTable, schedules, alarmBudget, concurrency } = props;
    const { maxConcurrency, reservedConcurrency, provisionedConcurrency } = concurrency;
    const secrets = secretAccess(this, {
      manifest: project.manifest,
      given: props.secrets,
      reader: "actors",
    });
    const { function: handler, role } = new HandlerFunction(this, "Handler", {
      ...props,
      handler: "worker",
      ...(reservedConcurrency !== undefined && { reservedConcurrency }),
      description: `Worker of ${project.manifest.name}: runs the turns of its actors`,
      statements: [
        ...mailboxStatements(mailbox),
        new PolicyStatement({
          actions: ["sqs:SendMessage"],
          resources: [target.delayQueueArn, mailbox.deadLetters.queueArn],
        }),
        ...stateStatements(actorTable),
        new PolicyStatement({
          actions: ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"],
          resources: [target.replyTableArn],
        }),
        ...keyStatements(target.keyArns, "sends", "writesTable"),
        ...secrets.statements,
        ...schedules.statements,
        ...[...owners.values()].flatMap(({ callTarget }) => callStatements(callTarget)),
      ],
      environment: functionEnvironment({
        project: project.manifest.envVars,
        property: props.givenVariables,
        own: {
          ...callerEnvironment(this, props),
          ACTOR_TABLE: actorTable.tableName,
          DEAD_LETTER_URL: mailbox.deadLetters.queueUrl,
          LEASE_SECONDS: `${mailbox.lease.toSeconds()}`,
          ...schedules.environment,
          SECRET_IDS: secrets.ids,
          ALARM_BUDGET_SECONDS: `${alarmBudget.toSeconds()}`,
        },
      }),
    });
    this.function = handler;
    schedules.acceptFindingsOf(role.node.defaultChild as CfnRole);
    this.live = new LiveWorker(this, "Live", {
      function: handler,
      rollout: props.rollout,
      provisionedConcurrency,
    });
    for (const [shard, { queueArn }] of mailbox.queues.entries()) {
      new EventSourceMapping(this, shard === 0 ? "Source" : `Source${shard}`, {
        target: this.live.target,
        eventSourceArn: queueArn,
        // The most that a FIFO queue gives. There is no window to wait for more: it would delay every call.
        batchSize: 10,
        ...(maxConcurrency !== undefined && { maxConcurrency }),
        reportBatchItemFailures: true,
      });
    }
  }
}
