import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from "@aws-sdk/client-lambda";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, describe, expect, test } from "vitest";
import { describeDeployment } from "../../../../cli/doctor/describe.ts";
import { examine } from "../../../../cli/doctor/examine.ts";
import { inOrder } from "../../../../cli/doctor/finding.ts";
import { reportJson, reportText } from "../../../../cli/doctor/report.ts";
import { stackClients } from "../../../../runtime/adapters/aws/deployed/clients.ts";
import { openStateFile } from "../../../../runtime/adapters/local/state-file.ts";
import { projectFolder } from "../../project/project-folder.ts";
import { runActors } from "../run-actors.ts";
import { NOW, outputs } from "./healthy.ts";

const clients = [
  CloudFormationClient,
  CloudWatchClient,
  CloudWatchLogsClient,
  DynamoDBClient,
  LambdaClient,
  SchedulerClient,
  SQSClient,
].map((client) => mockClient(client as typeof LambdaClient));
afterEach(() => clients.forEach((client) => void client.reset()));

test("who may look at nothing learns which rights each look takes", async () => {
  const refusal = Object.assign(new Error("User is not authorized"), { name: "AccessDeniedException" });
  for (const client of clients) client.onAnyCommand().rejects(refusal);
  const description = await describeDeployment(stackClients(), {
    stack: "bank",
    outputs: new Map(Object.entries(outputs)),
    now: NOW,
    schedules: 10,
    items: 10,
    place: 0,
  });
  const { findings, untold } = inOrder(examine(description));
  expect(findings).toEqual([]);
  const text = untold.map((each) => each.untold).join("\n");
  for (const right of [
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate, cloudformation:ListStackResources",
    "cloudwatch:GetMetricData",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:Scan, dynamodb:GetItem",
    "lambda:GetAccountSettings",
    "lambda:GetFunctionConfiguration",
    "logs:DescribeLogGroups",
    "scheduler:ListSchedules, scheduler:GetSchedule",
    "sqs:GetQueueAttributes",
    "sqs:ListQueues",
  ]) {
    expect(text).toContain(`it takes the rights ${right}, and AWS answered AccessDeniedException:`);
  }
});

test("where an alias gets the batches, the version behind it is judged, and not the latest code", async () => {
  const refusal = Object.assign(new Error("no"), { name: "AccessDeniedException" });
  for (const client of clients) client.onAnyCommand().rejects(refusal);
  const arn = "arn:aws:lambda:us-east-1:000000000000:function:worker";
  const sqs = mockClient(SQSClient);
  sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { QueueArn: "arn:aws:sqs:us-east-1:0:m.fifo" } });
  const lambda = mockClient(LambdaClient);
  lambda
    .on(ListEventSourceMappingsCommand)
    .resolves({ EventSourceMappings: [{ FunctionArn: `${arn}:live` }] });
  lambda
    .on(GetFunctionConfigurationCommand, { FunctionName: "worker", Qualifier: "live" })
    .resolves({ FunctionArn: `${arn}:7`, Timeout: 77 })
    .on(GetAliasCommand, { FunctionName: "worker", Name: "live" })
    .resolves({ FunctionVersion: "7", RoutingConfig: { AdditionalVersionWeights: { 8: 0.25 } } });
  const { worker } = await describeDeployment(stackClients(), {
    stack: "bank",
    outputs: new Map(Object.entries(outputs)),
    now: NOW,
    schedules: 0,
    items: 1,
    place: 0,
  });
  expect(worker.function).toMatchObject({ seen: { name: "worker", timeoutSeconds: 77 } });
  expect(worker.alias).toEqual({
    seen: { name: "live", version: "7", other: { version: "8", share: 0.25 } },
  });
});

