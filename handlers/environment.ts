import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";

/** The value of an environment variable that the stack must have set. */
export function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`the environment variable ${name} is not set; deploy the function with the CDK app`);
  return value;
}

/** A whole number of seconds from the environment, in ms. */
export function requiredSeconds(name: string): number {
  const seconds = Number(required(name));
  if (!Number.isInteger(seconds) || seconds <= 0)
    throw new Error(`${name} must be a whole number of seconds`);
  return seconds * 1000;
}

/** A hanging connection must not use up a lease: give up soon and try again. */
const REQUEST_HANDLER = { connectionTimeout: 1_000, requestTimeout: 5_000 };

export function dynamoClient(): DynamoDBClient {
  return new DynamoDBClient({ maxAttempts: 4, requestHandler: REQUEST_HANDLER });
}

export function sqsClient(): SQSClient {
  return new SQSClient({ maxAttempts: 4, requestHandler: REQUEST_HANDLER });
}
