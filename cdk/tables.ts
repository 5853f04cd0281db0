import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, type CfnTable, Table } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { acceptFinding } from "./accepted-findings.ts";
import { tableEncryption } from "./encryption.ts";
import type { Protection } from "./protection.ts";

/** The state of all instances. No TTL: state never expires by itself. */
export function createActorTable(
  scope: Construct,
  { removalPolicy, recoveryDays, deletionProtection }: Protection,
  key: IKey | undefined,
): Table {
  return new Table(scope, "ActorTable", {
    partitionKey: { name: "actor", type: AttributeType.STRING },
    sortKey: { name: "entry", type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification:
      recoveryDays === undefined
        ? { pointInTimeRecoveryEnabled: false }
        : { pointInTimeRecoveryEnabled: true, recoveryPeriodInDays: recoveryDays },
    deletionProtection,
    ...tableEncryption(key),
    removalPolicy,
  });
}

/*
 * By their partition keys: that of an instance holds a slash, that of the index of names never does. Not by type: the table has
 * no types but this stack's own; a new type would fail until its right has spread, and a hundred types do not fit into a policy.
 */
const INSTANCES = "*/*";
const INDEX = "index#*";

/**
 * All that the worker may do with the actor table: read and write instances, and enter names into the index, which it neither
 * reads nor deletes from. No scan, and nothing about the table itself.
 */
export function stateStatements({ tableArn }: Table): PolicyStatement[] {
  const on = (keys: string, ...actions: string[]) =>
    new PolicyStatement({
      actions,
      resources: [tableArn],
      conditions: {
        "ForAllValues:StringLike": { "dynamodb:LeadingKeys": [keys] },
        // Of no keys all would be right. Each of these actions names its keys, also as a part of a transaction.
        Null: { "dynamodb:LeadingKeys": "false" },
      },
    });
  return [
    on(
      INSTANCES,
      // A transaction needs the rights of its parts and has none of its own.
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ),
    on(INDEX, "dynamodb:PutItem"),
  ];
}

/** The replies on their way to a caller, deleted some time after `expires` (seconds since the epoch). */
export function createReplyTable(scope: Construct, key: IKey | undefined): Table {
  const table = new Table(scope, "ReplyTable", {
    partitionKey: { name: "id", type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: "expires",
    ...tableEncryption(key),
    // Only answers in transit: nothing in it is worth keeping when the stack goes.
    removalPolicy: RemovalPolicy.DESTROY,
  });
  acceptFinding(table.node.defaultChild as CfnTable, {
    rule: "AwsSolutions-DDB3",
    reason: "It holds answers in transit, which expire: there is no earlier point to go back to.",
  });
  return table;
}
