import { App, Aws, Fn, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Alias, type IKey, Key } from "aws-cdk-lib/aws-kms";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { ACCOUNT, knownOf, REGION, roleOf, statementsOf } from "./deployed-stack.ts";
import { isAllowed } from "./iam.ts";
import { FUNCTION, functionOf, only, QUEUE, resources, schedulerRoleOf } from "./resources.ts";
import { fakeBundle, newFolder, writeProject } from "./synthesis.ts";

const KEY_ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;

function newFunction(scope: Stack): LambdaFunction {
  return new LambdaFunction(scope, "Report", {
    runtime: Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: Code.fromInline("exports.handler = async () => {};"),
    description: "Caller",
  });
}

function synthesizeWith(key: (stack: Stack) => IKey): Template {
  const stack = new Stack(new App({ outdir: newFolder() }), "bank");
  const props = { project: writeProject(), auth: Auth.none(), encryptionKey: key(stack) };
  const actors = new StatefulActors(stack, "Actors", props, { bundle: fakeBundle });
  actors.bind(newFunction(stack), { ACCOUNT: "Account" });
  return Template.fromStack(stack);
}

/** Whether a role may do it with the key, when a service asks for it. */
function may(
  template: Template,
  role: string,
  use: { action: string; service: string; key: string },
): boolean {
  return isAllowed(statementsOf(template, role), {
    action: `kms:${use.action}`,
    resource: use.key,
    context: { "kms:ViaService": `${use.service}.${REGION}.amazonaws.com` },
  });
}

