import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";

/** A hanging connection must not use up a lease: give up soon and try again. */
export const REQUEST_HANDLER = {
  connectionTimeout: 1_000,
  requestTimeout: 5_000,
  throwOnRequestTimeout: true,
};

export function dynamoClient(): DynamoDBClient {
  return new DynamoDBClient({ maxAttempts: 4, requestHandler: REQUEST_HANDLER });
}

export function sqsClient(): SQSClient {
  // A queue's URL names the queue; where it is reached is the endpoint's concern: an emulator's queues have URLs of AWS.
  return new SQSClient({ maxAttempts: 4, requestHandler: REQUEST_HANDLER, useQueueUrlAsEndpoint: false });
}
