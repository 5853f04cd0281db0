import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FUNCTION, isWorker, only, QUEUE, type Resource, resources, tableWithKey } from "./resources.ts";
import { synthesize } from "./synthesis.ts";

const template = synthesize();
const [actorTableId] = tableWithKey(template, "actor");
const [replyTableId] = tableWithKey(template, "id");
const [mailboxId] = only(template, QUEUE, (queue) => queue.RedrivePolicy !== undefined);
const [, worker] = only(template, FUNCTION, isWorker);
const [, router] = only(template, FUNCTION, (properties) => !isWorker(properties));

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
      [`${replyTableId}.Arn`]: ["dynamodb:GetItem"],
      [`${logGroupId(router)}.Arn`]: ["logs:CreateLogStream", "logs:PutLogEvents"],
    });
  });

  // The emulators of the integration suite refuse no call for its rights: what is missing here fails on AWS only.
  test("the worker may send the commands of the AWS adapters, and nothing else but what its event source needs", () => {
    const forEventSource = ["sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
    const granted = Object.values(rights(worker)).flat();
    const onData = new Set(granted.filter((action) => !action.startsWith("logs:")));
    expect([...onData].sort()).toEqual([...new Set([...adapterActions(), ...forEventSource])].sort());
  });

  test("no policy in the template allows a wildcard", () => {
    const documents = policyDocuments(template.toJSON());
    const allowing = documents.flatMap(statements).filter((statement) => statement.Effect !== "Deny");
    // Two roles: who may assume them, and what they may do.
    expect(allowing.length).toBeGreaterThanOrEqual(4);
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
    expect(roles).toHaveLength(2);
    for (const role of roles) expect(role.Properties.ManagedPolicyArns).toBeUndefined();
    template.resourceCountIs("AWS::IAM::ManagedPolicy", 0);
  });
});

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource?: { "Fn::GetAtt": [string, string] };
  readonly Principal?: unknown;
}

interface PolicyDocument {
  readonly Statement: Statement | Statement[];
}

const statements = (document: PolicyDocument): Statement[] => [document.Statement].flat();

/** Every policy document in a template, wherever it hangs. */
function policyDocuments(node: unknown): PolicyDocument[] {
  if (typeof node !== "object" || node === null) return [];
  const here = "Statement" in node ? [node as PolicyDocument] : [];
  return [...here, ...Object.values(node).flatMap(policyDocuments)];
}

function logGroupId(fn: Resource): string {
  return (fn.Properties.LoggingConfig as { LogGroup: { Ref: string } }).LogGroup.Ref;
}

/** What a function may do, by resource: all policies of its role together. */
function rights(fn: Resource): Record<string, string[]> {
  const [roleId] = (fn.Properties.Role as { "Fn::GetAtt": [string, string] })["Fn::GetAtt"];
  const role = resources(template, "AWS::IAM::Role")[roleId];
  const inline = policyDocuments(role?.Properties.Policies);
  const attached = Object.values(resources(template, "AWS::IAM::Policy"))
    .filter((policy) => JSON.stringify(policy.Properties.Roles).includes(`"${roleId}"`))
    .flatMap((policy) => policyDocuments(policy.Properties));
  const found: Record<string, string[]> = {};
  for (const { Action: action, Resource: resource } of [...inline, ...attached].flatMap(statements)) {
    const key = resource?.["Fn::GetAtt"]?.join(".") ?? JSON.stringify(resource);
    found[key] = [...(found[key] ?? []), action].flat().sort();
  }
  return found;
}

/** The IAM actions behind the SDK commands in the sources of the AWS adapters. */
function adapterActions(): string[] {
  const folder = join(import.meta.dirname, "../../../runtime/adapters/aws");
  return readdirSync(folder).flatMap((file) => {
    const source = readFileSync(join(folder, file), "utf8");
    const service = /from "@aws-sdk\/client-(\w+)"/.exec(source)?.[1];
    const commands = [...source.matchAll(/new (\w+)Command\(/g)].map(([, command = ""]) => command);
    return commands
      .flatMap((command) => {
        if (command !== "TransactWriteItems") return [command.replace(/(?<=Message|Visibility)Batch$/, "")];
        // A transaction is allowed by its parts.
        return [...source.matchAll(/\b(Put|Update|Delete|ConditionCheck): /g)].map(
          ([, part]) => `${part}Item`,
        );
      })
      .map((action) => `${service}:${action}`);
  });
}
