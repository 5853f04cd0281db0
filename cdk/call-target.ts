import { PolicyStatement } from "aws-cdk-lib/aws-iam";

/** Where calls of some actors are sent, and where their outcomes are read; values may be tokens. */
export interface CallTarget {
  readonly mailboxArn: string;
  readonly mailboxUrl: string;
  readonly delayQueueArn: string;
  readonly delayQueueUrl: string;
  readonly replyTableArn: string;
  readonly replyTableName: string;
}

/** All that a caller may do: send calls and read outcomes. Nothing of the actors' state. */
export function callStatements({ mailboxArn, delayQueueArn, replyTableArn }: CallTarget): PolicyStatement[] {
  return [
    new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [mailboxArn, delayQueueArn] }),
    new PolicyStatement({
      actions: ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
      resources: [replyTableArn],
    }),
  ];
}

/** The target as callers read it from their environment. */
export interface CallAddress {
  readonly mailbox: string;
  readonly delay: string;
  readonly replies: string;
}

export function callAddress({ mailboxUrl, delayQueueUrl, replyTableName }: CallTarget): CallAddress {
  return { mailbox: mailboxUrl, delay: delayQueueUrl, replies: replyTableName };
}
