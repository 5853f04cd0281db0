import { randomUUID } from "node:crypto";
import type { DynamoDBClient, GetItemCommandInput, PutItemCommandInput } from "@aws-sdk/client-dynamodb";
import { App, Stack } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import { describe, expect, test } from "vitest";
import { createStash } from "../../../runtime/adapters/aws/dynamo-stash.ts";
import { randomIds } from "../../../runtime/adapters/system/ids.ts";
import { VirtualClock } from "../../../runtime/adapters/virtual/virtual-clock.ts";
import { simulateAlarms } from "../../simulation/alarms/simulation.ts";
import { simulateCalls } from "../../simulation/calls/simulation.ts";
import { DEAD_LETTER_URL, DELAY_URL, MAILBOX_URL, type SentRequest } from "../../simulation/cloud.ts";
import { accessOf, type Names } from "./access.ts";
import { ACCOUNT, knownOf, REGION, roleOf, statementsOf } from "./deployed-stack.ts";
import { type AccessRequest, isAllowed, type Statement } from "./iam.ts";
import { functionOf, only, queuesOf, type Resource, schedulerRoleOf, tableWithKey } from "./resources.ts";
import { synthesize } from "./synthesis.ts";

/** So many of each programme show every request that there is. */
const SEEDS = 40;

const template = synthesize();
const known = knownOf(template);
const at = (name: string): string => known[name] ?? `<${name}>`;
const queues = queuesOf(template);
const queue = Object.fromEntries(
  Object.entries(queues).map(([name, [id]]) => [name, at(`${id}.Arn`)]),
) as Record<keyof typeof queues, string>;
const actorTable = at(`${tableWithKey(template, "actor")[0]}.Arn`);
const replyTable = at(`${tableWithKey(template, "id")[0]}.Arn`);
const [groupId] = only(template, "AWS::Scheduler::ScheduleGroup", () => true);
const schedules = `arn:aws:scheduler:${REGION}:${ACCOUNT}:schedule/${groupId}/`;
const [schedulerRoleId] = schedulerRoleOf(template);

/** What the simulation calls them. */
const NAMES: Names = {
  tables: { actors: actorTable, replies: replyTable },
  queues: {
    [MAILBOX_URL]: queue.mailbox,
    [DELAY_URL]: queue.delay,
    [DEAD_LETTER_URL]: queue.deadLetters,
  },
  scheduleGroups: { schedules },
  roles: { role: at(`${schedulerRoleId}.Arn`) },
};

const [, worker] = functionOf(template, "Worker");
const [, router] = functionOf(template, "Router");
const [, forwarder] = functionOf(template, "Forwarder");
const STATEMENTS = {
  worker: statementsOf(template, roleOf(worker)),
  router: statementsOf(template, roleOf(router)),
  forwarder: statementsOf(template, roleOf(forwarder)),
  scheduler: statementsOf(template, schedulerRoleId),
};
type RoleName = keyof typeof STATEMENTS;
const HANDLERS = { worker: "Worker", router: "Router", forwarder: "Forwarder" } as const;

function usesOfKey(action: string): [use: string, service: string][] {
  if (action === "sqs:SendMessage") {
    return [
      ["kms:GenerateDataKey", "sqs"],
      ["kms:Decrypt", "sqs"],
    ];
  }
  if (action === "sqs:ReceiveMessage") return [["kms:Decrypt", "sqs"]];
  return action.startsWith("dynamodb:") ? [["kms:Decrypt", "dynamodb"]] : [];
}

