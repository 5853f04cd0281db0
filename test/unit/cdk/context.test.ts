import { join } from "node:path";
import { RemovalPolicy } from "aws-cdk-lib";
import { type Node, RootConstruct } from "constructs";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { readContext } from "../../../cdk/context.ts";
import { resources } from "./resources.ts";
import { newFolder, synthesize } from "./synthesis.ts";

const defaultProject = newFolder();
/** The context of what is deployed, by whom anyone who knows the URL is let in unless told. */
const read = (context: Record<string, unknown>) =>
  readContext(nodeWith({ auth: "none", ...context }), { defaultProject });

function nodeWith(context: Record<string, unknown>): Node {
  const { node } = new RootConstruct();
  for (const [key, value] of Object.entries(context)) node.setContext(key, value);
  return node;
}

describe("the context", () => {
  test("has defaults", () => {
    expect(read({})).toEqual({
      project: defaultProject,
      stackName: undefined,
      auth: Auth.none(),
      removalPolicy: undefined,
      owners: new Map(),
    });
  });

  test.each([
    ["iam", {}],
    ["none", {}],
    [
      "jwt:https://issuer.example/pool,app,web",
      { Issuer: "https://issuer.example/pool", Audience: ["app", "web"] },
    ],
  ])("auth=%s is a choice", (auth, jwt) => {
    const found = read({ auth }).auth;
    expect(found.kind).toBe(auth.split(":")[0]);
    const { JwtConfiguration = {} } =
      Object.values(resources(synthesize({ props: { auth: found } }), "AWS::ApiGatewayV2::Authorizer"))[0]
        ?.Properties ?? {};
    expect(JwtConfiguration).toEqual(jwt);
  });

  test("must say who is let in where something is deployed, and not where nothing is", () => {
    const deploying = { "aws:cdk:bundling-stacks": ["**"] };
    for (const context of [{}, deploying]) {
      const attempt = () => readContext(nodeWith(context), { defaultProject });
      expect(attempt).toThrow(ConfigurationError);
      expect(attempt).toThrow(
        /^-c auth is missing: [^\n]*; give iam \([^\n]*, jwt:[^\n]*, or none \([^\n]*\)$/,
      );
    }
    const destroying = nodeWith({ "aws:cdk:bundling-stacks": [] });
    expect(readContext(destroying, { defaultProject }).auth.kind).toBe("none");
  });

  test.each([
    [{ removal: "destroy" }, { removalPolicy: RemovalPolicy.DESTROY }],
    [{ removal: "retain" }, { removalPolicy: RemovalPolicy.RETAIN }],
    [{ stack: "Bank-2" }, { stackName: "Bank-2" }],
    [{ stack: "s".repeat(128) }, { stackName: "s".repeat(128) }],
    [{ project: "examples/account" }, { project: join(process.cwd(), "examples/account") }],
    [{ owners: "Account:account-svc" }, { owners: new Map([["Account", "account-svc"]]) }],
    [
      { owners: "Account:bank,Ledger:bank,_1:L-2" },
      {
        owners: new Map([
          ["Account", "bank"],
          ["Ledger", "bank"],
          ["_1", "L-2"],
        ]),
      },
    ],
    [{ project: import.meta.dirname }, { project: import.meta.dirname }],
  ])("%j is understood", (context, expected) => {
    expect(read(context)).toMatchObject(expected);
  });

  test.each([
    [{ project: "no/such/folder" }, "-c project=no/such/folder: "],
    [{ project: "package.json" }, "-c project=package.json: "],
    [{ project: "" }, "-c project=: "],
    [{ removal: "delete" }, "-c removal=delete: "],
    [{ removal: "" }, "-c removal=: "],
    [{ removal: "constructor" }, "-c removal=constructor: "],
    [{ stack: "1st" }, "-c stack=1st: "],
    [{ stack: "a b" }, "-c stack=a b: "],
    [{ stack: "" }, "-c stack=: "],
    [{ stack: "s".repeat(129) }, "-c stack=sss"],
    [{ auth: "" }, "-c auth=: "],
    [{ auth: "IAM" }, "-c auth=IAM: "],
    [{ auth: "constructor" }, "-c auth=constructor: "],
    [{ auth: "jwt:https://issuer.example" }, "-c auth=jwt:https://issuer.example: "],
    [{ auth: "jwt:https://issuer.example," }, "-c auth=jwt:https://issuer.example,: "],
    [{ auth: "jwt:issuer,app" }, 'Auth.jwt issuer "issuer": '],
    [{ owners: "" }, '-c owners=: "" is no type'],
    [{ owners: "Account" }, '-c owners=Account: "Account" is no type'],
    [{ owners: "Account:" }, '-c owners=Account:: "Account:" is no type'],
    [{ owners: "Account=bank" }, "-c owners=Account=bank: "],
    [{ owners: "Account:a b" }, "-c owners=Account:a b: "],
    [{ owners: "A__B:bank" }, "-c owners=A__B:bank: "],
    [{ owners: "Account:bank:Ledger" }, "-c owners=Account:bank:Ledger: "],
    [{ owners: "Account:bank," }, '-c owners=Account:bank,: "" is no type'],
    [{ owners: "Account:one,Account:two" }, "-c owners=Account:one,Account:two: Account is in it twice"],
  ])("%j is refused in one line that begins with the value", (context, start) => {
    const attempt = () => read(context);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(start);
    expect(attempt).toThrow(/^[^\n]+$/);
  });
});
