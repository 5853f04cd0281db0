import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { mockClient } from "aws-sdk-client-mock";
import { beforeEach, describe, expect, test } from "vitest";
import { CommandError } from "../../../cli/command-error.ts";
import { entryJson, entryText, logEntry } from "../../../cli/log-entry.ts";
import { openStackLogs, type StackLogs } from "../../../cli/stack-logs.ts";
import { projectFolder } from "../project/project-folder.ts";
import { runActors } from "./run-actors.ts";

const cloudFormation = mockClient(CloudFormationClient);
const cloudWatch = mockClient(CloudWatchLogsClient);

const event = (eventId: string, timestamp: number, message = eventId) => ({ eventId, timestamp, message });
const outputs = (...names: readonly string[]) =>
  names.map((name) => ({ OutputKey: name, OutputValue: `group-of-${name}` }));

beforeEach(() => {
  cloudFormation.reset();
  cloudWatch.reset();
  cloudFormation.on(DescribeStacksCommand, { StackName: "bank" }).resolves({
    Stacks: [
      {
        StackName: "bank",
        CreationTime: new Date(0),
        StackStatus: "CREATE_COMPLETE",
        Outputs: outputs("RouterLogs", "WorkerLogs"),
      },
    ],
  });
});

const open = (type?: string) =>
  openStackLogs("bank", { functions: ["router", "worker"], since: 1_000, type });

async function read(log: StackLogs): Promise<string[]> {
  const texts: string[] = [];
  for await (const { function: kind, text } of log.read()) texts.push(`${kind} ${text}`);
  return texts;
}

const requests = () => cloudWatch.commandCalls(FilterLogEventsCommand).map(({ args }) => args[0].input);

describe("the logs of a stack", () => {
  test("are read page by page, and merged in the order of time", async () => {
    cloudWatch
      .on(FilterLogEventsCommand, { logGroupName: "group-of-RouterLogs" })
      .resolves({ events: [event("r5", 5_000), event("r2", 2_000)] })
      .on(FilterLogEventsCommand, { logGroupName: "group-of-WorkerLogs" })
      .resolvesOnce({ events: [event("w1", 1_000)], nextToken: "2" })
      .resolvesOnce({ events: [], nextToken: "3" })
      .resolvesOnce({ events: [event("w6", 6_000), event("w3", 3_000)] });
    expect(await read(await open())).toEqual([
      "worker w1",
      "router r2",
      "worker w3",
      "router r5",
      "worker w6",
    ]);
    const worker = { logGroupName: "group-of-WorkerLogs", startTime: 1_000 };
    expect(requests().filter(({ logGroupName }) => logGroupName === "group-of-WorkerLogs")).toEqual([
      worker,
      { ...worker, nextToken: "2" },
      { ...worker, nextToken: "3" },
    ]);
  });

  test("are asked for one type where there is one", async () => {
    cloudWatch.on(FilterLogEventsCommand).resolves({});
    await read(await open("Account"));
    expect(requests().map(({ filterPattern }) => filterPattern)).toEqual([
      '{ $.type = "Account" }',
      '{ $.type = "Account" }',
    ]);
  });

  test("read again, give what is new once, also what comes late, from shortly before the last event", async () => {
    cloudWatch
      .on(FilterLogEventsCommand)
      .resolves({})
      .on(FilterLogEventsCommand, { logGroupName: "group-of-WorkerLogs" })
      .resolvesOnce({ events: [event("a", 20_000), event("b", 50_000)] })
      .resolvesOnce({ events: [event("late", 42_000), event("b", 50_000), event("c", 50_000)] })
      .resolvesOnce({ events: [event("late", 42_000), event("b", 50_000), event("c", 50_000)] });
    const log = await open();
    expect(await read(log)).toEqual(["worker a", "worker b"]);
    expect(await read(log)).toEqual(["worker late", "worker c"]);
    expect(await read(log)).toEqual([]);
    expect(
      requests()
        .filter(({ logGroupName }) => logGroupName === "group-of-WorkerLogs")
        .map(({ startTime }) => startTime),
    ).toEqual([1_000, 40_000, 40_000]);
  });

  test("need no ids, which emulators do not give", async () => {
    const stored = { logStreamName: "s", timestamp: 7_000 };
    cloudWatch
      .on(FilterLogEventsCommand, { logGroupName: "group-of-RouterLogs" })
      .resolves({
        events: [
          { ...stored, message: "one" },
          { ...stored, message: "two" },
        ],
      })
      .on(FilterLogEventsCommand, { logGroupName: "group-of-WorkerLogs" })
      .resolves({});
    const log = await open();
    expect(await read(log)).toEqual(["router one", "router two"]);
    expect(await read(log)).toEqual([]);
  });

  test("of no stack, of one without logs, and without the rights", async () => {
    cloudFormation
      .on(DescribeStacksCommand, { StackName: "none" })
      .rejects(new Error("Stack with id none does not exist"));
    const options = { functions: ["router", "forwarder"], since: 0, type: undefined } as const;
    await expect(openStackLogs("none", options)).rejects.toThrow(/^there is no stack "none" in this account/);
    await expect(openStackLogs("bank", options)).rejects.toThrow(
      /^the stack "bank" has no output ForwarderLogs: .*deployed with this version or a later one$/,
    );
    cloudWatch.on(FilterLogEventsCommand).rejects(new Error("not authorized"));
    const refused = read(await open());
    await expect(refused).rejects.toThrow(CommandError);
    await expect(refused).rejects.toThrow(/^AWS did not do it: not authorized: .*logs:FilterLogEvents/);
  });
});

