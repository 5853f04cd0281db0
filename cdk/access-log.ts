import { RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { type IAccessLogSettings, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { physicalName } from "./physical-name.ts";

/**
 * What is said of a request. Not its path, query or headers: they hold names of instances and values; and not the caller's address.
 * `routerRequestId` is what the router's own log lines have.
 */
const LINE = {
  requestId: "$context.requestId",
  time: "$context.requestTimeEpoch",
  method: "$context.httpMethod",
  status: "$context.status",
  latencyMs: "$context.responseLatency",
  responseBytes: "$context.responseLength",
  routerRequestId: "$context.integration.requestId",
  routerStatus: "$context.integration.status",
  routerLatencyMs: "$context.integration.latency",
  routerError: "$context.integration.error",
  authorizerError: "$context.authorizer.error",
  error: "$context.error.message",
};

export interface AccessLogProps {
  readonly retention: RetentionDays;
  readonly encryptionKey: IKey | undefined;
}

/** A line for each request that came to the HTTP API, those included that it let in to nobody. */
export class AccessLog extends Construct {
  readonly logGroup: LogGroup;
  readonly settings: IAccessLogSettings;

  constructor(scope: Construct, id: string, { retention, encryptionKey }: AccessLogProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, "Logs", {
      // For every group of another prefix AWS adds to one policy of the account, and twenty stacks fill that.
      logGroupName: `/aws/vendedlogs/${physicalName(this)}`,
      retention,
      ...(encryptionKey && { encryptionKey }),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.settings = {
      destination: new LogGroupLogDestination(this.logGroup),
      format: AccessLogFormat.custom(JSON.stringify(LINE)),
    };
  }
}
