import { type Duration, RemovalPolicy } from "aws-cdk-lib";
import { type CfnRole, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import {
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { Handler } from "../project/bundle.ts";
import type { ProjectCode } from "../project/project.ts";
import { type Bundle, FunctionCode } from "./function-code.ts";
import { acceptNetworkFindings, type Network, networkStatements } from "./network.ts";

/** What all functions of a stack get. */
export interface SharedFunctionProps {
  readonly project: ProjectCode;
  readonly bundle: Bundle;
  readonly logRetention: RetentionDays;
  /** Of tables, queues and logs. */
  readonly encryptionKey: IKey | undefined;
  readonly network: Network | undefined;
}

export interface HandlerFunctionProps extends SharedFunctionProps {
  readonly handler: Handler;
  readonly description: string;
  /** In MiB. */
  readonly memory: number;
  readonly timeout: Duration;
  readonly reservedConcurrency?: number | undefined;
  /** What the function may do besides writing its log: the whole of its rights. */
  readonly statements: readonly PolicyStatement[];
  readonly environment: Readonly<Record<string, string>>;
}

/** One function, with a role and a log group of its own, so that nothing is shared and nothing is left behind. */
export class HandlerFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, "Logs", {
      retention: props.logRetention,
      ...(props.encryptionKey && { encryptionKey: props.encryptionKey }),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const writeLog = new PolicyStatement({
      actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [logGroup.logGroupArn],
    });
    this.role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      // Inline, so that the role never exists without its rights: an event source is refused if it comes in between.
      inlinePolicies: {
        path: new PolicyDocument({
          statements: [...props.statements, ...networkStatements(props.network), writeLog],
          minimize: true,
        }),
      },
    });
    acceptNetworkFindings(this.role.node.defaultChild as CfnRole, props.network);
    const { project, handler, bundle, network, reservedConcurrency } = props;
    this.function = new LambdaFunction(this, "Function", {
      description: props.description,
      code: new FunctionCode({ project, handler, bundle }),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memory,
      timeout: props.timeout,
      ...(reservedConcurrency !== undefined && { reservedConcurrentExecutions: reservedConcurrency }),
      ...network,
      environment: props.environment,
      role: this.role,
      logGroup,
      // Lambda's own START, END and REPORT of each invocation would cost as much as its request. What goes wrong is still logged,
      // and the metrics have the durations. Levels can be chosen in this format only.
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      // Actors that call actors, and alarms that set the next one, are chains of functions that invoke themselves
      // through the mailbox. Lambda's loop detection would cut them after about 16 links and dead-letter the envelope.
      recursiveLoop: RecursiveLoop.ALLOW,
    });
  }
}
