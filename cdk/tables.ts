import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, Table } from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";

/** The state of all instances. No TTL: state never expires by itself. */
export function createActorTable(scope: Construct, removalPolicy: RemovalPolicy): Table {
  return new Table(scope, "ActorTable", {
    partitionKey: { name: "actor", type: AttributeType.STRING },
    sortKey: { name: "entry", type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: {
      pointInTimeRecoveryEnabled: removalPolicy !== RemovalPolicy.DESTROY,
    },
    removalPolicy,
  });
}

/** The replies on their way to a caller, deleted some time after `expires` (seconds since the epoch). */
export function createReplyTable(scope: Construct): Table {
  return new Table(scope, "ReplyTable", {
    partitionKey: { name: "id", type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: "expires",
    // Only answers in transit: nothing in it is worth keeping when the stack goes.
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
