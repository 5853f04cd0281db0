import { App, CfnResource, Duration, Stack, Validations } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type IVpc, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { Key } from "aws-cdk-lib/aws-kms";
import { AwsSolutionsChecks } from "cdk-nag";
import type { IConstruct } from "constructs";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { Rollout } from "../../../cdk/rollout.ts";
import { ActorsStack } from "../../../cdk/stack.ts";
import { StatefulActors, type StatefulActorsProps } from "../../../cdk/stateful-actors.ts";
import { fakeBundle, newFolder, writeProject } from "./synthesis.ts";

/** What cdk-nag finds in a stack, one line each. */
function findings(stack: IConstruct): string[] {
  const { violations } = new AwsSolutionsChecks().validateScope(stack);
  return violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`),
  );
}

function newStack(props: Partial<StatefulActorsProps> = {}): ActorsStack {
  const app = new App({ outdir: newFolder() });
  return new ActorsStack(
    app,
    "bank",
    { actors: { project: writeProject(), auth: Auth.none(), ...props } },
    { bundle: fakeBundle },
  );
}

describe("cdk-nag with AwsSolutions", () => {
  test.each<[string, Partial<StatefulActorsProps>]>([
    ["an HTTP API", {}],
    ["an authorizer", { auth: Auth.iam() }],
    ["no access log", { accessLog: false }],
    ["pages that may call past an authorizer", { auth: Auth.iam(), cors: { allowOrigins: ["*"] } }],
    ["a function URL", { frontDoor: "function-url" }],
    [
      "all alarms, a dashboard and traces",
      { monitoring: { alarms: "all", dashboard: true }, tracing: "xray" },
    ],
    ["several mailbox queues", { shards: 3, drainingShards: 1 }],
    ["a gradual rollout", { rollout: Rollout.canary({ percent: 10, wait: Duration.minutes(5) }) }],
  ])("finds nothing in a stack with %s that is not accepted with a reason", (_, props) => {
    expect(findings(newStack(props))).toEqual([]);
  });

  test("finds nothing in a construct with a key, a network and secrets of the app", () => {
    const stack = new Stack(new App({ outdir: newFolder() }), "bank");
    const manifest = '[[secrets]]\nbinding = "STRIPE"\nname = "prod/stripe"\n';
    const subnetConfiguration = [{ name: "private", subnetType: SubnetType.PRIVATE_ISOLATED }];
    const props = {
      project: writeProject({ manifest }),
      auth: Auth.none(),
      encryptionKey: new Key(stack, "Key", { enableKeyRotation: true }),
      vpc: new Vpc(stack, "Vpc", { subnetConfiguration }) as IVpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    };
    expect(findings(new StatefulActors(stack, "Actors", props, { bundle: fakeBundle }))).toEqual([]);
  });

  test.each([
    ["without", Auth.none()],
    ["with", Auth.iam()],
  ])(
    "%s an authorizer: would find what is accepted, and nothing is accepted that it would not find",
    (_, auth) => {
      const stack = newStack({ auth });
      const accepted = takeAccepted(stack);
      expect(accepted.length).toBeGreaterThan(0);
      expect(findings(stack).sort()).toEqual(accepted.sort());
    },
  );

  test("finds the same through the metadata that its version 2 reads, each with a reason", () => {
    const resources = Template.fromStack(newStack()).toJSON().Resources as Record<
      string,
      { Metadata?: Metadata }
    >;
    const rules = Object.values(resources).flatMap(
      ({ Metadata }) => Metadata?.cdk_nag?.rules_to_suppress ?? [],
    );
    expect(rules.map(({ id }) => id).sort()).toEqual([
      "AwsSolutions-APIG4",
      "AwsSolutions-DDB3",
      "AwsSolutions-IAM5",
    ]);
    for (const { reason } of rules) expect(reason).toMatch(/^[A-Z].{30,}\.$/);
  });
});

interface Metadata {
  readonly cdk_nag?: {
    readonly rules_to_suppress: readonly { readonly id: string; readonly reason: string }[];
  };
}

/** Takes what is accepted back; one line each, as cdk-nag would find it. */
function takeAccepted(stack: ActorsStack): string[] {
  return stack.node.findAll().flatMap((construct) => {
    if (!CfnResource.isCfnResource(construct)) return [];
    const all = construct.node.metadata as { type: string; data?: Record<string, string> }[];
    const accepted = all.filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    const lines = accepted.flatMap(({ data = {} }) => {
      const ids = Object.keys(data);
      for (const id of ids) delete data[id];
      return ids.map((id) => `${id.replace(/^annotation::/i, "")} ${construct.node.path}`);
    });
    return lines;
  });
}
