import { App, CfnOutput, Fn, Stack } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { ActorsStack } from "../../../cdk/stack.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { deployed, type Known } from "./intrinsics.ts";
import { rightsOf } from "./policies.ts";
import { FUNCTION, only, queuesOf, tableWithKey, variables } from "./resources.ts";
import { fakeBundle, newFolder, writeProject } from "./synthesis.ts";

const LEDGER = '[[actors]]\nbinding = "LEDGER"\ntype = "Ledger"\n';
const internals = { bundle: fakeBundle };

const newStack = (name = "callers", app = new App({ outdir: newFolder() })) => new Stack(app, name);

function newActors(scope: Stack, id = "Actors"): StatefulActors {
  const source = "export class Account {}\nexport class Ledger {}\n";
  return new StatefulActors(
    scope,
    id,
    { project: writeProject({ manifest: LEDGER, source }), auth: Auth.none() },
    { bundle: fakeBundle },
  );
}

/** A function of somebody else. */
function newFunction(scope: Stack, id = "Report"): LambdaFunction {
  return new LambdaFunction(scope, id, {
    runtime: Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: Code.fromInline("exports.handler = async () => {};"),
    description: `Caller ${id}`,
  });
}

function caller(from: Template, id = "Report") {
  return only(from, FUNCTION, ({ Description }) => Description === `Caller ${id}`)[1];
}

const ARNS = {
  mailboxArn: "arn:aws:sqs:eu-west-1:123456789012:bank-Envelopes-12ab34cd.fifo",
  delayQueueArn: "arn:aws:sqs:eu-west-1:123456789012:bank-Delayed-XYZ",
  replyTableArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/bank-Replies-XYZ",
};
const ADDRESS = {
  mailbox: "https://sqs.eu-west-1.amazonaws.com/123456789012/bank-Envelopes-12ab34cd.fifo",
  delay: "https://sqs.eu-west-1.amazonaws.com/123456789012/bank-Delayed-XYZ",
  replies: "bank-Replies-XYZ",
};
const CALL_RIGHTS = {
  [ARNS.mailboxArn]: ["sqs:SendMessage"],
  [ARNS.delayQueueArn]: ["sqs:SendMessage"],
  [ARNS.replyTableArn]: ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
};
const URL_SUFFIX: Known = { "AWS::URLSuffix": "amazonaws.com" };

function bindings(from: Template, { id = "Report", known = {} }: { id?: string; known?: Known } = {}) {
  return JSON.parse(deployed(variables(caller(from, id)).ACTOR_BINDINGS, known));
}

