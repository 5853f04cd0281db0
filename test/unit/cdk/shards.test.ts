import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { shardUrl, shardUrlOfArn } from "../../../runtime/adapters/aws/mailbox-shards.ts";
import { rightsOf } from "./policies.ts";
import { FUNCTION, functionOf, only, QUEUE, resources, variables } from "./resources.ts";
import { newFolder, synthesize } from "./synthesis.ts";

/** The mailbox queues, by name, with their ids; the first one first. */
function mailboxesOf(template: Template): [string, string][] {
  return Object.entries(resources(template, QUEUE))
    .filter(([, { Properties }]) => Properties.FifoQueue === true && Properties.RedrivePolicy !== undefined)
    .map(([id, { Properties }]) => [String(Properties.QueueName), id] as [string, string])
    .sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
}

describe("mailboxes in three queues, of which one drains", () => {
  const template = synthesize({ props: { shards: 2, drainingShards: 1 } });
  const [worker, router, forwarder] = (["Worker", "Router", "Forwarder"] as const).map(
    (handler) => functionOf(template, handler)[1],
  );
  const queues = mailboxesOf(template);
  const [first = "", second = "", third = ""] = queues.map(([, id]) => id);

  test("have the names by which senders and the worker find them", () => {
    const [name = ""] = queues.map(([each]) => each);
    expect(queues.map(([each]) => each)).toEqual([0, 1, 2].map((shard) => shardUrl(name, shard)));
    for (const [each] of queues) {
      expect(shardUrlOfArn(`https://sqs/${name}`, `arn:aws:sqs:us-east-1:1:${each}`)).toBe(
        `https://sqs/${each}`,
      );
    }
  });

  test("the first one is that of a stack without shards: turning them on replaces nothing", () => {
    expect(mailboxesOf(synthesize())).toEqual(queues.slice(0, 1));
  });

  test("are alike, and share their dead letters", () => {
    const [one, ...others] = [first, second, third].map((id) => {
      const { QueueName: _, ...properties } = resources(template, QUEUE)[id]?.Properties ?? {};
      return properties;
    });
    expect(others).toEqual([one, one]);
  });

  test("all are worked off, each by an event source of its own", () => {
    const sources = Object.values(resources(template, "AWS::Lambda::EventSourceMapping")).map(
      ({ Properties }) => Properties,
    );
    const ofMailboxes = sources.filter(({ EventSourceArn }) =>
      [first, second, third].some((id) => JSON.stringify(EventSourceArn).includes(`"${id}"`)),
    );
    expect(ofMailboxes.length).toBe(3);
    for (const { BatchSize, FunctionResponseTypes } of ofMailboxes) {
      expect([BatchSize, FunctionResponseTypes]).toEqual([10, ["ReportBatchItemFailures"]]);
    }
    for (const id of [first, second, third]) {
      expect(rightsOf(template, worker as never)[`${id}.Arn`]).toContain("sqs:DeleteMessage");
    }
  });

  test("two of them are sent to: senders know how many, and have no right to the one that drains", () => {
    for (const fn of [worker, router, forwarder]) {
      expect(variables(fn as never)).toMatchObject({ MAILBOX_URL: { Ref: first }, MAILBOX_SHARDS: "2" });
    }
    for (const fn of [router, forwarder]) {
      const rights = rightsOf(template, fn as never);
      expect([first, second, third].map((id) => rights[`${id}.Arn`])).toEqual([
        ["sqs:SendMessage"],
        ["sqs:SendMessage"],
        undefined,
      ]);
    }
    const ofWorker = rightsOf(template, worker as never);
    const sends = (id: string) => ofWorker[`${id}.Arn`]?.includes("sqs:SendMessage");
    expect([first, second, third].map(sends)).toEqual([true, true, false]);
  });

  test("are told to operators", () => {
    template.hasOutput("MailboxUrl", { Value: { Ref: first } });
    template.hasOutput("MailboxShards", { Value: "2" });
  });
});

test("without shards nothing speaks of them", () => {
  for (const handler of ["Worker", "Router", "Forwarder"] as const) {
    expect(variables(functionOf(synthesize(), handler)[1])).not.toHaveProperty("MAILBOX_SHARDS");
  }
});

test("a stack whose name leaves no room for the names of shards is refused, and not without shards", () => {
  const stackName = `s${"x".repeat(90)}`;
  expect(() => synthesize({ stackName, props: { shards: 2 } })).toThrow(ConfigurationError);
  expect(() => synthesize({ stackName, props: { shards: 2 } })).toThrow(
    /would have 82 characters, .*80: choose a shorter name for the stack/,
  );
  expect(() => synthesize({ stackName })).not.toThrow();
});

describe("a function that calls actors of another stack", () => {
  const ARNS = {
    mailboxArn: "arn:aws:sqs:eu-central-1:123456789012:bank-Envelopes-12ab34cd.fifo",
    delayQueueArn: "arn:aws:sqs:eu-central-1:123456789012:bank-Delayed",
    replyTableArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/bank-Replies",
  };

  function bound(make: (stack: Stack) => ReturnType<typeof StatefulActors.fromStack>) {
    const stack = new Stack(new App({ outdir: newFolder() }), "callers");
    const fn = new LambdaFunction(stack, "Report", {
      runtime: Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: Code.fromInline("exports.handler = async () => {};"),
      description: "Report",
    });
    make(stack).bind(fn, { BANK: "Account" });
    const template = Template.fromStack(stack);
    const [, resource] = only(template, FUNCTION, ({ Description }) => Description === "Report");
    return {
      bindings: JSON.stringify(variables(resource).ACTOR_BINDINGS),
      rights: rightsOf(template, resource),
    };
  }

  test("sends to each of its shards", () => {
    const { bindings, rights } = bound((stack) =>
      StatefulActors.fromAttributes(stack, "Bank", { ...ARNS, shards: 3 }),
    );
    expect(bindings).toContain('\\"shards\\":\\"3\\"');
    const senders = Object.entries(rights).filter(([, actions]) => actions.includes("sqs:SendMessage"));
    const all = JSON.stringify(senders);
    for (const name of ["12ab34cd.fifo", "-1.fifo", "-2.fifo", "bank-Delayed"]) expect(all).toContain(name);
    expect(all).not.toContain("-3.fifo");
  });

  test("is told how many the owner has, as its exports can't change while they are in use", () => {
    const { bindings } = bound((stack) => StatefulActors.fromStack(stack, "Bank", "bank", { shards: 2 }));
    expect(bindings).toContain('\\"shards\\":\\"2\\"');
    expect(bound((stack) => StatefulActors.fromStack(stack, "Bank", "bank")).bindings).not.toContain(
      "shards",
    );
  });

  test("is refused for a count that can't be", () => {
    expect(() => bound((stack) => StatefulActors.fromStack(stack, "Bank", "bank", { shards: 0 }))).toThrow(
      /^shards 0: .*from 1 to 32$/,
    );
  });
});
