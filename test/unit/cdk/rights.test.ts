import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { policyDocuments, rightsOf, statements } from "./policies.ts";
import { functionOf, queuesOf, type Resource, resources, tableWithKey } from "./resources.ts";
import { synthesize } from "./synthesis.ts";

const template = synthesize();
const [actorTableId] = tableWithKey(template, "actor");
const [replyTableId] = tableWithKey(template, "id");
const {
  mailbox: [mailboxId],
  delay: [delayId],
} = queuesOf(template);
const [, worker] = functionOf(template, "Worker");
const [, router] = functionOf(template, "Router");
const [, forwarder] = functionOf(template, "Forwarder");
const rights = (fn: Resource) => rightsOf(template, fn);

describe("the rights", () => {
  test("each function may do exactly this", () => {
    expect(rights(worker)).toEqual({
      [`${mailboxId}.Arn`]: [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
      ],
      [`${delayId}.Arn`]: ["sqs:SendMessage"],
      [`${actorTableId}.Arn`]: [
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ],
      [`${replyTableId}.Arn`]: ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"],
      [`${logGroupId(worker)}.Arn`]: ["logs:CreateLogStream", "logs:PutLogEvents"],
    });
    expect(rights(router)).toEqual({
      [`${mailboxId}.Arn`]: ["sqs:SendMessage"],
      [`${delayId}.Arn`]: ["sqs:SendMessage"],
      [`${replyTableId}.Arn`]: ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
      [`${logGroupId(router)}.Arn`]: ["logs:CreateLogStream", "logs:PutLogEvents"],
    });
    expect(rights(forwarder)).toEqual({
      [`${mailboxId}.Arn`]: ["sqs:SendMessage"],
      [`${delayId}.Arn`]: [
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
      ],
      [`${logGroupId(forwarder)}.Arn`]: ["logs:CreateLogStream", "logs:PutLogEvents"],
    });
  });

  // The emulators of the integration suite refuse no call for its rights: what is missing here fails on AWS only.
  test.each([
    ["worker", worker, { eventSource: ["sqs:GetQueueAttributes", "sqs:ReceiveMessage"], unused: [] }],
    [
      "forwarder",
      forwarder,
      { eventSource: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], unused: [] },
    ],
    // It reads replies and writes none.
    ["router", router, { eventSource: [], unused: ["dynamodb:PutItem"] }],
  ])(
    "the %s may send the commands of its AWS adapters, and nothing else but what its event source needs",
    (handler, fn, more) => {
      const granted = Object.values(rights(fn))
        .flat()
        .filter((action) => !action.startsWith("logs:"));
      const used = adapterActions(handler).filter((action) => !more.unused.some((each) => each === action));
      expect([...new Set(granted)].sort()).toEqual([...new Set([...used, ...more.eventSource])].sort());
    },
  );

  test("no policy in the template allows a wildcard", () => {
    const documents = policyDocuments(template.toJSON());
    const allowing = documents.flatMap(statements).filter((statement) => statement.Effect !== "Deny");
    // Three roles: who may assume them, and what they may do.
    expect(allowing.length).toBeGreaterThanOrEqual(6);
    for (const statement of allowing) {
      expect(statement).not.toHaveProperty("NotAction");
      expect(statement).not.toHaveProperty("NotResource");
      for (const action of [statement.Action].flat()) expect(action).not.toContain("*");
      // A literal star anywhere, also inside a joined ARN.
      expect(JSON.stringify(statement.Resource ?? "")).not.toContain("*");
      expect(JSON.stringify(statement.Principal ?? "")).not.toContain("*");
    }
  });

  test("no role has a managed policy", () => {
    const roles = Object.values(resources(template, "AWS::IAM::Role"));
    expect(roles).toHaveLength(3);
    for (const role of roles) expect(role.Properties.ManagedPolicyArns).toBeUndefined();
    template.resourceCountIs("AWS::IAM::ManagedPolicy", 0);
  });
});

function logGroupId(fn: Resource): string {
  return (fn.Properties.LoggingConfig as { LogGroup: { Ref: string } }).LogGroup.Ref;
}

const HANDLERS = join(import.meta.dirname, "../../../handlers");

/** The IAM actions behind the SDK commands in all that a handler imports, however far. */
function adapterActions(handler: string): string[] {
  const files = new Set([join(HANDLERS, `${handler}.ts`)]);
  // Grows while it is walked.
  for (const file of files) for (const imported of importsOf(file)) files.add(imported);
  return [...new Set([...files].flatMap(actionsIn))].sort();
}

/** The project's files that a file needs when it runs: an import of nothing but types is gone by then. */
function importsOf(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const statements = source.matchAll(/^(?:import|export) (?!type )([^;]*?)from "(\.[^"]+)";/gms);
  return [...statements]
    .filter(([, names = ""]) => !/^\{(\s*type [^,}]+,?)+\s*\}\s*$/.test(names))
    .map(([, , path = ""]) => join(dirname(file), path));
}

function actionsIn(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const service = /from "@aws-sdk\/client-(\w+)"/.exec(source)?.[1];
  const commands = [...source.matchAll(/new (\w+)Command\(/g)].map(([, command = ""]) => command);
  return commands
    .flatMap((command) => {
      if (command !== "TransactWriteItems") return [command.replace(/(?<=Message|Visibility)Batch$/, "")];
      // A transaction is allowed by its parts.
      return [...source.matchAll(/\b(Put|Update|Delete|ConditionCheck): /g)].map(([, part]) => `${part}Item`);
    })
    .map((action) => `${service}:${action}`);
}