/** What Lambda does in a function's role. */
const ofLambda = (fn: Resource, source?: string): AccessRequest[] => {
  const { Ref: group } = (fn.Properties.LoggingConfig as { LogGroup: { Ref: string } }).LogGroup;
  const stream = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${group}:log-stream:2030/01/01/[1]0a`;
  const polling = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
  return [
    ...["logs:CreateLogStream", "logs:PutLogEvents"].map((action) => ({ action, resource: stream })),
    ...(source === undefined ? [] : polling.map((action) => ({ action, resource: source }))),
  ];
};

/** Every request that the code makes, by the role in which it makes it. */
const needed: Record<RoleName, readonly AccessRequest[]> = await neededAccess();

describe("the roles of a stack", () => {
  test.each(Object.keys(STATEMENTS) as RoleName[])(
    "%s: every request that the code makes is allowed",
    (role) => {
      expect(needed[role].filter((request) => !isAllowed(STATEMENTS[role], request))).toEqual([]);
    },
  );

  test.each(Object.keys(STATEMENTS) as RoleName[])(
    "%s: without any one of its rights, one of them is refused",
    (role) => {
      const superfluous = withoutOne(STATEMENTS[role])
        .filter(({ left }) => needed[role].every((request) => isAllowed(left, request)))
        .map(({ taken }) => taken);
      expect(superfluous).toEqual([]);
    },
  );

  // Nothing but AWS asks for a key: what it asks for follows from the requests, as its documentation has it.
  test.each(Object.keys(STATEMENTS) as RoleName[])(
    "%s: with a key of one's own, all that follows for it is allowed",
    (role) => {
      const key = `arn:aws:kms:${REGION}:${ACCOUNT}:key/own`;
      const encrypted = synthesize({
        props: { encryptionKey: Key.fromKeyArn(new Stack(new App(), "keys"), "Key", key) },
      });
      const roleId =
        role === "scheduler"
          ? schedulerRoleOf(encrypted)[0]
          : roleOf(functionOf(encrypted, HANDLERS[role])[1]);
      const following = needed[role].flatMap(({ action }) =>
        usesOfKey(action).map(([use, service]) => ({
          action: use,
          resource: key,
          context: { "kms:ViaService": `${service}.${REGION}.amazonaws.com` },
        })),
      );
      expect(following.length).toBeGreaterThan(0);
      const statements = statementsOf(encrypted, roleId);
      expect(following.filter((request) => !isAllowed(statements, request))).toEqual([]);
      expect(following.filter((request) => isAllowed(STATEMENTS[role], request))).toEqual([]);
    },
  );

  test("fit into a role, whose policies take 10,240 characters, also with 32 mailbox queues of long names and two keys", () => {
    const keys = ["one", "two"].map((key) =>
      Key.fromKeyArn(
        new Stack(new App(), key),
        "Key",
        `arn:aws:kms:${REGION}:${ACCOUNT}:key/${randomUUID()}`,
      ),
    );
    const sharded = synthesize({ props: { shards: 32, otherEncryptionKeys: keys } });
    const statements = statementsOf(sharded, roleOf(functionOf(sharded, "Worker")[1]));
    const longNames = JSON.stringify(statements).replaceAll(/(?<=:sqs:[^"]+:)[^":]+(?=")/g, "n".repeat(80));
    expect(longNames).toContain(`:${"n".repeat(80)}"`);
    expect(longNames.length).toBeLessThan(10_000);
  });

  test("what the simulation shows is all that there is to see", () => {
    expect(actionsOf("worker")).toEqual([
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
      "iam:PassRole",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "scheduler:CreateSchedule",
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]);
  });
});

