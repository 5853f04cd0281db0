import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from "aws-cdk-lib/aws-codedeploy";
import { type CfnRole, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Alias,
  type IFunction,
  type IVersion,
  type Function as LambdaFunction,
} from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { acceptFinding } from "./accepted-findings.ts";
import type { Rollout } from "./rollout.ts";

export interface LiveWorkerProps {
  readonly function: LambdaFunction;
  readonly rollout: Rollout;
  /** How many environments are kept warm; undefined: as many as there is work for. */
  readonly provisionedConcurrency: number | undefined;
}

/**
 * The worker as its queues know it: an alias of a published version. A function is updated in two steps, its code and its settings, and
 * what runs in between has one without the other; an alias moves on to both at once, all of it or a part.
 */
export class LiveWorker extends Construct {
  readonly #alias: Alias;

  constructor(scope: Construct, id: string, props: LiveWorkerProps) {
    super(scope, id);
    const { rollout, provisionedConcurrency } = props;
    this.#alias = new Alias(this, "Alias", {
      aliasName: "live",
      // The CDK's own types don't agree about a role that may be missing.
      version: props.function.currentVersion as IVersion,
      ...(provisionedConcurrency !== undefined && {
        provisionedConcurrentExecutions: provisionedConcurrency,
      }),
    });
    if (rollout.routing) this.#shiftGradually(rollout, rollout.routing);
  }

  /** What the queues invoke. */
  get target(): IFunction {
    return this.#alias as IFunction;
  }

  /** In which CodeDeploy moves this alias, and nothing else. */
  #createShifter(): Role {
    const { functionArn } = this.#alias.lambda;
    const statements = [
      new PolicyStatement({
        actions: ["lambda:GetAlias", "lambda:UpdateAlias"],
        resources: [functionArn, this.#alias.functionArn],
      }),
      new PolicyStatement({
        actions: ["lambda:GetProvisionedConcurrencyConfig"],
        resources: [this.#alias.functionArn],
      }),
      new PolicyStatement({ actions: ["cloudwatch:DescribeAlarms"], resources: ["*"] }),
    ];
    const role = new Role(this, "Shifter", {
      assumedBy: new ServicePrincipal("codedeploy.amazonaws.com"),
      inlinePolicies: { shift: new PolicyDocument({ statements, minimize: true }) },
    });
    acceptFinding(role.node.defaultChild as CfnRole, {
      rule: "AwsSolutions-IAM5",
      finding: "Resource::*",
      reason:
        "CodeDeploy looks at all of the alarms that it is told of in one request, which changes nothing.",
    });
    return role;
  }

  #shiftGradually({ alarms }: Rollout, trafficRouting: NonNullable<Rollout["routing"]>): void {
    const failures = new Alarm(this, "Failures", {
      alarmDescription: "An invocation of the worker failed: a rollout that is under way is taken back",
      metric: this.#alias.metricErrors({ period: Duration.minutes(1) }),
      threshold: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    new LambdaDeploymentGroup(this, "Deployments", {
      // The CDK would add a policy of AWS to it that covers all functions of the account.
      role: this.#createShifter().withoutPolicyUpdates(),
      application: new LambdaApplication(this, "Application"),
      alias: this.#alias,
      deploymentConfig: new LambdaDeploymentConfig(this, "Shift", { trafficRouting }),
      alarms: [failures, ...alarms],
    });
  }
}
