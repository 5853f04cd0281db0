import { join } from "node:path";
import { CloudWatchLogsClient, DeleteRetentionPolicyCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateAliasCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { CreateScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { mailboxMessage } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { encodeEnvelope } from "../../runtime/core/envelope.ts";
import { wakeEnvelope } from "../../runtime/core/wake.ts";
import { awsEnvironment, sdkOptions } from "../endpoints/aws.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";
import { run } from "../endpoints/processes.ts";
import { sqsAt } from "./event-source.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const CLI = join(CHECKOUT, "cli/actors.ts");
const HOUR_MS = 3_600_000;

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly {
    readonly severity: string;
    readonly of: string;
    readonly setting?: string;
    readonly found: string;
  }[];
  readonly untold: readonly { readonly of: string; readonly untold: string }[];
  readonly looked: readonly string[];
}

describeWith(inject("aws"), "actors doctor --stack", ({ url }) => {
  let deployment: Deployment;
  beforeAll(async () => {
    const projectDir = join(CHECKOUT, "examples/session");
    deployment = await deployProject({ endpoint: url, projectDir, stack: "patient" });
  });
  afterAll(() => deployment?.destroy());

  const doctor = async (...args: readonly string[]) => {
    const { code, output } = await run(process.execPath, [CLI, "doctor", "--stack", "patient", ...args], {
      env: awsEnvironment(url),
      timeoutMs: 300_000,
    });
    return { code, output };
  };
  const report = async (...args: readonly string[]) => {
    const { code, output } = await doctor("--json", ...args);
    return { code, ...(JSON.parse(output) as Report) };
  };
  const output = (name: string) => deployment.outputs[name] ?? "";

  test("a stack as it was deployed has nothing wrong; what an emulator forgets is said to be unknown", async () => {
    const { code, findings, untold } = await report();
    // It was deployed open to everybody.
    expect(findings).toMatchObject([{ severity: "note", check: "front door" }]);
    expect(code).toBe(0);
    for (const each of untold) expect(each.untold).toMatch(/says an endpoint that is not AWS's$/);
    expect((await doctor()).output).toMatch(/\nstack patient: 0 errors, 0 warnings, 1 note; \d+ not told\n$/);
    expect((await report("--strict")).code).toBe(untold.length > 0 ? 1 : 0);
  });

  test("each setting that was changed, and each thing that was left, is named", {
    timeout: 900_000,
  }, async () => {
    const options = sdkOptions(url);
    const sqs = sqsAt(url);
    const lambda = new LambdaClient(options);
    const dynamo = new DynamoDBClient(options);
    const scheduler = new SchedulerClient(options);
    const mailboxUrl = output("MailboxUrl");
    const mailbox = `queue ${mailboxUrl.slice(mailboxUrl.lastIndexOf("/") + 1)}`;
    const named = async (found: RegExp, of: string) => {
      const { code, findings } = await report();
      const finding = findings.find((each) => found.test(each.found));
      expect(finding, `${found} among ${findings.map((each) => each.found).join("\n")}`).toBeDefined();
      expect(finding?.of).toContain(of);
      expect(code).toBe(findings.some(({ severity }) => severity === "error") ? 1 : 0);
      return { severity: finding?.severity, findings };
    };

    // What an operator may do by hand, and what a worker that died may have left.
    const attributes = {
      VisibilityTimeout: "10",
      FifoThroughputLimit: "perQueue",
      DelaySeconds: "5",
    };
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: mailboxUrl, Attributes: attributes }));
    expect(await named(/visibility timeout is 10 s/, mailbox)).toMatchObject({ severity: "error" });
    expect(await named(/FifoThroughputLimit is perQueue/, mailbox)).toMatchObject({ severity: "error" });
    const { findings: ofQueue } = await named(/every call waits for 5 s/, mailbox);
    // The rule and the comparison with the template see the same setting: it is told once.
    expect(ofQueue.filter(({ setting }) => setting === "VisibilityTimeout")).toHaveLength(1);

    const { EventSourceMappings = [] } = await lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: output("WorkerName") }),
    );
    const UUID = EventSourceMappings[0]?.UUID ?? "";
    await lambda.send(
      new UpdateEventSourceMappingCommand({ UUID, Enabled: false, BatchSize: 5, FunctionResponseTypes: [] }),
    );
    expect(await named(/^it is Disabled/, UUID)).toMatchObject({ severity: "error" });
    expect(await named(/hands out 5 messages/, UUID)).toMatchObject({ severity: "warning" });
    expect(await named(/does not listen to which messages have failed/, UUID)).toMatchObject({
      severity: "error",
    });
    const { UUID: second } = await lambda.send(
      new CreateEventSourceMappingCommand({
        EventSourceArn: output("MailboxArn"),
        FunctionName: output("RouterName"),
        Enabled: false,
        BatchSize: 10,
      }),
    );
    onTestFinished(
      async () => void (await lambda.send(new DeleteEventSourceMappingCommand({ UUID: second }))),
    );
    expect(
      await named(new RegExp(`^${output("RouterName")} takes messages out of it`), mailbox),
    ).toMatchObject({
      severity: "error",
    });

    const id = { type: "Session", name: "lost" };
    const letter = wakeEnvelope(id, { at: Date.now(), version: 1 });
    await sqs.send(new SendMessageCommand(mailboxMessage(output("DeadLetterUrl"), letter)));
    expect(
      await named(/^about 1 dead letter, the oldest to be seen from \d{4}-/, "DeadLetters"),
    ).toMatchObject({
      severity: "error",
    });

    const shard = mailboxUrl.replace(/\.fifo$/, "-1.fifo");
    const QueueName = shard.slice(shard.lastIndexOf("/") + 1);
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: "true" } }));
    onTestFinished(async () => void (await sqs.send(new DeleteQueueCommand({ QueueUrl: shard }))));
    expect(await named(/is none of the 1 shards, and empty/, QueueName)).toMatchObject({ severity: "note" });
    await sqs.send(new SendMessageCommand(mailboxMessage(shard, letter)));
    expect(await named(/1 messages lie in it, .* nothing works it off/, QueueName)).toMatchObject({
      severity: "error",
    });

    const schedule = (Name: string, at: number, Input: string) =>
      scheduler.send(
        new CreateScheduleCommand({
          Name,
          GroupName: output("ScheduleGroup"),
          ScheduleExpression: `at(${new Date(at).toISOString().slice(0, 19)})`,
          FlexibleTimeWindow: { Mode: "OFF" },
          State: "DISABLED",
          Target: { Arn: output("DelayQueueArn"), RoleArn: "arn:aws:iam::000000000000:role/none", Input },
        }),
      );
    const later = Date.now() + 24 * HOUR_MS;
    await schedule("past", Date.now() - 48 * HOUR_MS, encodeEnvelope(letter));
    await schedule("orphan", later, encodeEnvelope(wakeEnvelope(id, { at: later, version: 7 })));
    await schedule("foreign", later + 1, "hello");
    expect(await named(/^1 should have fired more than a day ago .*: past/, "schedule group")).toMatchObject({
      severity: "warning",
    });
    expect(await named(/wake an instance that does not count on it.*orphan/, "schedule group")).toMatchObject(
      {
        severity: "note",
      },
    );
    expect(await named(/^1 hold no wake: foreign/, "schedule group")).toMatchObject({ severity: "warning" });

    const put = (name: string, entry: string, more: PutItemCommand["input"]["Item"]) =>
      dynamo.send(
        new PutItemCommand({
          TableName: output("ActorTable"),
          Item: { actor: { S: `Session/${name}` }, entry: { S: entry }, ...more },
        }),
      );
    // A busy machine takes minutes to come to the last of them.
    const since = { N: String(Date.now() - HOUR_MS) };
    const journal = "j/00000000001/abc/";
    await put("large", "head", { format: { N: "4" }, version: { N: "2" }, journal: { S: journal } });
    await put("large", `${journal}000000`, { changes: { L: [] }, since });
    await put("stray", "j/00000000001/def/000000", { changes: { L: [] }, since });
    await put("late", "head", {
      format: { N: "4" },
      version: { N: "2" },
      alarm: { M: { at: since, retries: { N: "0" } } },
    });
    expect(
      await named(/^1 large commits are not applied, the oldest from 6\d min ago: Session large/, "table"),
    ).toMatchObject({
      severity: "warning",
    });
    expect(
      await named(/^1 parts of large commits belong to none any more: Session stray/, "table"),
    ).toMatchObject({
      severity: "note",
    });
    expect(await named(/^1 alarms are overdue, the oldest by 6\d min: Session late/, "table")).toMatchObject({
      severity: "warning",
    });

    const logs = new CloudWatchLogsClient(options);
    await logs.send(new DeleteRetentionPolicyCommand({ logGroupName: output("WorkerLogs") }));
    expect(await named(/events are kept for ever/, "log of the worker")).toMatchObject({
      severity: "warning",
    });
    await lambda.send(
      new PutFunctionConcurrencyCommand({
        FunctionName: output("RouterName"),
        ReservedConcurrentExecutions: 0,
      }),
    );
    expect(await named(/reserved concurrency is 0/, "router")).toMatchObject({ severity: "error" });
    await lambda.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: output("WorkerName"),
        Timeout: 100,
        Environment: { Variables: { MAILBOX_URL: mailboxUrl, MAILBOX_SHARDS: "3" } },
      }),
    );
    // The queues invoke what the alias points to.
    const { Version } = await lambda.send(new PublishVersionCommand({ FunctionName: output("WorkerName") }));
    await lambda.send(
      new UpdateAliasCommand({ FunctionName: output("WorkerName"), Name: "live", FunctionVersion: Version }),
    );
    expect(await named(/MAILBOX_SHARDS is 3/, "worker")).toMatchObject({ severity: "error" });
    expect(await named(/Timeout is 100/, "worker")).toMatchObject({ severity: "warning" });

    const { findings, looked } = await report("--items", "2", "--schedules", "1");
    expect(looked).toEqual([
      "2 mailbox queues",
      "1 schedules, and there are more: --schedules looks at more",
      expect.stringMatching(/^2 items of the actor table, of about 4: --items looks at more/),
    ]);
    expect(findings.length).toBeGreaterThan(10);
  });
});