describe("a function that may call actors", () => {
  test("may send to their two queues and read outcomes, and nothing else", () => {
    const stack = newStack();
    const fn = newFunction(stack);
    newActors(stack).grantCall(fn).assertSuccess();
    const template = Template.fromStack(stack);
    const { mailbox, delay } = queuesOf(template);
    expect(rightsOf(template, caller(template))).toEqual({
      [`${mailbox[0]}.Arn`]: ["sqs:SendMessage"],
      [`${delay[0]}.Arn`]: ["sqs:SendMessage"],
      [`${tableWithKey(template, "id")[0]}.Arn`]: ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
    });
    expect(caller(template).Properties.Environment).toBeUndefined();
  });

  test("that is only imported, without a role, gets no rights, and a warning says so", () => {
    const stack = newStack();
    const arn = "arn:aws:lambda:eu-west-1:123456789012:function:report";
    const fn = LambdaFunction.fromFunctionArn(stack, "Report", arn);
    newActors(stack).grantCall(fn);
    const [warning] = Annotations.fromStack(stack).findWarning("/callers/Report", Match.anyValue());
    expect(warning?.entry.data).toContain("sqs:SendMessage");
  });

  test("is told by its bindings where the actors are", () => {
    const stack = newStack();
    const fn = newFunction(stack);
    newActors(stack).bind(fn, { READONLY: "Account", BOOKS: "Ledger" });
    const template = Template.fromStack(stack);
    const { mailbox, delay } = queuesOf(template);
    const address = {
      mailbox: `<${mailbox[0]}>`,
      delay: `<${delay[0]}>`,
      replies: `<${tableWithKey(template, "id")[0]}>`,
    };
    expect(bindings(template)).toEqual({
      READONLY: { type: "Account", ...address },
      BOOKS: { type: "Ledger", ...address },
    });
    expect(Object.keys(rightsOf(template, caller(template)))).toHaveLength(3);
  });

  test("can be bound again, also to actors of other projects, and beside others", () => {
    const stack = newStack();
    const [report, audit] = [newFunction(stack), newFunction(stack, "Audit")];
    const actors = newActors(stack);
    const others = StatefulActors.fromAttributes(stack, "Others", ARNS);
    actors.bind(report, { ONE: "Account" });
    others.bind(report, { TWO: "Account" });
    others.bind(audit, { ONE: "Account" });
    actors.bind(report, { THREE: "Ledger" });
    const template = Template.fromStack(stack);
    const mailbox = `<${queuesOf(template).mailbox[0]}>`;
    const known = URL_SUFFIX;
    expect(bindings(template, { known })).toMatchObject({
      ONE: { type: "Account", mailbox },
      TWO: { type: "Account", ...ADDRESS },
      THREE: { type: "Ledger", mailbox },
    });
    expect(bindings(template, { id: "Audit", known })).toEqual({ ONE: { type: "Account", ...ADDRESS } });
    expect(rightsOf(template, caller(template, "Audit"))).toEqual(CALL_RIGHTS);
    const rights = rightsOf(template, caller(template));
    expect(Object.keys(rights)).toHaveLength(6);
    expect(rights).toMatchObject(CALL_RIGHTS);
    for (const actions of Object.values(rights)) expect(new Set(actions).size).toBe(actions.length);
  });

  test("may be in another stack of the app", () => {
    const app = new App({ outdir: newFolder() });
    const owner = new ActorsStack(
      app,
      "bank",
      { actors: { project: writeProject(), auth: Auth.none() } },
      internals,
    );
    const stack = newStack("callers", app);
    owner.actors.bind(newFunction(stack), { READONLY: "Account" });
    const template = Template.fromStack(stack);
    const { READONLY } = bindings(template);
    expect(READONLY.type).toBe("Account");
    const places = [READONLY.mailbox, READONLY.delay, READONLY.replies];
    expect(new Set(places).size).toBe(3);
    for (const place of places) expect(place).toMatch(/^<.*bank.*>$/s);
    expect(Object.keys(rightsOf(template, caller(template)))).toHaveLength(3);
  });

  const actors = newActors(newStack());
  const tooOdd = "it must start with a letter or underscore, hold only letters, digits and underscores";
  test.each([
    [{ "READ-ONLY": "Account" }, `binding "READ-ONLY": ${tooOdd}`],
    [{ "": "Account" }, `binding "": ${tooOdd}`],
    [{ A__B: "Account" }, `binding "A__B": ${tooOdd}`],
    [{ READONLY: "" }, `binding READONLY of the type "": ${tooOdd}`],
    [
      { READONLY: "Acount" },
      "binding READONLY of the type Acount: callers/Actors has no such type of its own; choose one that it has: Account, Ledger",
    ],
    [{ READONLY: "constructor" }, "binding READONLY of the type constructor: "],
  ])("%j is refused in one line with the value, the rule and the fix", (wrong, message) => {
    const fn = newFunction(newStack());
    const attempt = () => actors.bind(fn, wrong);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^[^\n]+$/);
  });

  test("refuses a binding that is taken, also by other actors, and is left as it was", () => {
    const stack = newStack();
    const fn = newFunction(stack);
    StatefulActors.fromAttributes(stack, "Others", ARNS).bind(fn, { READONLY: "Account" });
    const actors = newActors(stack);
    const attempt = () => actors.bind(fn, { MORE: "Ledger", READONLY: "Ledger" });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(
      "binding READONLY: callers/Report has it already, for the type Account; a binding is used once in a function, choose another name",
    );
    const template = Template.fromStack(stack);
    expect(bindings(template, { known: URL_SUFFIX })).toEqual({ READONLY: { type: "Account", ...ADDRESS } });
    expect(rightsOf(template, caller(template))).toEqual(CALL_RIGHTS);
  });
});