describe("a key of one's own", () => {
  const template = synthesizeWith((stack) => new Key(stack, "Key"));
  const [[keyId = ""] = []] = Object.entries(resources(template, "AWS::KMS::Key"));
  const KeyArn = { "Fn::GetAtt": [keyId, "Arn"] };
  const key = knownOf(template)[`${keyId}.Arn`] ?? "";
  const roles = {
    worker: roleOf(functionOf(template, "Worker")[1]),
    router: roleOf(functionOf(template, "Router")[1]),
    forwarder: roleOf(functionOf(template, "Forwarder")[1]),
    scheduler: schedulerRoleOf(template)[0],
    caller: roleOf(only(template, FUNCTION, ({ Description }) => Description === "Caller")[1]),
  };

  test("encrypts both tables, all queues and all logs of the actors", () => {
    const tables = Object.values(resources(template, "AWS::DynamoDB::Table"));
    expect(tables).toHaveLength(2);
    for (const { Properties } of tables) {
      expect(Properties.SSESpecification).toEqual({
        SSEEnabled: true,
        SSEType: "KMS",
        KMSMasterKeyId: KeyArn,
      });
    }
    const queues = Object.values(resources(template, QUEUE));
    expect(queues).toHaveLength(4);
    for (const { Properties } of queues) expect(Properties.KmsMasterKeyId).toEqual(KeyArn);
    const groups = Object.values(resources(template, "AWS::Logs::LogGroup"));
    expect(groups).toHaveLength(4);
    for (const { Properties } of groups) expect(Properties.KmsKeyId).toEqual(KeyArn);
  });

  test.each(["worker", "router", "forwarder", "scheduler", "caller"] as const)(
    "the %s may send to and receive from the queues, and use the key for nothing beside its own services",
    (name) => {
      const role = roles[name];
      for (const action of ["Decrypt", "GenerateDataKey"]) {
        expect(may(template, role, { action, service: "sqs", key })).toBe(true);
        expect(may(template, role, { action, service: "s3", key })).toBe(false);
        expect(may(template, role, { action, service: "sqs", key: `${key}0` })).toBe(false);
      }
      const reads = name !== "forwarder" && name !== "scheduler";
      expect(may(template, role, { action: "Decrypt", service: "dynamodb", key })).toBe(reads);
      expect(may(template, role, { action: "GenerateDataKey", service: "dynamodb", key })).toBe(
        name === "worker",
      );
      for (const action of ["ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "CreateGrant"]) {
        expect(may(template, role, { action, service: "dynamodb", key })).toBe(false);
      }
      // Without a service in between nobody decrypts anything.
      expect(isAllowed(statementsOf(template, role), { action: "kms:Decrypt", resource: key })).toBe(false);
    },
  );

  test("lets CloudWatch of this account and region encrypt logs with it", () => {
    const [, { Properties }] = only(template, "AWS::KMS::Key", () => true);
    const { Statement } = Properties.KeyPolicy as {
      Statement: { Principal: unknown; Condition?: unknown }[];
    };
    expect(Statement.filter(({ Principal }) => JSON.stringify(Principal).includes("logs."))).toEqual([
      {
        Effect: "Allow",
        Action: [
          "kms:Decrypt",
          "kms:DescribeKey",
          "kms:Encrypt",
          "kms:GenerateDataKey",
          "kms:ReEncryptFrom",
          "kms:ReEncryptTo",
        ],
        Principal: {
          Service: { "Fn::Join": ["", ["logs.", { Ref: "AWS::Region" }, ".", { Ref: "AWS::URLSuffix" }]] },
        },
        Resource: "*",
        Condition: {
          ArnLike: {
            "kms:EncryptionContext:aws:logs:arn": {
              "Fn::Join": [
                "",
                [
                  "arn:",
                  { Ref: "AWS::Partition" },
                  ":logs:",
                  { Ref: "AWS::Region" },
                  ":",
                  { Ref: "AWS::AccountId" },
                  ":*",
                ],
              ],
            },
          },
        },
      },
    ]);
  });
});

describe("another key beside it", () => {
  const other = `arn:aws:kms:${REGION}:${ACCOUNT}:key/other`;

  /** What a deployment has, by the ARNs of its keys. */
  function deploy({ encrypting, others }: { encrypting?: string; others: readonly string[] }): Template {
    const stack = new Stack(new App({ outdir: newFolder() }), "bank");
    const keys = new Map(
      [KEY_ARN, other].map((arn, index) => [arn, Key.fromKeyArn(stack, `K${index}`, arn)]),
    );
    const props = {
      project: writeProject(),
      auth: Auth.none(),
      ...(encrypting !== undefined && { encryptionKey: keys.get(encrypting) as IKey }),
      otherEncryptionKeys: others.map((arn) => keys.get(arn) as IKey),
    };
    const actors = new StatefulActors(stack, "Actors", props, { bundle: fakeBundle });
    actors.bind(newFunction(stack), { ACCOUNT: "Account" });
    return Template.fromStack(stack);
  }

  const policies = (template: Template) => ({
    ...resources(template, "AWS::IAM::Role"),
    ...resources(template, "AWS::IAM::Policy"),
  });

  test.each([
    ["beside one that encrypts", { encrypting: KEY_ARN, others: [other] }, KEY_ARN],
    ["ahead of the first one", { others: [other] }, undefined],
  ])("may be used for all, and encrypts nothing: %s", (_, keys, encrypting) => {
    const template = deploy(keys);
    for (const handler of ["Worker", "Router", "Forwarder"] as const) {
      const role = roleOf(functionOf(template, handler)[1]);
      expect(may(template, role, { action: "GenerateDataKey", service: "sqs", key: other })).toBe(true);
      expect(may(template, role, { action: "Decrypt", service: "sqs", key: other })).toBe(true);
      expect(may(template, role, { action: "Decrypt", service: "dynamodb", key: other })).toBe(
        handler !== "Forwarder",
      );
    }
    for (const { Properties } of Object.values(resources(template, QUEUE)))
      expect(Properties.KmsMasterKeyId).toBe(encrypting);
    for (const { Properties } of Object.values(resources(template, "AWS::DynamoDB::Table")))
      expect(JSON.stringify(Properties)).not.toContain(other);
  });

  // What changes rights and keys in one deployment has a moment with the one and without the other.
  test.each([
    ["turning a key on", { others: [other] }, { encrypting: other, others: [] }],
    ["changing it", { encrypting: KEY_ARN, others: [other] }, { encrypting: other, others: [KEY_ARN] }],
    ["going back to AWS's", { encrypting: other, others: [] }, { others: [other] }],
  ])("makes %s a deployment that changes no rights", (_, before, after) => {
    const [was, is] = [policies(deploy(before)), policies(deploy(after))];
    expect(JSON.stringify(was)).toContain(other);
    expect(is).toEqual(was);
  });

  test("is named once in a policy, also where it is given twice", () => {
    const [once, twice] = [[], [KEY_ARN]].map((others) => policies(deploy({ encrypting: KEY_ARN, others })));
    expect(twice).toEqual(once);
  });
});

describe("an alias is refused, as IAM does not look behind it", () => {
  const ALIAS = /^(encryptionKey|otherEncryptionKeys) \S+ is an alias: [^\n]*; give the key itself, [^\n]*$/;

  test.each<[string, (stack: Stack) => IKey]>([
    ["by name", (stack) => Alias.fromAliasName(stack, "Key", "alias/team")],
    [
      "of this app",
      (stack) =>
        new Alias(stack, "Key", { aliasName: "alias/team", targetKey: new Key(stack, "Target") as IKey }),
    ],
    ["by ARN", (stack) => Key.fromKeyArn(stack, "Key", `arn:aws:kms:${REGION}:${ACCOUNT}:alias/team`)],
    [
      "by an ARN that is known in part",
      (stack) =>
        Key.fromKeyArn(stack, "Key", `arn:${Aws.PARTITION}:kms:${Aws.REGION}:${Aws.ACCOUNT_ID}:alias/team`),
    ],
  ])("%s", (_, make) => {
    for (const property of ["encryptionKey", "otherEncryptionKeys"] as const) {
      const attempt = () => {
        const stack = new Stack(new App({ outdir: newFolder() }), "bank");
        const key = property === "encryptionKey" ? make(stack) : [make(stack)];
        const props = { project: writeProject(), auth: Auth.none(), [property]: key };
        new StatefulActors(stack, "Actors", props, { bundle: fakeBundle });
      };
      expect(attempt).toThrow(ConfigurationError);
      expect(attempt).toThrow(ALIAS);
      expect(attempt).toThrow(new RegExp(`^${property} `));
    }
  });
});

test("a key from elsewhere is taken by its ARN", () => {
  const template = synthesizeWith((stack) => Key.fromKeyArn(stack, "Key", KEY_ARN));
  const role = roleOf(functionOf(template, "Router")[1]);
  expect(may(template, role, { action: "Decrypt", service: "dynamodb", key: KEY_ARN })).toBe(true);
});

describe("actors of another stack with keys", () => {
  const next = `arn:aws:kms:${REGION}:${ACCOUNT}:key/next`;

  function bound(encryptionKeyArns?: readonly string[]): { template: Template; role: string } {
    const stack = new Stack(new App({ outdir: newFolder() }), "callers");
    const untold = encryptionKeyArns === undefined ? {} : { encryptionKeyArns };
    StatefulActors.fromStack(stack, "Bank", "bank", untold).bind(newFunction(stack), { ACCOUNT: "Account" });
    const template = Template.fromStack(stack);
    return { template, role: roleOf(only(template, FUNCTION, () => true)[1]) };
  }

  test("are called with the right to use each of them", () => {
    const { template, role } = bound([KEY_ARN, next]);
    for (const key of [KEY_ARN, next]) {
      for (const [action, service] of [
        ["GenerateDataKey", "sqs"],
        ["Decrypt", "sqs"],
        ["Decrypt", "dynamodb"],
      ] as const) {
        expect(may(template, role, { action, service, key })).toBe(true);
      }
      expect(may(template, role, { action: "GenerateDataKey", service: "dynamodb", key })).toBe(false);
      const without = bound();
      expect(may(without.template, without.role, { action: "Decrypt", service: "sqs", key })).toBe(false);
    }
  });

  test("are found by an ARN that is known at deployment only", () => {
    expect(JSON.stringify(bound([Fn.importValue("key")]).template)).toContain('{"Fn::ImportValue":"key"}');
  });

  test.each([
    "alias/bank",
    `arn:aws:kms:${REGION}:${ACCOUNT}:alias/bank`,
    `arn:aws:kms:${Aws.REGION}:${ACCOUNT}:alias/bank`,
  ])("are not found by %s", (arn) => {
    const attempt = () => bound([KEY_ARN, arn]);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(
      `encryptionKeyArns ${arn}: IAM knows keys by their own ARNs, not by aliases; give the ARN of a key, such as arn:aws:kms:`,
    );
  });
});