describe("an entry of a log", () => {
  const at = Date.UTC(2030, 0, 31, 12);
  const shown = (text: string) => entryText(logEntry("worker", { at, text }));

  test("is a line with its fields, and the stack under it", () => {
    const line = {
      level: "WARN",
      message: "turn failed",
      type: "Account",
      reason: "short of 5",
      stackTrace: "Error: x\n    at y",
    };
    expect(shown(`${JSON.stringify(line)}\n`)).toBe(
      '2030-01-31T12:00:00.000Z  worker     WARN    turn failed  type=Account  reason="short of 5"\n    Error: x\n    at y',
    );
  });

  test("is what user code wrote, as Lambda wraps it, or a metric, or any text", () => {
    const console_ = { timestamp: "2030", level: "INFO", requestId: "r", message: { a: 1 } };
    expect(shown(JSON.stringify(console_))).toBe(
      '2030-01-31T12:00:00.000Z  worker     INFO    {"a":1}  requestId=r',
    );
    const metric = { _aws: { Timestamp: 1 }, type: "Account", AlarmsDropped: 1 };
    expect(shown(JSON.stringify(metric))).toBe(
      "2030-01-31T12:00:00.000Z  worker     METRIC  type=Account  AlarmsDropped=1",
    );
    expect(shown("one\ntwo\n")).toBe("2030-01-31T12:00:00.000Z  worker     -       one\n    two");
    expect(shown("[1]")).toContain("[1]");
  });

  test("changes no terminal, and forges no entry", () => {
    const forged = `\u001b[2J\r\n2030-01-31T12:00:00.000Z  worker  WARN\u202e`;
    const texts = [
      forged,
      JSON.stringify({
        level: "\u001b[31m",
        message: forged,
        "k\u001b": forged,
        list: [forged],
        stackTrace: forged,
      }),
    ];
    for (const text of texts) {
      const lines = shown(text).split("\n");
      expect(lines.join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      for (const line of lines.slice(1)) expect(line).toMatch(/^ {4}/);
    }
  });

  test("is a line of JSON", () => {
    const entry = logEntry("router", { at, text: '{"level":"WARN","message":"m","function":"mine"}' });
    expect(JSON.parse(entryJson(entry))).toEqual({
      time: "2030-01-31T12:00:00.000Z",
      function: "router",
      level: "WARN",
      message: "m",
      fields: { function: "mine" },
    });
    expect(JSON.parse(entryJson(logEntry("router", { at, text: "x" })))).toMatchObject({ level: null });
  });
});

test("actors logs tells what it takes", async () => {
  const cwd = projectFolder({});
  const refusal = async (...args: readonly string[]) => {
    const { code, stderr } = await runActors(cwd, "logs", ...args);
    expect(code).toBe(1);
    return stderr;
  };
  expect((await runActors(cwd, "logs", "--help")).stdout).toContain("actors logs --stack <name>");
  expect(await refusal()).toMatch(/^error: logs needs to know of which stack: give --stack <name>/);
  expect(await refusal("bank")).toMatch(/^error: logs takes no "bank": name the stack with --stack/);
  expect(await refusal("--stack", "bank", "--function", "workr")).toMatch(/did you mean worker\?/);
  expect(await refusal("--stack", "bank", "--since", "soon")).toMatch(
    /^error: --since is "soon": give a whole number and one of the units/,
  );
});
