import { Duration } from "aws-cdk-lib";
import { HttpApi, PayloadFormatVersion } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { callStatements } from "./call-target.ts";
import { type CallerProps, callerEnvironment } from "./caller-environment.ts";
import { functionEnvironment } from "./environment.ts";
import { HandlerFunction } from "./handler-function.ts";
import { physicalName } from "./physical-name.ts";

const MEMORY_MIB = 512;

export interface FrontDoorProps extends CallerProps {
  /** Whether calls of `stateful-actors/client` are taken over HTTP; undefined: the router decides. */
  readonly httpCalls: boolean | undefined;
}

/** The HTTP API and the router behind it: every request becomes an envelope, every reply an answer. */
export class FrontDoor extends Construct {
  readonly function: LambdaFunction;
  /** Where the API answers. Anyone who knows it can call it: it has no authorizer. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: FrontDoorProps) {
    super(scope, id);
    const { project, target, owners, httpCalls } = props;
    const targets = [target, ...[...owners.values()].map(({ callTarget }) => callTarget)];
    this.function = new HandlerFunction(this, "Handler", {
      ...props,
      handler: "router",
      description: `Router of ${project.manifest.name}: turns HTTP requests into calls of its actors`,
      memory: MEMORY_MIB,
      // The longest that an HTTP API waits for its integration.
      timeout: Duration.seconds(30),
      statements: targets.flatMap(callStatements),
      environment: functionEnvironment({
        project: project.manifest.envVars,
        own: {
          ...callerEnvironment(this, props),
          HTTP_CALLS: httpCalls === undefined ? undefined : httpCalls ? "1" : "0",
        },
      }),
    }).function;
    const api = new HttpApi(this, "Api", {
      apiName: physicalName(this),
      description: `Front door of ${project.manifest.name}`,
      // Without other routes this one takes every method and every path.
      defaultIntegration: new HttpLambdaIntegration("Router", this.function, {
        payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
      }),
    });
    this.url = api.apiEndpoint;
  }
}
