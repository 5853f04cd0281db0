import { App, CfnOutput, RemovalPolicy, SecretValue, Stack } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Auth, StatefulActors, type StatefulActorsProps } from "../../../cdk/index.ts";

const stack = new Stack(new App(), "keeper");
/** `-c frontDoor=…`, for endpoints that have no HTTP APIs. */
const frontDoor: NonNullable<StatefulActorsProps["frontDoor"]> =
  stack.node.tryGetContext("frontDoor") ?? "http-api";
const encryptionKey = new Key(stack, "Key", { removalPolicy: RemovalPolicy.DESTROY });
const made = new Secret(stack, "Made", {
  secretStringValue: SecretValue.unsafePlainText("made by the app"),
  encryptionKey,
  removalPolicy: RemovalPolicy.DESTROY,
});
const { url } = new StatefulActors(stack, "Actors", {
  project: import.meta.dirname,
  auth: Auth.none(),
  frontDoor,
  removalPolicy: RemovalPolicy.DESTROY,
  encryptionKey,
  maxConcurrency: 50,
  reservedConcurrency: 50,
  // Where optional properties are exact, the CDK's own classes do not fit their interfaces.
  secrets: { MADE: made as ISecret },
});
new CfnOutput(stack, "Url", { value: url });
