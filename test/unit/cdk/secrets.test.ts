import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Alias, Key } from "aws-cdk-lib/aws-kms";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import type { Bundle } from "../../../cdk/function-code.ts";
import type { SecretsProps } from "../../../cdk/secrets.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { ACCOUNT, knownOf, REGION, roleOf, statementsOf } from "./deployed-stack.ts";
import { isAllowed } from "./iam.ts";
import { deployed } from "./intrinsics.ts";
import { functionOf, type Resource, resources, schedulerRoleOf, variables } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

const MANIFEST = `[[secrets]]
binding = "STRIPE"
name = "prod/stripe"
[[secrets]]
binding = "SESSION"
name = "prod/session"
readers = ["fetch"]
[[secrets]]
binding = "LEDGER_KEY"
name = "prod/ledger"
readers = ["actors"]
`;
const HANDLERS = ["Worker", "Router", "Forwarder"] as const;

/** A stack whose app makes some of the secrets. */
function synthesizeWith(secrets: (stack: Stack) => NonNullable<SecretsProps["secrets"]>): Template {
  const stack = new Stack(new App({ outdir: newFolder() }), "bank");
  const project = writeProject({ manifest: MANIFEST });
  new StatefulActors(
    stack,
    "Actors",
    { project, auth: Auth.none(), secrets: secrets(stack) },
    { bundle: fakeBundle },
  );
  return Template.fromStack(stack);
}

function mayRead(template: Template, fn: Resource, secret: string): boolean {
  const resource = secret.startsWith("arn:")
    ? secret
    : `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:${secret}-a1B2c3`;
  return isAllowed(statementsOf(template, roleOf(fn)), { action: "secretsmanager:GetSecretValue", resource });
}

function idsOf(template: Template, fn: Resource): unknown {
  const { SECRET_IDS } = variables(fn);
  return SECRET_IDS === undefined ? undefined : JSON.parse(deployed(SECRET_IDS, knownOf(template)));
}

