import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import { type CfnRole, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { acceptFinding } from "./accepted-findings.ts";
import { ConfigurationError } from "./configuration-error.ts";

/** In which network the functions are. */
export interface NetworkProps {
  /**
   * The network that the functions are put into, to reach what is only there. They need a way to DynamoDB (a gateway endpoint is free), to
   * SQS, and for alarms more than 15 minutes ahead to EventBridge Scheduler; with secrets to Secrets Manager: interface endpoints, or a
   * NAT gateway. Without a way, calls time out.
   * @default no network of yours: functions reach AWS and the Internet
   */
  readonly vpc?: IVpc;
  /**
   * Which of its subnets; not public ones, from which a function reaches nothing.
   * @default its private subnets
   */
  readonly vpcSubnets?: SubnetSelection;
  /**
   * What the functions may reach: TCP port 443 of the endpoints at least. One to five groups.
   * @default a group of its own for each function, which may reach everything
   */
  readonly securityGroups?: readonly ISecurityGroup[];
}

/** The network of all functions. */
export interface Network {
  readonly vpc: IVpc;
  readonly vpcSubnets?: SubnetSelection;
  readonly securityGroups?: ISecurityGroup[];
}

const MOST_GROUPS = 5;

/** Throws a ConfigurationError for what says something of a network that is not given. */
export function checkedNetwork({ vpc, vpcSubnets, securityGroups }: NetworkProps): Network | undefined {
  if (vpc !== undefined) {
    if (securityGroups?.length === 0) {
      throw new ConfigurationError(
        "securityGroups []: Lambda takes one to five groups for a function in a VPC; give one, or leave it out",
      );
    }
    if (securityGroups !== undefined && securityGroups.length > MOST_GROUPS) {
      throw new ConfigurationError(
        `securityGroups has ${securityGroups.length}: Lambda takes one to five groups for a function in a VPC; put their rules together into ${MOST_GROUPS} at most`,
      );
    }
    return {
      vpc,
      ...(vpcSubnets && { vpcSubnets }),
      ...(securityGroups && { securityGroups: [...securityGroups] }),
    };
  }
  const [without] = Object.entries({ vpcSubnets, securityGroups }).filter(([, value]) => value !== undefined);
  if (without === undefined) return undefined;
  throw new ConfigurationError(
    `${without[0]} without a vpc: a function outside of a VPC has none; give the vpc, or leave ${without[0]} out`,
  );
}

/** What Lambda does in a function's role to connect it to a network. */
const CONNECT = [
  "ec2:AssignPrivateIpAddresses",
  "ec2:CreateNetworkInterface",
  "ec2:DeleteNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:UnassignPrivateIpAddresses",
];

/** What a function's role needs in a network: Lambda may connect it, the function's code may not. None without a network. */
export function networkStatements(network: Network | undefined): PolicyStatement[] {
  if (network === undefined) return [];
  return [
    // AWS knows no narrower resource for most of these, and the interfaces are not there yet.
    new PolicyStatement({ actions: CONNECT, resources: ["*"] }),
    new PolicyStatement({
      effect: Effect.DENY,
      actions: CONNECT,
      resources: ["*"],
      // Only requests of a function's own code say which function it is.
      conditions: { Null: { "lambda:SourceFunctionArn": "false" } },
    }),
  ];
}

/** Accepts what cdk-nag finds in the role of a function in a network. */
export function acceptNetworkFindings(role: CfnRole, network: Network | undefined): void {
  if (network === undefined) return;
  acceptFinding(role, {
    rule: "AwsSolutions-IAM5",
    finding: "Resource::*",
    reason:
      "Lambda connects the function to the VPC in its role, and EC2 knows no narrower resource for that. The function's own code is denied it.",
  });
}
