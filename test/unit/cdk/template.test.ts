import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import type { StatefulActorsProps } from "../../../cdk/stateful-actors.ts";
import {
  FUNCTION,
  functionOf,
  only,
  QUEUE,
  qualified,
  queuesOf,
  type Resource,
  resources,
  schedulerRoleOf,
  tableWithKey,
  variables,
  withoutDigests,
} from "./resources.ts";
import { synthesize, synthesizeConstructs, writeProject } from "./synthesis.ts";

const SOURCE = "AWS::Lambda::EventSourceMapping";

const template = synthesize();
const [actorTableId, actorTable] = tableWithKey(template, "actor");
const [replyTableId, replyTable] = tableWithKey(template, "id");
const queues = queuesOf(template);
const [deadLettersId, deadLetters] = queues.deadLetters;
const [mailboxId, mailbox] = queues.mailbox;
const [delayDeadLettersId, delayDeadLetters] = queues.delayDeadLetters;
const [delayId, delay] = queues.delay;
const [groupId, group] = only(template, "AWS::Scheduler::ScheduleGroup", () => true);
const [schedulerRoleId] = schedulerRoleOf(template);
const [workerId, worker] = functionOf(template, "Worker");
const [aliasId] = only(template, "AWS::Lambda::Alias", () => true);
const [routerId, router] = functionOf(template, "Router");
const [forwarderId, forwarder] = functionOf(template, "Forwarder");

describe("the mailbox", () => {
  test("is FIFO, and so is its dead-letter queue, with a name that says so", () => {
    for (const queue of [mailbox, deadLetters]) {
      expect(queue.Properties.FifoQueue).toBe(true);
      expect(queue.Properties.QueueName).toMatch(/^[A-Za-z0-9_-]{1,75}\.fifo$/);
    }
    expect(mailbox.Properties.QueueName).not.toBe(deadLetters.Properties.QueueName);
  });

  test("counts deduplication and throughput for each instance", () => {
    expect(mailbox.Properties).toMatchObject({
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
      ContentBasedDeduplication: false,
    });
  });

  test("gives an envelope up after 12 receives, to a queue that keeps it longer than the mailbox does", () => {
    expect(mailbox.Properties.RedrivePolicy).toEqual({
      deadLetterTargetArn: { "Fn::GetAtt": [deadLettersId, "Arn"] },
      maxReceiveCount: 30,
    });
    expect(deadLetters.Properties.MessageRetentionPeriod).toBe(14 * 86_400);
    expect(mailbox.Properties.MessageRetentionPeriod).toBe(4 * 86_400);
  });

  test("keeps a batch invisible longer than a worker can run", () => {
    for (const seconds of [40, 60, 900]) {
      const synthesized = synthesize({ props: { workerTimeout: Duration.seconds(seconds) } });
      const [, queue] = queuesOf(synthesized).mailbox;
      const [, fn] = functionOf(synthesized, "Worker");
      expect(fn.Properties.Timeout).toBe(seconds);
      expect(queue.Properties.VisibilityTimeout).toBeGreaterThan(seconds);
      expect(variables(fn).LEASE_SECONDS).toBe(String(queue.Properties.VisibilityTimeout));
    }
  });
});

describe("the delay line", () => {
  test("is a standard queue, as a FIFO queue delays no single message, with a standard dead-letter queue", () => {
    for (const queue of [delay, delayDeadLetters]) {
      expect(queue.Properties).not.toHaveProperty("FifoQueue");
      // Each message brings its own.
      expect(queue.Properties).not.toHaveProperty("DelaySeconds");
    }
  });

  test("gives a message up after 100 receives, to a queue that keeps it longer", () => {
    expect(delay.Properties.RedrivePolicy).toEqual({
      deadLetterTargetArn: { "Fn::GetAtt": [delayDeadLettersId, "Arn"] },
      maxReceiveCount: 100,
    });
    expect(delayDeadLetters.Properties.MessageRetentionPeriod).toBe(14 * 86_400);
    expect(delay.Properties.MessageRetentionPeriod).toBe(4 * 86_400);
  });

  test("tries a message again after a minute, when the forwarder has surely ended", () => {
    expect(delay.Properties.VisibilityTimeout).toBe(60);
    expect(forwarder.Properties.Timeout).toBe(30);
  });

  test("has a small forwarder that knows the two queues and nothing of the project", () => {
    const project = writeProject({ manifest: '[env_vars]\nCURRENCY = "EUR"\n' });
    const [, fn] = functionOf(synthesize({ props: { project } }), "Forwarder");
    expect(variables(fn)).toEqual({
      ACTORS_STACK: "bank",
      MAILBOX_URL: { Ref: mailboxId },
      DELAY_URL: { Ref: delayId },
    });
    expect(fn.Properties.MemorySize).toBe(256);
  });
});