describe("actors of another stack", () => {
  test("by ARN: the addresses come from them", () => {
    const stack = newStack();
    StatefulActors.fromAttributes(stack, "Others", ARNS).bind(newFunction(stack), { READONLY: "Anything" });
    const template = Template.fromStack(stack);
    expect(bindings(template, { known: URL_SUFFIX })).toEqual({
      READONLY: { type: "Anything", ...ADDRESS },
    });
    expect(rightsOf(template, caller(template))).toEqual(CALL_RIGHTS);
    // Nothing of them is made here.
    template.resourceCountIs("AWS::SQS::Queue", 0);
  });

  test("by the name of an ActorsStack: the addresses come from exactly what that stack exports", () => {
    const app = new App({ outdir: newFolder() });
    const owner = new ActorsStack(
      app,
      "bank",
      { actors: { project: writeProject(), auth: Auth.none() } },
      internals,
    );
    const stack = newStack("callers", app);
    StatefulActors.fromStack(stack, "Others", "bank").bind(newFunction(stack), { READONLY: "Account" });
    const template = Template.fromStack(stack);
    const exports = Object.values(Template.fromStack(owner).findOutputs("*")).flatMap(({ Export }) =>
      Export ? [Export.Name as string] : [],
    );
    const values = [ARNS.mailboxArn, ARNS.delayQueueArn, ARNS.replyTableArn];
    const names = ["bank-MailboxArn", "bank-DelayQueueArn", "bank-ReplyTableArn"];
    expect(exports.toSorted()).toEqual(names.toSorted());
    const known = { ...URL_SUFFIX, ...Object.fromEntries(names.map((name, index) => [name, values[index]])) };
    expect(bindings(template, { known: known as Known })).toEqual({
      READONLY: { type: "Account", ...ADDRESS },
    });
    expect(Object.keys(rightsOf(template, caller(template))).toSorted()).toEqual(names.toSorted());
    // By name only: the two stacks need not be in one app, and are deployed as they come.
    expect(stack.dependencies).toEqual([]);
  });

  test("may say which types they have", () => {
    const stack = newStack();
    const others = StatefulActors.fromAttributes(stack, "Others", { ...ARNS, types: ["Account"] });
    expect(() => others.bind(newFunction(stack), { LEDGER: "Ledger" })).toThrow(
      "binding LEDGER of the type Ledger: callers/Others has no such type of its own; choose one that it has: Account",
    );
  });

  test("may be given by values that are known at deployment only", () => {
    const stack = newStack();
    const arn = (name: string) => Fn.importValue(name);
    const others = StatefulActors.fromAttributes(stack, "Others", {
      mailboxArn: arn("m"),
      delayQueueArn: arn("d"),
      replyTableArn: arn("r"),
    });
    new CfnOutput(stack, "Mailbox", { value: others.callTarget.mailboxUrl });
    const { Value } = Template.fromStack(stack).findOutputs("Mailbox").Mailbox as { Value: unknown };
    expect(deployed(Value, { ...URL_SUFFIX, m: ARNS.mailboxArn })).toBe(ADDRESS.mailbox);
  });

  test.each([
    [
      { mailboxArn: ARNS.delayQueueArn },
      `mailboxArn ${ARNS.delayQueueArn}: give an ARN such as arn:aws:sqs:`,
    ],
    [{ mailboxArn: ADDRESS.mailbox }, `mailboxArn ${ADDRESS.mailbox}: `],
    [
      { delayQueueArn: ARNS.mailboxArn },
      `delayQueueArn ${ARNS.mailboxArn}: give an ARN such as arn:aws:sqs:`,
    ],
    [
      { replyTableArn: ADDRESS.replies },
      `replyTableArn ${ADDRESS.replies}: give an ARN such as arn:aws:dynamodb:`,
    ],
    [{ replyTableArn: `${ARNS.replyTableArn}/index/x` }, "replyTableArn "],
  ])("%j is refused", (wrong, message) => {
    const attempt = () => StatefulActors.fromAttributes(newStack(), "Others", { ...ARNS, ...wrong });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
  });

  test("a stack with an impossible name is refused", () => {
    const attempt = () => StatefulActors.fromStack(newStack(), "Others", "a b");
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(/^stack a b: a stack name is [^\n]+$/);
  });
});

test("the rights of a caller name no wildcard", () => {
  const stack = newStack();
  newActors(stack).grantCall(newFunction(stack));
  const matches = Template.fromStack(stack).findResources("AWS::IAM::Policy", {
    Properties: { PolicyDocument: { Statement: Match.anyValue() } },
  });
  expect(JSON.stringify(matches)).not.toContain("*");
});
