import { Duration } from "aws-cdk-lib";
import { HttpApi, PayloadFormatVersion } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { HandlerFunction, type SharedFunctionProps } from "./handler-function.ts";
import type { Mailbox } from "./mailbox.ts";
import { physicalName } from "./physical-name.ts";

const MEMORY_MIB = 512;

export interface FrontDoorProps extends SharedFunctionProps {
  readonly mailbox: Mailbox;
  readonly replyTable: Table;
  readonly replyRetention: Duration;
}

/** The HTTP API and the router behind it: every request becomes an envelope, every reply an answer. */
export class FrontDoor extends Construct {
  readonly function: LambdaFunction;
  /** Where the API answers. Anyone who knows it can call it: it has no authorizer. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: FrontDoorProps) {
    super(scope, id);
    const { mailbox, replyTable } = props;
    this.function = new HandlerFunction(this, "Handler", {
      ...props,
      handler: "router",
      description: `Router of ${props.project.manifest.name}: turns HTTP requests into calls of its actors`,
      memory: MEMORY_MIB,
      // The longest that an HTTP API waits for its integration.
      timeout: Duration.seconds(30),
      statements: [
        new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [mailbox.queue.queueArn] }),
        new PolicyStatement({
          actions: ["dynamodb:GetItem"],
          resources: [replyTable.tableArn],
        }),
      ],
      environment: {
        REPLY_TABLE: replyTable.tableName,
        MAILBOX_URL: mailbox.queue.queueUrl,
        REPLY_RETENTION_SECONDS: `${props.replyRetention.toSeconds()}`,
      },
    }).function;
    const api = new HttpApi(this, "Api", {
      apiName: physicalName(this),
      description: `Front door of ${props.project.manifest.name}`,
      // Without other routes this one takes every method and every path.
      defaultIntegration: new HttpLambdaIntegration("Router", this.function, {
        payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
      }),
    });
    this.url = api.apiEndpoint;
  }
}