describe("a report", () => {
  const report = {
    of: "stack bank",
    findings: [
      {
        severity: "error" as const,
        check: "mailboxes" as const,
        of: "queue m",
        found: "a name \u001b[31m",
        rule: "r",
        fix: "f",
      },
    ],
    untold: [{ check: "tables" as const, of: "table t", untold: "x" }],
    looked: ["3 schedules"],
  };

  test("is text for people that changes no terminal", () => {
    expect(reportText(report)).toBe(
      [
        "ERROR    queue m: a name �[31m",
        "         rule  r",
        "         fix   f",
        "not told table t: x",
        "looked at 3 schedules",
        "stack bank: 1 error, 0 warnings, 0 notes; 1 not told",
      ].join("\n"),
    );
    expect(reportText({ ...report, findings: [], untold: [] })).toMatch(
      /\nstack bank: nothing is wrong that can be seen$/,
    );
  });

  test("is JSON for programs", () => {
    expect(JSON.parse(reportJson(report))).toEqual({
      ...report,
      counts: { error: 1, warning: 0, note: 0 },
    });
  });
});

describe("actors doctor of a state folder", () => {
  const state = () => {
    const dir = projectFolder({});
    mkdirSync(join(dir, "bank"));
    return { dir, file: join(dir, "bank", "state.sqlite") };
  };

  test("finds nothing wrong with one that is new", async () => {
    const { dir, file } = state();
    openStateFile(file).close();
    const { code, stdout } = await runActors(dir, "doctor", "--state", dir);
    expect(stdout).toBe(
      "looked at 0 instances; no server runs on it\nbank/state.sqlite: nothing is wrong that can be seen\n",
    );
    expect(code).toBe(0);
  });

  test("names dead letters, what waits, and alarms that are overdue", async () => {
    const { dir, file } = state();
    const { db, close } = openStateFile(file);
    db.exec(`
      INSERT INTO heads (actor, version, head, unsent, wake) VALUES ('A/1', 1, '{}', 1, 5), ('A/2', 1, '{}', 0, NULL);
      INSERT INTO messages (attempt, id, since, envelope) VALUES ('m', 'm', 1, '{}');
      INSERT INTO dead_letters (attempt, since, reason, envelope) VALUES ('d', 1, 'it crashed', '{}');
    `);
    close();
    const { code, stdout } = await runActors(dir, "doctor", "--state", dir, "--json");
    const { findings, counts } = JSON.parse(stdout);
    expect(counts).toEqual({ error: 1, warning: 0, note: 2 });
    expect(findings.map(({ found }: { found: string }) => found)).toEqual([
      expect.stringMatching(/^1 dead letter, the oldest from 1970-/),
      expect.stringMatching(/^1 alarms are overdue, the oldest by \d+ d$/),
      "1 one-way messages are not delivered, and 1 instances have messages that have not left",
    ]);
    expect(code).toBe(1);
  });

  test("finds a file that is damaged", async () => {
    const { dir, file } = state();
    const { db, close } = openStateFile(file);
    const insert = db.prepare("INSERT INTO heads (actor, version, head) VALUES (?, 1, ?)");
    for (let each = 0; each < 500; each++) insert.run(`A/${each}`, JSON.stringify({ text: "x".repeat(200) }));
    close();
    const bytes = readFileSync(file);
    bytes.fill(0x55, 5 * 4096, 9 * 4096);
    writeFileSync(file, bytes);
    const { code, stdout } = await runActors(dir, "doctor", "--state", dir);
    expect(stdout).toMatch(/^ERROR {4}bank\/state\.sqlite: the file is damaged: /);
    expect(code).toBe(1);
  });

  test.each([
    [["doctor", "bank"], "doctor takes no"],
    [["doctor", "--items", "5"], "about a deployed stack"],
    [["doctor", "--stack", "s", "--items", "0"], "from 1 to"],
    [["doctor", "--stack", "s", "--schedules", "x"], "from 0 to"],
    [["doctor", "--stack", "s", "--state", "x"], "give one of them"],
    [["doctor", "--stack", ""], "needs the name"],
  ])("refuses %j", async (args, said) => {
    const { code, stderr } = await runActors(projectFolder({}), ...args);
    expect(stderr).toContain(said);
    expect(code).toBe(1);
  });
});
