import { join } from "node:path";
import { RemovalPolicy } from "aws-cdk-lib";
import { type Node, RootConstruct } from "constructs";
import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { readContext } from "../../../cdk/context.ts";
import { newFolder } from "./synthesis.ts";

const defaultProject = newFolder();
const read = (context: Record<string, unknown>) => readContext(nodeWith(context), { defaultProject });

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
      removalPolicy: undefined,
      owners: new Map(),
    });
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