describe("the schedules", () => {
  test("have a group of the stack's own, which goes with it and all that would still fire", () => {
    expect(group.DeletionPolicy ?? "Delete").toBe("Delete");
    expect(group.Properties.Name).toMatch(/^bank-Schedules-[0-9a-f]{8}$/);
    const names = [synthesize({ stackName: "b".repeat(100) }), synthesizeConstructs(["One", "Two"])]
      .flatMap((each) => Object.values(resources(each, "AWS::Scheduler::ScheduleGroup")))
      .map(({ Properties }) => String(Properties.Name));
    expect(new Set(names).size).toBe(3);
    // What the Scheduler takes.
    for (const name of names) expect(name).toMatch(/^[0-9A-Za-z_.-]{1,64}$/);
  });
});

test("every queue is encrypted at rest, and in transit by a policy", () => {
  const ids = [mailboxId, deadLettersId, delayId, delayDeadLettersId];
  expect(Object.keys(resources(template, QUEUE)).sort()).toEqual(ids.toSorted());
  for (const [id, queue] of Object.entries(resources(template, QUEUE))) {
    expect(queue.Properties.SqsManagedSseEnabled).toBe(true);
    template.hasResourceProperties("AWS::SQS::QueuePolicy", {
      Queues: [{ Ref: id }],
      PolicyDocument: {
        Statement: [
          Match.objectLike({
            Effect: "Deny",
            Principal: { AWS: "*" },
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          }),
        ],
      },
    });
  }
});

describe("the tables", () => {
  test("have the keys of the Store and are billed on demand", () => {
    expect(actorTable.Properties).toMatchObject({
      KeySchema: [
        { AttributeName: "actor", KeyType: "HASH" },
        { AttributeName: "entry", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "actor", AttributeType: "S" },
        { AttributeName: "entry", AttributeType: "S" },
      ],
      BillingMode: "PAY_PER_REQUEST",
    });
    expect(replyTable.Properties).toMatchObject({
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    });
  });

  test("let replies expire and never state", () => {
    expect(replyTable.Properties.TimeToLiveSpecification).toEqual({
      AttributeName: "expires",
      Enabled: true,
    });
    expect(actorTable.Properties.TimeToLiveSpecification).toBeUndefined();
  });

  // DynamoDB encrypts every table with a key of its own and can't be told not to. A specification could only be
  // weaker by looking like a choice: `SSEEnabled: false` is that same key.
  test("are encrypted at rest", () => {
    for (const table of [actorTable, replyTable]) {
      expect(table.Properties).not.toMatchObject({ SSESpecification: { SSEEnabled: false } });
    }
  });

  // CloudFormation replaces a table whose logical id changes: the new one is empty.
  test("keep their logical ids", () => {
    expect({ actorTableId, replyTableId }).toMatchInlineSnapshot(`
      {
        "actorTableId": "ActorsActorTable8D6B08C6",
        "replyTableId": "ActorsReplyTable800F5E4E",
      }
    `);
  });
});

