import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
  UpdateTableCommand,
} from "@aws-sdk/client-dynamodb";
import { InvokeCommand, LambdaClient, ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { sdkOptions } from "../endpoints/aws.ts";
import { describeWith } from "../endpoints/gate.ts";
import { type Call, CdkApp } from "./cdk-app.ts";
import { resourcesAt } from "./leftovers.ts";
import { packBaseline, packPresent } from "./package.ts";

const BANK = "upgraded-bank";
const SCRATCH = "upgraded-scratch";
const READER = "upgraded-reader";

/** Each a value of its own, and more together than one transaction holds. */
const STATEMENTS = Array.from({ length: 120 }, (_, index) => `${index} ${"x".repeat(2_500)}`);
const HOUR = 3_600_000;
const KINDS = [
  "api",
  "cloudformation",
  "event source",
  "function",
  "iam",
  "log group",
  "queue",
  "schedule group",
  "table",
];

/** What the author of the app adds for the new version: CHANGELOG.md, "Upgrading". */
const withoutAuth = (text: string) =>
  text.replaceAll(", auth: Auth.none()", "").replace("ActorsStack, Auth,", "ActorsStack,");

describeWith(inject("aws"), "a CDK app of its own, upgraded from the version before", ({ url }) => {
  let folder: string;
  let app: CdkApp;
  let before: Awaited<ReturnType<CdkApp["deploy"]>>;
  let after: typeof before;
  let found: readonly string[];
  let alarmAt: number;
  let sourcesBefore: ReadonlyMap<string, string>;
  const call = (outputs: typeof before, stack = BANK): Call => app.caller(outputs[stack]?.Url);
  /** What the event sources of the app's stacks invoke, by their own ids. */
  const eventSources = async (): Promise<ReadonlyMap<string, string>> => {
    const { EventSourceMappings = [] } = await new LambdaClient(sdkOptions(url)).send(
      new ListEventSourceMappingsCommand({}),
    );
    const all = EventSourceMappings.map(({ UUID = "", FunctionArn = "" }) => [UUID, FunctionArn] as const);
    return new Map(all.filter(([uuid]) => !found.includes(`event source ${uuid}`)));
  };
  const invoke = async (outputs: typeof before, event: object) => {
    const { Payload } = await new LambdaClient(sdkOptions(url)).send(
      new InvokeCommand({
        FunctionName: outputs[READER]?.FunctionName ?? "",
        Payload: JSON.stringify(event),
      }),
    );
    return JSON.parse(Payload?.transformToString() ?? "");
  };

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "stateful-actors-upgrade-")));
    found = await resourcesAt(url);
    const [baseline, present] = await Promise.all([packBaseline(folder), packPresent(folder)]);

    app = await CdkApp.make(url, join(folder, "app"));
    const written = await readFile(join(import.meta.dirname, "app", "app.ts"), "utf8");
    await app.edit("app.ts", withoutAuth);
    await app.install(baseline);
    before = await app.deploy();
    const old = call(before);
    alarmAt = Date.now() + HOUR;
    await old("Account", "ann", "deposit", [70]);
    await old("Account", "ann", "deposit", [5], "five");
    await old("Account", "ann", "deposit", [25]);
    await old("Account", "ann", "keep", [STATEMENTS]);
    await old("Account", "ann", "remind", [alarmAt]);
    await old("Account", "ann", "report", ["at once", 0]);
    await call(before, SCRATCH)("Account", "ann", "deposit", [1]);
    await invoke(before, { account: "bob", deposit: 3, key: "three" });
    sourcesBefore = await eventSources();
    // On its way while the stack is updated.
    await old("Account", "ann", "report", ["on the way", 20_000]);

    await app.edit("app.ts", () => written);
    await app.install(present);
    after = await app.deploy();
  }, 1_800_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("keeps everything by its name: nothing that holds state or messages is replaced", () => {
    for (const stack of [BANK, SCRATCH]) {
      for (const name of [
        "ActorTable",
        "ReplyTable",
        "MailboxUrl",
        "DelayUrl",
        "DeadLetterUrl",
        "DelayDeadLetterUrl",
        "ScheduleGroup",
        "Url",
        "WorkerName",
        "RouterName",
      ])
        expect([stack, name, after[stack]?.[name]]).toEqual([stack, name, before[stack]?.[name]]);
    }
  });

  test("has its queues invoke a published version from now on, by the event sources that were there", async () => {
    for (const [uuid, functionArn] of sourcesBefore) {
      const isWorker = [BANK, SCRATCH].some((stack) => functionArn.endsWith(`:${before[stack]?.WorkerName}`));
      expect((await eventSources()).get(uuid)).toBe(isWorker ? `${functionArn}:live` : functionArn);
    }
    expect(sourcesBefore.size).toBe(4);
  });

  test("keeps state: values in the head, values of their own, and the alarm", async () => {
    const now = call(after);
    expect(await now("Account", "ann", "balance")).toBe(100);
    expect(await now("Account", "ann", "statements")).toEqual([...STATEMENTS].sort(byKey));
    expect(await now("Account", "ann", "reminders")).toEqual({ at: alarmAt, rung: 0 });
    expect(await call(after, SCRATCH)("Account", "ann", "balance")).toBe(1);
  });

  test("gives a call of before that is asked for again under its key its first outcome", async () => {
    const now = call(after);
    expect(await now("Account", "ann", "deposit", [5], "five")).toBe(75);
    expect(await now("Account", "ann", "balance")).toBe(100);
  });

  test("delivers the messages of before, each once, those that were on their way meanwhile included", async () => {
    const notes = () => call(after)("Audit", "all", "notes");
    await expect.poll(notes, { timeout: 120_000, interval: 250 }).toEqual(["at once", "on the way"]);
  });

  test("goes on from there: calls, alarms, messages", async () => {
    const now = call(after);
    expect(await now("Account", "ann", "deposit", [10])).toBe(110);
    await now("Account", "ann", "remind", [Date.now()]);
    const rung = async () => ((await now("Account", "ann", "reminders")) as { rung: number }).rung;
    await expect.poll(rung, { timeout: 120_000, interval: 250 }).toBe(1);
  });

  test("still serves a function of another stack that is bound to it by its stack's name", async () => {
    expect(await invoke(after, { account: "bob", deposit: 3, key: "three" })).toEqual({
      first: 3,
      balance: 3,
    });
    expect(await invoke(after, { account: "bob", deposit: 4, key: "four" })).toEqual({
      first: 7,
      balance: 7,
    });
  });

  test("destroyed, leaves the state of the stack that retains it, and nothing else", async () => {
    const kept = before[BANK]?.ActorTable ?? "";
    const dynamo = new DynamoDBClient(sdkOptions(url));
    const made = (await resourcesAt(url)).filter((each) => !found.includes(each));
    // Nothing can be left of what the list would not show.
    expect([...new Set(made.map((each) => each.slice(0, each.lastIndexOf(" "))))]).toEqual(KINDS);
    await app.destroy();
    expect((await resourcesAt(url)).filter((each) => !found.includes(each))).toEqual([`table ${kept}`]);
    const Key = { actor: { S: "Account/ann" }, entry: { S: "head" } };
    const { Item } = await dynamo.send(new GetItemCommand({ TableName: kept, Key, ConsistentRead: true }));
    expect(Item?.inline?.M?.balance).toEqual({ S: "[110]" });
    // Protected since the update: whoever wants it gone says so twice.
    const remove = () => dynamo.send(new DeleteTableCommand({ TableName: kept }));
    await expect(remove()).rejects.toThrow("protected against deletion");
    await dynamo.send(new UpdateTableCommand({ TableName: kept, DeletionProtectionEnabled: false }));
    await remove();
  }, 600_000);
});

/** In the order of their keys, which is that of the digits before the first space. */
function byKey(one: string, other: string): number {
  const [a = "", b = ""] = [one, other].map((text) => text.slice(0, text.indexOf(" ")));
  return a < b ? -1 : 1;
}
