import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Construct } from "constructs";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import type { IStatefulActors } from "../../../cdk/callable-actors.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { ActorsStack } from "../../../cdk/stack.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { deployed } from "./intrinsics.ts";
import { rightsOf } from "./policies.ts";
import { functionOf, variables } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

const declare = (...types: string[]) =>
  types.map((type, index) => `[[actors]]\nbinding = "B${index}"\ntype = "${type}"\n`).join("");

interface Example {
  readonly declared?: readonly string[];
  readonly source?: string;
  readonly owners?: (scope: Construct) => Record<string, IStatefulActors>;
  readonly context?: Record<string, unknown>;
}

/** The stack of a project that declares `Account` and more. */
function actorsStack({ declared = [], source, owners = () => ({}), context = {} }: Example): ActorsStack {
  const app = new App({ outdir: newFolder(), context });
  const project = writeProject({ manifest: declare(...declared), ...(source !== undefined && { source }) });
  const actors = { project, auth: Auth.none(), owners: owners(new Construct(app, "References")) };
  return new ActorsStack(app, "bank", { actors }, { bundle: fakeBundle });
}

const ledgerSvc = (scope: Construct) => StatefulActors.fromStack(scope, "Ledger", "ledger-svc");
const EXPORTED = {
  "ledger-svc-MailboxArn": "arn:aws:sqs:eu-west-1:123456789012:ledger.fifo",
  "ledger-svc-DelayQueueArn": "arn:aws:sqs:eu-west-1:123456789012:ledger-delayed",
  "ledger-svc-ReplyTableArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/ledger-replies",
  "AWS::URLSuffix": "amazonaws.com",
};
const LEDGER_ADDRESS = {
  mailbox: "https://sqs.eu-west-1.amazonaws.com/123456789012/ledger.fifo",
  delay: "https://sqs.eu-west-1.amazonaws.com/123456789012/ledger-delayed",
  replies: "ledger-replies",
};

describe("a type that the project declares and does not export", () => {
  const stack = actorsStack({
    declared: ["Ledger", "Book"],
    owners: (scope) => ({
      Ledger: ledgerSvc(scope),
      Book: StatefulActors.fromStack(scope, "Book", "ledger-svc"),
    }),
  });
  const template = Template.fromStack(stack);

  test.each(["Router", "Worker"] as const)(
    "the %s knows its owner's address, and may call there",
    (handler) => {
      const [, fn] = functionOf(template, handler);
      expect(JSON.parse(deployed(variables(fn).ACTOR_OWNERS, EXPORTED))).toEqual({
        Ledger: LEDGER_ADDRESS,
        Book: LEDGER_ADDRESS,
      });
      expect(rightsOf(template, fn)).toMatchObject({
        "ledger-svc-MailboxArn": ["sqs:SendMessage"],
        "ledger-svc-DelayQueueArn": ["sqs:SendMessage"],
        "ledger-svc-ReplyTableArn": ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
      });
    },
  );

  test("gives the forwarder nothing, and its rights are those without it and the owner's", () => {
    const without = synthesize();
    for (const handler of ["Router", "Worker", "Forwarder"] as const) {
      const [all, own] = [template, without].map((each) => {
        const rights = rightsOf(each, functionOf(each, handler)[1]);
        return Object.entries(rights).filter(([resource]) => !resource.startsWith("ledger-svc-"));
      });
      expect(all).toEqual(own);
    }
    expect(JSON.stringify(functionOf(template, "Forwarder"))).not.toContain("ledger-svc");
  });

  test("does not live here, so that nothing can be bound to it here", () => {
    expect([...stack.actors.types]).toEqual(["Account"]);
  });

  test("may be owned by other actors of the same stack or app", () => {
    const app = new App({ outdir: newFolder() });
    const internals = { bundle: fakeBundle };
    const ledger = writeProject({
      manifest: declare("Ledger"),
      source: "export class Account {}\nexport class Ledger {}",
    });
    const owner = new ActorsStack(
      app,
      "ledger-svc",
      { actors: { project: ledger, auth: Auth.none() } },
      internals,
    );
    const project = writeProject({ manifest: declare("Ledger") });
    const actors = { project, auth: Auth.none(), owners: { Ledger: owner.actors } };
    const bank = Template.fromStack(new ActorsStack(app, "bank", { actors }, internals));
    const { Ledger } = JSON.parse(deployed(variables(functionOf(bank, "Router")[1]).ACTOR_OWNERS));
    expect(Object.keys(Ledger)).toEqual(["mailbox", "delay", "replies"]);
    for (const place of Object.values(Ledger)) expect(place).toMatch(/^<.*ledger-svc.*>$/s);
  });
});

test("a project that refers to no other has no such variable", () => {
  const template = Template.fromStack(actorsStack({}));
  for (const handler of ["Router", "Worker"] as const) {
    expect(variables(functionOf(template, handler)[1])).not.toHaveProperty("ACTOR_OWNERS");
  }
});

test("types that are exported through other modules live here; one that is only a type does not", () => {
  const source =
    'export * from "./more.ts";\nexport { Ledger as Account } from "./more.ts";\nexport interface Book {}';
  const project = writeProject({ manifest: declare("Ledger", "Book"), source });
  expect(() => synthesize({ props: { project } })).toThrow(/Could not resolve "\.\/more\.ts"/);
  const attempt = () =>
    actorsStack({ declared: ["Book"], source: "export class Account {}\nexport interface Book {}" });
  expect(attempt).toThrow(/^the type Book of bank: src\/index\.ts exports no Book, /);
});

describe("what does not fit is refused in one line with the value, the rule and the fix", () => {
  const refused: [string, Example, string | RegExp][] = [
    [
      "a type with neither class nor owner",
      { declared: ["Ledger"] },
      "the type Ledger of bank: src/index.ts exports no Ledger, and a type whose class is not here needs an owner; export the class, or say who owns it: owners: { Ledger: … }, or -c owners=Ledger:<stack name>",
    ],
    [
      "a mistyped one",
      { source: "export class Acount {}\nexport default {};" },
      /^the type Account of bank: src\/index\.ts exports no Account \(did you mean Acount\?\), /,
    ],
    ["one in the wrong case", { source: "export class account {}" }, /\(did you mean account\?\)/],
    [
      "one that is near to a type with a use of its own",
      { declared: ["Accounts"] },
      /^the type Accounts of bank: src\/index\.ts exports no Accounts, and/,
    ],
    [
      "an owner of a type that is exported",
      { owners: (scope) => ({ Account: ledgerSvc(scope) }) },
      "owner of the type Account: src/index.ts of bank exports Account, so its instances live here; take the owner away, or the export",
    ],
    [
      "an owner of a type that is not declared",
      { owners: (scope) => ({ Ledger: ledgerSvc(scope) }) },
      "owner of the type Ledger: the manifest of bank declares no such type; add it there, or choose one that it declares: Account",
    ],
    [
      "a name that every object has",
      { declared: ["constructor"] },
      /^the type constructor of bank: src\/index\.ts exports no constructor, /,
    ],
  ];
  test.each(refused)("%s", (_, example, message) => {
    const attempt = () => actorsStack(example);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^[^\n]+$/);
  });
});

test("a command that deploys nothing asks for no owner, as it reads no code", () => {
  const context = { "aws:cdk:bundling-stacks": [] };
  expect(() => actorsStack({ declared: ["Ledger"], context })).not.toThrow();
});
