import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type IKey, Key } from "aws-cdk-lib/aws-kms";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ActorsStack } from "../../../cdk/stack.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { knownOf, roleOf, statementsOf } from "./deployed-stack.ts";
import { isAllowed } from "./iam.ts";
import { deployed } from "./intrinsics.ts";
import { functionOf, only } from "./resources.ts";
import { summary } from "./summary.ts";
import { fakeBundle, newFolder, writeProject } from "./synthesis.ts";

/** Three accounts, each in a partition of its own. */
const PLACES = [
  { account: "111111111111", region: "eu-central-1", partition: "aws", suffix: "amazonaws.com" },
  { account: "222222222222", region: "us-gov-west-1", partition: "aws-us-gov", suffix: "amazonaws.com" },
  { account: "333333333333", region: "cn-north-1", partition: "aws-cn", suffix: "amazonaws.com.cn" },
];

const project = writeProject();
/** The flags with which this package's app and `actors deploy` synthesise. */
const { context } = JSON.parse(readFileSync(join(import.meta.dirname, "../../../cdk.json"), "utf8"));

/** The template of the stack in a place; without one: as the command line deploys it, to wherever it is. */
function templateFor(env: { account: string; region: string } | undefined): Template {
  const app = new App({ outdir: newFolder(), context });
  const props = { ...(env && { env }), actors: { project, auth: Auth.iam() } };
  return Template.fromStack(new ActorsStack(app, "bank", props, { bundle: fakeBundle }));
}

describe("the template", () => {
  // A logical id that changes is another resource: an empty table, a queue without its messages, another URL.
  test("has these resources, under these ids", async () => {
    await expect(summary(templateFor(undefined))).toMatchFileSnapshot("template.snapshot");
  });

  test.each(PLACES)("has the same ones in $region", ({ account, region }) => {
    expect(summary(templateFor({ account, region }))).toBe(summary(templateFor(undefined)));
  });

  test.each(PLACES)("is the same text at each synthesis for $region", ({ account, region }) => {
    const [one, two] = [1, 2].map(() => JSON.stringify(templateFor({ account, region }).toJSON()));
    expect(two).toBe(one);
  });

  test.each(PLACES)("names no partition but $partition in $region", ({ account, region, partition }) => {
    const text = JSON.stringify(templateFor({ account, region }).toJSON());
    const named = [...text.matchAll(/"arn:([a-z-]+):/g)].map(([, found]) => found);
    expect(named.filter((found) => found !== partition)).toEqual([]);
    for (const other of PLACES) {
      if (other.region === region) continue;
      expect(text).not.toContain(other.account);
      expect(text).not.toContain(other.region);
    }
  });

  test.each(PLACES)(
    "lets functions and logs use a key of one's own in $region",
    ({ account, region, partition, suffix }) => {
      const stack = new Stack(new App({ outdir: newFolder(), context }), "bank", {
        env: { account, region },
      });
      const encryptionKey = new Key(stack, "Key") as IKey;
      const props = { project, auth: Auth.iam(), encryptionKey };
      new StatefulActors(stack, "Actors", props, { bundle: fakeBundle });
      const template = Template.fromStack(stack);
      const place = { account, region, partition, suffix };
      const known = knownOf(template, place);
      const [keyId, { Properties }] = only(template, "AWS::KMS::Key", () => true);
      const statements = statementsOf(template, roleOf(functionOf(template, "Worker")[1]), place);
      // What AWS documents everywhere, and how the endpoints of the region are named.
      for (const end of ["amazonaws.com", suffix]) {
        for (const service of ["sqs", "dynamodb"]) {
          const request = { action: "kms:Decrypt", resource: known[`${keyId}.Arn`] ?? "" };
          const through = { "kms:ViaService": `${service}.${region}.${end}` };
          expect(isAllowed(statements, { ...request, context: through })).toBe(true);
        }
      }
      const { Statement } = Properties.KeyPolicy as { Statement: { Principal: { Service?: object } }[] };
      const services = Statement.flatMap(({ Principal }) => Principal.Service ?? []);
      expect(services.map((service) => deployed(service, known))).toEqual([`logs.${region}.${suffix}`]);
    },
  );

  test("is for no place where none is said, and has one text for all", () => {
    const text = JSON.stringify(templateFor(undefined).toJSON());
    expect(text).not.toMatch(/arn:aws|\d{12}|[a-z]{2}-[a-z]+-\d/);
  });
});