describe("refused", () => {
  const elsewhere = {
    table: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/other-ActorTable`,
    queue: `arn:aws:sqs:${REGION}:${ACCOUNT}:other-Envelopes.fifo`,
    account: queue.mailbox.replace(ACCOUNT, "999988887777"),
    region: queue.mailbox.replace(REGION, "us-east-1"),
    schedule: `arn:aws:scheduler:${REGION}:${ACCOUNT}:schedule/other/wake`,
    role: `arn:aws:iam::${ACCOUNT}:role/admin`,
    secret: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:other-a1B2c3`,
    log: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:other:log-stream:1`,
  };
  const roles = Object.keys(STATEMENTS) as RoleName[];

  test.each(roles)("%s: whatever it may do here, it may not do elsewhere", (role) => {
    const moved = needed[role].flatMap(({ resource: _, ...request }) =>
      Object.values(elsewhere).map((resource) => ({ ...request, resource })),
    );
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.filter((request) => isAllowed(STATEMENTS[role], request))).toEqual([]);
  });

  test.each(roles)("%s: reads no secret, and makes, changes and deletes no resource", (role) => {
    const all: AccessRequest[] = [
      { action: "secretsmanager:GetSecretValue", resource: elsewhere.secret },
      { action: "kms:Decrypt", resource: `arn:aws:kms:${REGION}:${ACCOUNT}:key/any` },
      { action: "ssm:GetParameter", resource: `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/any` },
      { action: "lambda:InvokeFunction", resource: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:any` },
      { action: "sts:AssumeRole", resource: elsewhere.role },
      ...[actorTable, replyTable].flatMap((resource) =>
        ["Scan", "DeleteTable", "UpdateTable", "UpdateTimeToLive", "ExportTableToPointInTime"].map(
          (action) => ({
            action: `dynamodb:${action}`,
            resource,
          }),
        ),
      ),
      ...Object.values(queue).flatMap((resource) =>
        ["DeleteQueue", "PurgeQueue", "SetQueueAttributes", "AddPermission"].map((action) => ({
          action: `sqs:${action}`,
          resource,
        })),
      ),
      { action: "scheduler:DeleteSchedule", resource: `${schedules}wake` },
      { action: "scheduler:UpdateSchedule", resource: `${schedules}wake` },
      { action: "logs:GetLogEvents", resource: elsewhere.log },
    ];
    expect(all.filter((request) => isAllowed(STATEMENTS[role], request))).toEqual([]);
  });

  test.each(["router", "forwarder", "scheduler"] as const)("%s: anything with the actor table", (role) => {
    const all = needed.worker.filter(({ resource }) => resource === actorTable);
    expect(all.length).toBeGreaterThan(0);
    expect(all.filter((request) => isAllowed(STATEMENTS[role], request))).toEqual([]);
  });

  test("router: to write a reply, to receive or delete a call, to make a schedule", () => {
    const may = (action: string, resource: string) => isAllowed(STATEMENTS.router, { action, resource });
    expect(may("dynamodb:PutItem", replyTable)).toBe(false);
    expect(may("sqs:ReceiveMessage", queue.mailbox)).toBe(false);
    expect(may("sqs:DeleteMessage", queue.mailbox)).toBe(false);
    expect(may("scheduler:CreateSchedule", `${schedules}wake`)).toBe(false);
  });

  test("worker: to read the index of names or take a name out, and to make an item that is neither of an instance nor of the index", () => {
    const may = (action: string, key: string) =>
      isAllowed(STATEMENTS.worker, {
        action: `dynamodb:${action}`,
        resource: actorTable,
        context: { "dynamodb:LeadingKeys": [key] },
      });
    const index = "index#Account#3";
    expect(may("PutItem", index)).toBe(true);
    for (const action of ["GetItem", "Query", "DeleteItem", "UpdateItem", "BatchWriteItem"]) {
      expect(may(action, index)).toBe(false);
      expect(may(action, "Account/alice")).toBe(true);
    }
    expect(may("PutItem", "settings")).toBe(false);
  });

  test("worker: to do anything with the actor table that names no key", () => {
    const all = needed.worker.filter(({ resource }) => resource === actorTable);
    expect(all.length).toBeGreaterThan(0);
    const without = all.map(({ action, resource }) => ({ action, resource }));
    expect(without.filter((request) => isAllowed(STATEMENTS.worker, request))).toEqual([]);
  });

  test("worker: to hand its schedules another role, or the Scheduler's role to another service", () => {
    const role = NAMES.roles.role ?? "";
    const pass = (resource: string, service: string) =>
      isAllowed(STATEMENTS.worker, {
        action: "iam:PassRole",
        resource,
        context: { "iam:PassedToService": service },
      });
    expect(pass(role, "scheduler.amazonaws.com")).toBe(true);
    expect(pass(role, "lambda.amazonaws.com")).toBe(false);
    expect(pass(elsewhere.role, "scheduler.amazonaws.com")).toBe(false);
  });

  test("worker: to receive from the dead letters", () => {
    const request = { action: "sqs:ReceiveMessage", resource: queue.deadLetters };
    expect(isAllowed(STATEMENTS.worker, request)).toBe(false);
  });
});