describe("what goes with the stack", () => {
  test.each([
    ["by default", {}],
    ["with retain", { removalPolicy: RemovalPolicy.RETAIN }],
  ])("%s: the state stays and can be restored to a point in time", (_, props) => {
    const synthesized = synthesize({ props });
    const [id, table] = tableWithKey(synthesized, "actor");
    expect(table).toMatchObject({ DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain" });
    expect(table.Properties).toMatchObject({
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 35 },
      DeletionProtectionEnabled: true,
    });
    expect(survivors(synthesized)).toEqual([id]);
  });

  test("with destroy: nothing stays but the last backup that DynamoDB makes of a table with recovery", () => {
    const synthesized = synthesize({ props: { removalPolicy: RemovalPolicy.DESTROY } });
    expect(survivors(synthesized)).toEqual([]);
    expect(tableWithKey(synthesized, "actor")[1]).toMatchObject({
      DeletionPolicy: "Delete",
      UpdateReplacePolicy: "Delete",
      Properties: {
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: false,
      },
    });
  });

  // A log group that Lambda makes by itself belongs to no stack and is never deleted.
  test("every function writes to a log group of the stack, kept for a month or as told", () => {
    for (const [props, days] of [
      [{}, 30],
      [{ logRetention: RetentionDays.ONE_WEEK }, 7],
    ] as const) {
      const synthesized = synthesize({ props });
      const groups = synthesized.findResources("AWS::Logs::LogGroup");
      for (const fn of Object.values(resources(synthesized, FUNCTION))) {
        const { LogGroup: group } = fn.Properties.LoggingConfig as { LogGroup: { Ref: string } };
        // Lambda's own three lines an invocation would cost as much as the invocation.
        expect(fn.Properties.LoggingConfig).toMatchObject({ LogFormat: "JSON", SystemLogLevel: "WARN" });
        expect(groups[group.Ref]).toMatchObject({
          DeletionPolicy: "Delete",
          Properties: { RetentionInDays: days },
        });
      }
      // And the access log.
      expect(Object.keys(groups)).toHaveLength(4);
    }
  });
});

describe("the functions", () => {
  test("run on Node 24", () => {
    for (const fn of [worker, router, forwarder]) {
      expect(fn.Properties).toMatchObject({
        Runtime: "nodejs24.x",
        Architectures: ["arm64"],
        Handler: "index.handler",
      });
    }
    expect(router.Properties.Timeout).toBe(30);
  });

  test("are not stopped as a loop when actors call actors", () => {
    for (const fn of [worker, router, forwarder]) expect(fn.Properties.RecursiveLoop).toBe("Allow");
  });

  test("reserve no concurrency, which would burn the receive counts of waiting envelopes", () => {
    for (const fn of [worker, router, forwarder]) {
      expect(fn.Properties.ReservedConcurrentExecutions).toBeUndefined();
    }
  });

  test("have code of their own", () => {
    const code = [worker, router, forwarder].map(({ Properties }) => JSON.stringify(Properties.Code));
    expect(new Set(code).size).toBe(3);
  });

  test("know their tables, queues and times, and the router not the state", () => {
    const shared = {
      REPLY_TABLE: { Ref: replyTableId },
      MAILBOX_URL: { Ref: mailboxId },
      DELAY_URL: { Ref: delayId },
      REPLY_RETENTION_SECONDS: "86400",
      ACTORS_STACK: "bank",
    };
    expect(variables(router)).toEqual(shared);
    expect(variables(worker)).toEqual({
      ...shared,
      ACTOR_TABLE: { Ref: actorTableId },
      DEAD_LETTER_URL: { Ref: deadLettersId },
      LEASE_SECONDS: "390",
      ALARM_BUDGET_SECONDS: "300",
      SCHEDULE_GROUP: { Ref: groupId },
      SCHEDULE_ROLE_ARN: { "Fn::GetAtt": [schedulerRoleId, "Arn"] },
      DELAY_QUEUE_ARN: { "Fn::GetAtt": [delayId, "Arn"] },
      DELAY_DEAD_LETTER_ARN: { "Fn::GetAtt": [delayDeadLettersId, "Arn"] },
    });
    expect(worker.Properties.Timeout).toBe(360);
  });

  test("get the project's variables", () => {
    const project = writeProject({ manifest: '[env_vars]\nCURRENCY = "EUR"\n' });
    const synthesized = synthesize({ props: { project } });
    for (const handler of ["Worker", "Router"] as const) {
      expect(variables(functionOf(synthesized, handler)[1]).CURRENCY).toBe("EUR");
    }
  });

  test.each([
    ...Object.keys(variables(worker)),
    ...["ACTOR_OWNERS", "EXPOSE_STACKS", "HTTP_CALLS", "MAX_BODY_BYTES"],
  ])("refuse a project variable that hides %s", (name) => {
    const project = writeProject({ manifest: `[env_vars]\n${name} = "mine"\n` });
    const attempt = () => synthesize({ props: { project } });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(new RegExp(`^\\[env_vars\\] ${name}: [^\\n]*choose another name$`));
  });

  test("show stacks to callers, and take or refuse calls over HTTP, only when told", () => {
    const switches = (props: Partial<StatefulActorsProps>) => {
      const synthesized = synthesize({ props });
      return (["Worker", "Router", "Forwarder"] as const).map((handler) => {
        const { EXPOSE_STACKS, HTTP_CALLS } = variables(functionOf(synthesized, handler)[1]);
        return [EXPOSE_STACKS, HTTP_CALLS];
      });
    };
    const unset = [undefined, undefined];
    expect(switches({})).toEqual([unset, unset, unset]);
    expect(switches({ exposeStacks: false })).toEqual([unset, unset, unset]);
    expect(switches({ exposeStacks: true })).toEqual([["1", undefined], ["1", undefined], unset]);
    expect(switches({ httpCalls: true })).toEqual([unset, [undefined, "1"], unset]);
    expect(switches({ httpCalls: false })).toEqual([unset, [undefined, "0"], unset]);
  });

  test.each([
    ["worker", qualified(aliasId, "live"), "mailbox", mailboxId, {}],
    // What fell due in an outage comes spread out.
    [
      "forwarder",
      { Ref: forwarderId },
      "delay queue",
      delayId,
      { ScalingConfig: { MaximumConcurrency: 20 } },
    ],
  ])(
    "the %s takes batches of ten from the %3$s at once and reports what is unfinished",
    (_, fn, __, queue, more) => {
      const sources = Object.values(resources(template, SOURCE));
      expect(sources).toHaveLength(2);
      expect(sources.map(({ Properties }) => Properties)).toContainEqual({
        FunctionName: fn,
        EventSourceArn: { "Fn::GetAtt": [queue, "Arn"] },
        BatchSize: 10,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        ...more,
      });
    },
  );
});

describe("the front door", () => {
  test("gives every request to the router, in payload format 2.0", () => {
    template.hasResourceProperties("AWS::ApiGatewayV2::Api", { ProtocolType: "HTTP" });
    template.resourcePropertiesCountIs("AWS::ApiGatewayV2::Route", { RouteKey: "$default" }, 1);
    template.resourceCountIs("AWS::ApiGatewayV2::Route", 1);
    template.hasResourceProperties("AWS::ApiGatewayV2::Integration", {
      IntegrationType: "AWS_PROXY",
      IntegrationUri: { "Fn::GetAtt": [routerId, "Arn"] },
      PayloadFormatVersion: "2.0",
    });
  });

  test("only this API may invoke the router, and nothing the others", () => {
    template.resourceCountIs("AWS::Lambda::Permission", 1);
    template.hasResourceProperties("AWS::Lambda::Permission", {
      FunctionName: { "Fn::GetAtt": [routerId, "Arn"] },
      Principal: "apigateway.amazonaws.com",
      SourceArn: Match.anyValue(),
    });
  });
});

describe("the template", () => {
  test("has the outputs that tests and operators read", () => {
    expect(Object.keys(template.findOutputs("*")).sort()).toEqual([
      "AccessLogs",
      "ActorTable",
      "Auth",
      "DeadLetterUrl",
      "DelayDeadLetterUrl",
      "DelayQueueArn",
      "DelayUrl",
      "ForwarderLogs",
      "MailboxArn",
      "MailboxShards",
      "MailboxUrl",
      "ReplyTable",
      "ReplyTableArn",
      "RouterLogs",
      "RouterName",
      "ScheduleGroup",
      "Types",
      "Url",
      "WorkerLogs",
      "WorkerName",
    ]);
    template.hasOutput("ActorTable", { Value: { Ref: actorTableId } });
    template.hasOutput("ReplyTable", { Value: { Ref: replyTableId } });
    template.hasOutput("MailboxUrl", { Value: { Ref: mailboxId } });
    template.hasOutput("MailboxShards", { Value: "1" });
    template.hasOutput("DeadLetterUrl", { Value: { Ref: deadLettersId } });
    template.hasOutput("DelayUrl", { Value: { Ref: delayId } });
    template.hasOutput("DelayDeadLetterUrl", { Value: { Ref: delayDeadLettersId } });
    template.hasOutput("ScheduleGroup", { Value: { Ref: groupId } });
    template.hasOutput("WorkerName", { Value: { Ref: workerId } });
    template.hasOutput("RouterName", { Value: { Ref: routerId } });
    for (const [name, fn] of Object.entries({ Worker: worker, Router: router, Forwarder: forwarder })) {
      const { LogGroup: group } = fn.Properties.LoggingConfig as { LogGroup: object };
      template.hasOutput(`${name}Logs`, { Value: group });
    }
    template.hasOutput("Types", { Value: "Account" });
  });

  test("exports what callers in other stacks need, and nothing else", () => {
    const exports = Object.values(template.findOutputs("*"))
      .filter(({ Export }) => Export)
      .map(({ Export, Value }) => [Export.Name, Value]);
    expect(Object.fromEntries(exports)).toEqual({
      "bank-MailboxArn": { "Fn::GetAtt": [mailboxId, "Arn"] },
      "bank-DelayQueueArn": { "Fn::GetAtt": [delayId, "Arn"] },
      "bank-ReplyTableArn": { "Fn::GetAtt": [replyTableId, "Arn"] },
    });
  });

  test("is the same at every synthesis of the same code", () => {
    expect(synthesize().toJSON()).toEqual(template.toJSON());
  });

  test("does not depend on the feature flags of the user's own CDK app", async () => {
    const { context } = (await import("../../../cdk.json", { with: { type: "json" } })).default;
    // But for the ids of published versions: another flag publishes the same code once more.
    const versionless = (from: Template) => withoutDigests(JSON.stringify(from.toJSON()));
    expect(versionless(synthesize({ context }))).toEqual(versionless(template));
  });

  test("names its FIFO queues, which CloudFormation can't name everywhere, apart from those of another stack and of another construct", () => {
    const names = [synthesize(), synthesize({ stackName: "bank-2" }), synthesizeConstructs(["One", "Two"])]
      .flatMap((synthesized) => Object.values(resources(synthesized, QUEUE)))
      .filter((queue) => queue.Properties.FifoQueue)
      .map((queue) => queue.Properties.QueueName);
    expect(names).toHaveLength(8);
    expect(new Set(names).size).toBe(8);
  });

  test("holds two constructs that share nothing", () => {
    const one = Object.keys(synthesizeConstructs(["One"]).toJSON().Resources);
    const two = Object.keys(synthesizeConstructs(["Two"]).toJSON().Resources);
    const both = synthesizeConstructs(["One", "Two"]).toJSON().Resources as Record<string, unknown>;
    expect(Object.keys(both).sort()).toEqual([...one, ...two].sort());
    for (const id of one) {
      for (const other of two) expect(JSON.stringify(both[id])).not.toContain(`"${other}"`);
    }
  });
});

function survivors(from: Template): string[] {
  const all = Object.entries(from.toJSON().Resources as Record<string, Resource>);
  return all.filter(([, { DeletionPolicy = "Delete" }]) => DeletionPolicy !== "Delete").map(([id]) => id);
}