describe("secrets that are found by their names", () => {
  const template = synthesize({ props: { project: writeProject({ manifest: MANIFEST }) } });
  const [worker, router, forwarder] = HANDLERS.map((handler) => functionOf(template, handler)[1]) as [
    Resource,
    Resource,
    Resource,
  ];

  test.each([
    ["prod/stripe", [true, true]],
    ["prod/session", [false, true]],
    ["prod/ledger", [true, false]],
    ["prod/other", [false, false]],
    ["prod", [false, false]],
    ["prod/stripe-old-one", [false, false]],
  ])("%s may be read by the worker, by the router: %j", (name, expected) => {
    expect([worker, router].map((fn) => mayRead(template, fn, name))).toEqual(expected);
  });

  test("nobody else may read any, and nobody may do anything else with one", () => {
    const [schedulerRole] = schedulerRoleOf(template);
    for (const role of [roleOf(forwarder), schedulerRole]) {
      const actions = statementsOf(template, role).flatMap(({ Action }) => Action);
      expect(actions.filter((action) => action.startsWith("secretsmanager:"))).toEqual([]);
    }
    const resource = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:prod/stripe-a1B2c3`;
    for (const action of ["PutSecretValue", "DescribeSecret", "DeleteSecret", "ListSecrets"]) {
      const request = { action: `secretsmanager:${action}`, resource };
      expect(isAllowed(statementsOf(template, roleOf(worker)), request)).toBe(false);
    }
  });

  test("each function's environment has the names of what its code may read, and no value", () => {
    expect([worker, router, forwarder].map((fn) => idsOf(template, fn))).toEqual([
      { STRIPE: "prod/stripe", LEDGER_KEY: "prod/ledger" },
      { STRIPE: "prod/stripe", SESSION: "prod/session" },
      undefined,
    ]);
    expect(JSON.stringify(template.toJSON())).not.toContain("{{resolve:secretsmanager");
  });
});

describe("secrets that the app gives", () => {
  test("are read by their ARNs, through their keys where they have one", () => {
    const template = synthesizeWith((stack) => ({
      STRIPE: new Secret(stack, "Stripe", { encryptionKey: new Key(stack, "Key") }) as ISecret,
    }));
    const worker = functionOf(template, "Worker")[1];
    const [[secretId = ""] = []] = Object.entries(resources(template, "AWS::SecretsManager::Secret"));
    const [[keyId = ""] = []] = Object.entries(resources(template, "AWS::KMS::Key"));
    const arn = knownOf(template)[secretId] ?? "";
    expect(idsOf(template, worker)).toEqual({ STRIPE: arn, LEDGER_KEY: "prod/ledger" });
    expect(mayRead(template, worker, arn)).toBe(true);
    expect(mayRead(template, worker, "prod/stripe")).toBe(false);
    const decrypt = (service: string) =>
      isAllowed(statementsOf(template, roleOf(worker)), {
        action: "kms:Decrypt",
        resource: knownOf(template)[`${keyId}.Arn`] ?? "",
        context: { "kms:ViaService": `${service}.${REGION}.amazonaws.com` },
      });
    expect([decrypt("secretsmanager"), decrypt("s3")]).toEqual([true, false]);
  });

  test("are refused with an alias as their key", () => {
    const attempt = () =>
      synthesizeWith((stack) => ({
        STRIPE: new Secret(stack, "Stripe", {
          encryptionKey: Alias.fromAliasName(stack, "Key", "alias/team"),
        }) as ISecret,
      }));
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(/^secrets: STRIPE: encryptionKey \S+ is an alias: .*give the key itself, /);
  });

  test("may be known by a part of their ARN only", () => {
    const template = synthesizeWith((stack) => ({
      STRIPE: Secret.fromSecretNameV2(stack, "Stripe", "other/stripe"),
    }));
    const worker = functionOf(template, "Worker")[1];
    expect(mayRead(template, worker, "other/stripe")).toBe(true);
    expect(mayRead(template, worker, "prod/stripe")).toBe(false);
  });

  test("must be declared by the manifest", () => {
    const attempt = () =>
      synthesizeWith((stack) => ({ STRIPPE: Secret.fromSecretNameV2(stack, "Stripe", "other/stripe") }));
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(
      /^secrets: STRIPPE: the manifest of bank declares no such secret; .*: STRIPE, SESSION, LEDGER_KEY$/,
    );
  });
});

describe("secrets of a module without a manifest", () => {
  const entry = join(import.meta.dirname, "../../../examples/account/src/index.ts");
  const account = { ACCOUNT: "Account" };

  function deployModule(
    secrets: (stack: Stack) => NonNullable<SecretsProps["secrets"]>,
    { actors = account, bundle = fakeBundle }: { actors?: Record<string, string>; bundle?: Bundle } = {},
  ): Template {
    const stack = new Stack(new App({ outdir: newFolder() }), "bank");
    const props = { entry, actors, auth: Auth.none(), secrets: secrets(stack) };
    new StatefulActors(stack, "Actors", props, { bundle });
    return Template.fromStack(stack);
  }
  const named = (stack: Stack, name: string) => Secret.fromSecretNameV2(stack, name, `other/${name}`);

  test("are those that are given, for whom it is said, or for both", () => {
    const declared = new Map<string, unknown>();
    const template = deployModule(
      (stack) => ({
        BOTH: named(stack, "both"),
        SESSION: { secret: named(stack, "session"), readers: ["fetch"] },
        LEDGER: { secret: named(stack, "ledger"), readers: ["actors"] },
        ALSO: { secret: named(stack, "also") },
      }),
      {
        bundle: (source) => {
          declared.set(source.handler, source.project.manifest.secrets);
          return fakeBundle(source);
        },
      },
    );
    const [worker, router] = ["Worker", "Router"].map(
      (handler) => functionOf(template, handler as "Worker" | "Router")[1],
    ) as [Resource, Resource];
    const readable = (fn: Resource) =>
      ["both", "session", "ledger", "also"].filter((name) => mayRead(template, fn, `other/${name}`));
    expect([readable(worker), readable(router)]).toEqual([
      ["both", "ledger", "also"],
      ["both", "session", "also"],
    ]);
    expect(Object.keys(idsOf(template, worker) as object)).toEqual(["BOTH", "LEDGER", "ALSO"]);
    expect(Object.keys(idsOf(template, router) as object)).toEqual(["BOTH", "SESSION", "ALSO"]);
    expect(declared.get("worker")).toEqual([
      { binding: "BOTH", name: "BOTH", readers: ["actors", "fetch"] },
      { binding: "SESSION", name: "SESSION", readers: ["fetch"] },
      { binding: "LEDGER", name: "LEDGER", readers: ["actors"] },
      { binding: "ALSO", name: "ALSO", readers: ["actors", "fetch"] },
    ]);
  });

  test.each<
    [string, (secret: ISecret) => NonNullable<SecretsProps["secrets"]>, Record<string, string>, RegExp]
  >([
    [
      "a name that code can't ask for",
      (secret) => ({ "a-b": secret }),
      account,
      /^secrets: of "a-b", .*; choose/,
    ],
    [
      "the binding of an actor",
      (secret) => ({ ACCOUNT: secret }),
      account,
      /^secrets: ACCOUNT: an actor has/,
    ],
    [
      "an actor in the place of all secrets",
      (secret) => ({ KEY: secret }),
      { SECRETS: "Account" },
      /^actors SECRETS: this is the binding of all secrets/,
    ],
    [
      "no reader",
      (secret) => ({ KEY: { secret, readers: [] } }),
      account,
      /^secrets: KEY: its readers are \[\]; give "actors", "fetch" or both/,
    ],
    [
      "a reader that there is not",
      (secret) => ({ KEY: { secret, readers: ["worker" as "actors"] } }),
      account,
      /^secrets: KEY: its readers are \["worker"\]; /,
    ],
  ])("refuse %s", (_, secrets, actors, message) => {
    const attempt = () => deployModule((stack) => secrets(named(stack, "key")), { actors });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
  });

  test("a manifest says by itself who reads", () => {
    const attempt = () =>
      synthesizeWith((stack) => ({ STRIPE: { secret: named(stack, "stripe"), readers: ["fetch"] } }));
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(/^secrets: STRIPE: readers with the project .*: its manifest says who may read/);
    const template = synthesizeWith((stack) => ({ STRIPE: { secret: named(stack, "stripe") } }));
    expect(mayRead(template, functionOf(template, "Worker")[1], "other/stripe")).toBe(true);
  });
});

test("without secrets no function has anything of them", () => {
  const template = synthesize();
  for (const handler of HANDLERS) {
    const [, fn] = functionOf(template, handler);
    expect(variables(fn)).not.toHaveProperty("SECRET_IDS");
    expect(JSON.stringify(statementsOf(template, roleOf(fn)))).not.toContain("secretsmanager");
  }
});