function actionsOf(role: RoleName): string[] {
  return [...new Set(needed[role].map(({ action }) => action))].sort();
}

/** Each way to have one right less: one action of a statement on one of its resources. */
function withoutOne(statements: readonly Statement[]): { taken: string; left: Statement[] }[] {
  const single = statements.flatMap((statement) =>
    [statement.Action]
      .flat()
      .flatMap((Action) =>
        [statement.Resource].flat().map((Resource) => ({ ...statement, Action, Resource })),
      ),
  );
  return single.map(({ Action, Resource, Condition }, index) => ({
    taken: `${Action} on ${Resource}${Condition ? ` if ${JSON.stringify(Condition)}` : ""}`,
    left: single.filter((_, other) => other !== index),
  }));
}

async function neededAccess(): Promise<Record<RoleName, AccessRequest[]>> {
  const asked: Record<string, Map<string, AccessRequest>> = {};
  const targets = new Set<string>();
  const onRequest = (request: SentRequest) => {
    const kind = request.from.replace(/-\d+$/, "");
    for (const access of accessOf(request, NAMES)) {
      asked[kind] ??= new Map();
      asked[kind].set(JSON.stringify(access), access);
    }
    if (request.command === "CreateSchedule")
      targets.add((request.input as { Target: { Arn: string } }).Target.Arn);
  };
  for (let seed = 1; seed <= SEEDS; seed++) {
    await simulateCalls(seed, { onRequest });
    await simulateAlarms(seed, { onRequest });
  }
  await readLargeAnswer(onRequest);
  const of = (kind: string) => [...(asked[kind]?.values() ?? [])];
  return {
    worker: [...of("worker"), ...ofLambda(worker, queue.mailbox)],
    router: [...of("caller"), ...ofLambda(router)],
    forwarder: [...of("forwarder"), ...ofLambda(forwarder, queue.delay)],
    // The Scheduler sends to the schedule's target, and to its dead letters what the target did not take.
    scheduler: [...[...targets].map((url) => NAMES.queues[url] ?? url), queue.delayDeadLetters].map(
      (resource) => ({
        action: "sqs:SendMessage",
        resource,
      }),
    ),
  };
}

/** What an actor is answered by another one may be too large for one item; no ledger of the simulation answers as much. */
async function readLargeAnswer(onRequest: (request: SentRequest) => void): Promise<void> {
  const items = new Map<string, unknown>();
  const send = async ({
    input,
    constructor: { name },
  }: {
    input: PutItemCommandInput & GetItemCommandInput;
    constructor: { name: string };
  }) => {
    onRequest({ from: "worker-1", command: name.replace(/Command$/, ""), input });
    if (input.Item) items.set(JSON.stringify(input.Item.id), input.Item);
    return { Item: items.get(JSON.stringify(input.Key?.id)) };
  };
  const client = { send } as unknown as DynamoDBClient;
  const clock = new VirtualClock(0);
  const stash = createStash({ client, table: "replies", clock, ids: randomIds, retentionMs: 1_000 });
  const answer = "a".repeat(300_000);
  expect(await stash.resolve(await stash.put("call", answer))).toBe(answer);
}
