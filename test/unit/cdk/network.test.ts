import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type IVpc, SecurityGroup, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import type { NetworkProps } from "../../../cdk/network.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { roleOf, statementsOf } from "./deployed-stack.ts";
import { isAllowed } from "./iam.ts";
import { functionOf, resources } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

const HANDLERS = ["Worker", "Router", "Forwarder"] as const;

function synthesizeIn(network: (vpc: IVpc, stack: Stack) => NetworkProps): Template {
  const stack = new Stack(new App({ outdir: newFolder() }), "bank");
  // Where optional properties are exact, the CDK's own classes do not fit their interfaces.
  const vpc = new Vpc(stack, "Vpc", {
    natGateways: 1,
    subnetConfiguration: [
      { name: "public", subnetType: SubnetType.PUBLIC },
      { name: "private", subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      { name: "isolated", subnetType: SubnetType.PRIVATE_ISOLATED },
    ],
  }) as IVpc;
  new StatefulActors(
    stack,
    "Actors",
    { project: writeProject(), auth: Auth.none(), ...network(vpc, stack) },
    { bundle: fakeBundle },
  );
  return Template.fromStack(stack);
}

interface VpcConfig {
  readonly SubnetIds: { readonly Ref: string }[];
  readonly SecurityGroupIds: unknown[];
}

function configs(template: Template): VpcConfig[] {
  return HANDLERS.map((handler) => functionOf(template, handler)[1].Properties.VpcConfig as VpcConfig);
}

describe("a network", () => {
  const template = synthesizeIn((vpc) => ({ vpc }));

  test("takes all functions into its private subnets, each in a security group of its own", () => {
    for (const { SubnetIds, SecurityGroupIds } of configs(template)) {
      expect(SubnetIds.length).toBeGreaterThan(0);
      for (const { Ref } of SubnetIds) expect(Ref).toMatch(/private/);
      expect(SecurityGroupIds).toHaveLength(1);
    }
    expect(Object.keys(resources(template, "AWS::EC2::SecurityGroup"))).toHaveLength(3);
  });

  test.each(HANDLERS)(
    "the %s may be connected to it by Lambda, and its own code may do nothing of that",
    (handler) => {
      const statements = statementsOf(template, roleOf(functionOf(template, handler)[1]));
      const lambda = { "lambda:SourceFunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:any" };
      for (const action of [
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "UnassignPrivateIpAddresses",
      ]) {
        const request = { action: `ec2:${action}`, resource: "*" };
        expect(isAllowed(statements, request)).toBe(true);
        expect(isAllowed(statements, { ...request, context: lambda })).toBe(false);
      }
      expect(isAllowed(statements, { action: "ec2:RunInstances", resource: "*" })).toBe(false);
    },
  );

  test("of which subnets and security groups are chosen", () => {
    const chosen = synthesizeIn((vpc, stack) => ({
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [new SecurityGroup(stack, "Group", { vpc })],
    }));
    for (const { SubnetIds } of configs(chosen)) {
      for (const { Ref } of SubnetIds) expect(Ref).toMatch(/isolated/);
    }
    expect(Object.keys(resources(chosen, "AWS::EC2::SecurityGroup"))).toHaveLength(1);
  });

  test("with no security group at all is refused", () => {
    const attempt = () => synthesizeIn((vpc) => ({ vpc, securityGroups: [] }));
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(/^securityGroups \[\]: .*give one, or leave it out$/);
  });

  test("with more security groups than Lambda takes is refused", () => {
    const groups = (count: number) => () =>
      synthesizeIn((vpc, stack) => ({
        vpc,
        securityGroups: Array.from(
          { length: count },
          (_, n) => new SecurityGroup(stack, `Group${n}`, { vpc }),
        ),
      }));
    expect(groups(5)).not.toThrow();
    expect(groups(6)).toThrow(ConfigurationError);
    expect(groups(6)).toThrow(/^securityGroups has 6: Lambda takes one to five .*into 5 at most$/);
  });
});

test("without a network functions have none, nor a right to make one", () => {
  const template = synthesize();
  expect(configs(template)).toEqual([undefined, undefined, undefined]);
  for (const handler of HANDLERS) {
    const statements = statementsOf(template, roleOf(functionOf(template, handler)[1]));
    expect(JSON.stringify(statements)).not.toContain("ec2:");
  }
});
