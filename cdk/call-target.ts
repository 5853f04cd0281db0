import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { keyStatements } from "./encryption.ts";

/** Where calls of some actors are sent, and where their outcomes are read; values may be tokens. */
export interface CallTarget {
  /** Of the mailbox queue, or of the first one of several. */
  readonly mailboxArn: string;
  readonly mailboxUrl: string;
  /** How many mailbox queues there are, in digits. */
  readonly shards: string;
  /** Of the others. */
  readonly shardArns: readonly string[];
  readonly delayQueueArn: string;
  readonly delayQueueUrl: string;
  readonly replyTableArn: string;
  readonly replyTableName: string;
  /** Of the keys that encrypt the queues and the table, did so before or will do so; none: AWS's own do. */
  readonly keyArns: readonly string[];
}

/** All that a caller may do: send calls and read outcomes. Nothing of the actors' state. */
export function callStatements(target: CallTarget): PolicyStatement[] {
  const { mailboxArn, shardArns, delayQueueArn, replyTableArn, keyArns } = target;
  return [
    new PolicyStatement({
      actions: ["sqs:SendMessage"],
      resources: [mailboxArn, ...shardArns, delayQueueArn],
    }),
    new PolicyStatement({
      actions: ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
      resources: [replyTableArn],
    }),
    ...keyStatements(keyArns, "sends", "readsTable"),
  ];
}

/** The target as callers read it from their environment. */
export interface CallAddress {
  readonly mailbox: string;
  /** Absent: one. */
  readonly shards?: string;
  readonly delay: string;
  readonly replies: string;
}

export function callAddress({ mailboxUrl, shards, delayQueueUrl, replyTableName }: CallTarget): CallAddress {
  return {
    mailbox: mailboxUrl,
    ...(shards !== "1" && { shards }),
    delay: delayQueueUrl,
    replies: replyTableName,
  };
}
