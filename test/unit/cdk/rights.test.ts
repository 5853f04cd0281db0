import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { policyDocuments, rightsOf, rightsOfRole, statements } from "./policies.ts";
import {
  functionOf,
  only,
  queuesOf,
  type Resource,
  resources,
  schedulerRoleOf,
  tableWithKey,
} from "./resources.ts";
import { synthesize } from "./synthesis.ts";

const template = synthesize();
const [actorTableId] = tableWithKey(template, "actor");
const [replyTableId] = tableWithKey(template, "id");
const {
  mailbox: [mailboxId],
  deadLetters: [deadLettersId],
  delay: [delayId],
  delayDeadLetters: [delayDeadLettersId],
} = queuesOf(template);
const [groupId] = only(template, "AWS::Scheduler::ScheduleGroup", () => true);
const [schedulerRoleId, schedulerRole] = schedulerRoleOf(template);
const [, worker] = functionOf(template, "Worker");
const [, router] = functionOf(template, "Router");
const [, forwarder] = functionOf(template, "Forwarder");
const rights = (fn: Resource) => rightsOf(template, fn);
/** Every schedule of the stack's own group, whatever its name. */
const schedules = {
  "Fn::Join": [
    "",
    [
      "arn:",
      { Ref: "AWS::Partition" },
      ":scheduler:",
      { Ref: "AWS::Region" },
      ":",
      { Ref: "AWS::AccountId" },
      ":schedule/",
      { Ref: groupId },
      "/*",
    ],
  ],
};

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
      [`${deadLettersId}.Arn`]: ["sqs:SendMessage"],
      [`${actorTableId}.Arn of index#*`]: ["dynamodb:PutItem"],
      [`${actorTableId}.Arn of */*`]: [
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ],
      [`${replyTableId}.Arn`]: ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"],
      [JSON.stringify(schedules)]: ["scheduler:CreateSchedule"],
      [`${schedulerRoleId}.Arn`]: ["iam:PassRole"],
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
    [
      "worker",
      worker,
      {
        eventSource: ["sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        // Whoever makes a schedule hands a role over.
        implied: ["iam:PassRole"],
        unused: [],
      },
    ],
    [
      "forwarder",
      forwarder,
      {
        eventSource: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        implied: [],
        unused: [],
      },
    ],
    // It reads replies and writes none.
    ["router", router, { eventSource: [], implied: [], unused: ["dynamodb:PutItem"] }],
  ])(
    "the %s may send the commands of its AWS adapters, and nothing else but what its event source needs",
    (handler, fn, more) => {
      const granted = Object.values(rights(fn))
        .flat()
        .filter((action) => !action.startsWith("logs:"));
      const used = adapterActions(handler).filter((action) => !more.unused.some((each) => each === action));
      expect([...new Set(granted)].sort()).toEqual(
        [...new Set([...used, ...more.eventSource, ...more.implied])].sort(),
      );
    },
  );

  test("the Scheduler may act for schedules of this stack's group alone, and only send to the delay line", () => {
    expect(schedulerRole.Properties.AssumeRolePolicyDocument).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { Service: "scheduler.amazonaws.com" },
          Condition: {
            StringEquals: {
              "aws:SourceAccount": { Ref: "AWS::AccountId" },
              "aws:SourceArn": { "Fn::GetAtt": [groupId, "Arn"] },
            },
          },
        },
      ],
    });
    expect(rightsOfRole(template, schedulerRoleId)).toEqual({
      [`${delayId}.Arn`]: ["sqs:SendMessage"],
      [`${delayDeadLettersId}.Arn`]: ["sqs:SendMessage"],
    });
  });

  test("the worker hands the Scheduler's role to the Scheduler alone", () => {
    const passing = policyDocuments(template.toJSON())
      .flatMap(statements)
      .filter(({ Action }) => [Action].flat().includes("iam:PassRole"));
    expect(passing).toEqual([
      {
        Effect: "Allow",
        Action: "iam:PassRole",
        Resource: { "Fn::GetAtt": [schedulerRoleId, "Arn"] },
        Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
      },
    ]);
  });

  test("no policy in the template allows a wildcard but for the names of the stack's own schedules", () => {
    const documents = policyDocuments(template.toJSON());
    const allowing = documents.flatMap(statements).filter((statement) => statement.Effect !== "Deny");
    // Four roles: who may assume them, and what they may do.
    expect(allowing.length).toBeGreaterThanOrEqual(8);
    const ownSchedules = JSON.stringify(schedules);
    for (const statement of allowing) {
      expect(statement).not.toHaveProperty("NotAction");
      expect(statement).not.toHaveProperty("NotResource");
      for (const action of [statement.Action].flat()) expect(action).not.toContain("*");
      // A literal star anywhere, also inside a joined ARN.
      const resource = JSON.stringify(statement.Resource ?? "").replace(ownSchedules, "");
      expect(resource).not.toContain("*");
      expect(JSON.stringify(statement.Principal ?? "")).not.toContain("*");
    }
  });

  test("no role has a managed policy", () => {
    const roles = Object.values(resources(template, "AWS::IAM::Role"));
    expect(roles).toHaveLength(4);
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
  const paths = [...statements]
    .filter(([, names = ""]) => !/^\{(\s*type [^,}]+,?)+\s*\}\s*$/.test(names))
    .map(([, , path = ""]) => path);
  const late = [...source.matchAll(/await import\("(\.[^"]+)"\)/g)].map(([, path = ""]) => path);
  return [...paths, ...late].map((path) => join(dirname(file), path));
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
