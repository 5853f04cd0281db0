import type { Duration } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { EventSourceMapping, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { callStatements } from "./call-target.ts";
import { type CallerProps, callerEnvironment } from "./caller-environment.ts";
import { functionEnvironment } from "./environment.ts";
import { HandlerFunction } from "./handler-function.ts";
import type { Mailbox } from "./mailbox.ts";

export interface WorkerProps extends CallerProps {
  readonly mailbox: Mailbox;
  readonly actorTable: Table;
  /** In MiB. */
  readonly memory: number;
  readonly timeout: Duration;
}

/** Runs the turns: takes batches of envelopes from the mailbox, commits to the actor table, writes the replies. */
export class Worker extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: WorkerProps) {
    super(scope, id);
    const { project, target, owners, mailbox, actorTable } = props;
    this.function = new HandlerFunction(this, "Handler", {
      ...props,
      handler: "worker",
      description: `Worker of ${project.manifest.name}: runs the turns of its actors`,
      statements: [
        new PolicyStatement({
          actions: [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
          ],
          resources: [mailbox.queue.queueArn],
        }),
        new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [target.delayQueueArn] }),
        // A transaction needs the rights of its parts and has none of its own.
        new PolicyStatement({
          actions: [
            "dynamodb:BatchWriteItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
          ],
          resources: [actorTable.tableArn],
        }),
        new PolicyStatement({
          actions: ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"],
          resources: [target.replyTableArn],
        }),
        ...[...owners.values()].flatMap(({ callTarget }) => callStatements(callTarget)),
      ],
      environment: functionEnvironment({
        project: project.manifest.envVars,
        own: {
          ...callerEnvironment(this, props),
          ACTOR_TABLE: actorTable.tableName,
          LEASE_SECONDS: `${mailbox.lease.toSeconds()}`,
        },
      }),
    }).function;
    new EventSourceMapping(this, "Source", {
      target: this.function,
      eventSourceArn: mailbox.queue.queueArn,
      // The most that a FIFO queue gives. There is no window to wait for more: it would delay every call.
      batchSize: 10,
      reportBatchItemFailures: true,
    });
  }
}
