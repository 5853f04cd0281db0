import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DynamoDBClient, PutItemCommand, paginateScan } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { awsEnvironment, sdkOptions } from "../endpoints/aws.ts";
import { describeWith } from "../endpoints/gate.ts";
import { pollUntil, run } from "../endpoints/processes.ts";
import { makeActorTable } from "../stores/dynamo-table.ts";

const CLI = join(import.meta.dirname, "../../cli/actors.ts");
const PATIENCE_MS = 120_000;

const SESSION = join(import.meta.dirname, "../../examples/session");
/** For an emulator, and for a terminal that nobody looks at. */
const QUIET = ["--", "--ci", "--no-color", "--no-notices", "--no-version-reporting"];

// The account is one in which something was deployed, and so is bootstrapped.
describeWith(inject("account"), "actors, from deploy to destroy, with --stack", ({ endpoint: url }) => {
  const folder = mkdtempSync(join(tmpdir(), "operator-"));
  const cdk = async (command: "deploy" | "destroy") => {
    const options = ["--auth", "none", "--stack", "operated", "--removal", "destroy", "--yes"];
    return run(process.execPath, [CLI, command, SESSION, ...options, ...QUIET], {
      cwd: folder,
      env: awsEnvironment(url),
      timeoutMs: 600_000,
    });
  };
  beforeAll(async () => {
    const { code, output } = await cdk("deploy");
    expect(code, output).toBe(0);
  });
  afterAll(async () => {
    const { code, output } = await cdk("destroy");
    rmSync(folder, { recursive: true });
    expect(code, output).toBe(0);
    expect((await actors("list")).output).toContain('there is no stack "operated"');
  });

  const actors = (...args: readonly string[]) =>
    run(process.execPath, [CLI, ...args, "--stack", "operated"], {
      env: awsEnvironment(url),
      timeoutMs: PATIENCE_MS,
    });
  const json = async (...args: readonly string[]) => {
    const { code, output } = await actors(...args, "--json");
    expect(code, output).toBe(0);
    return JSON.parse(output);
  };
  const names = async (...args: readonly string[]) =>
    (await json("list", ...args)).instances.map(({ name }: { name: string }) => name);

  test("an instance from its first call to its end", { timeout: 900_000 }, async () => {
    expect((await actors("list")).output).toBe("there are no instances in stack operated\n");
    for (const name of ["s2", "s1", "t\u202e/1"]) {
      expect(await actors("call", "Session", name, "start", "alice", "3600000")).toEqual({
        code: 0,
        output: '"alice"\n',
      });
    }
    expect(await names()).toEqual(["s1", "s2", "t\u202e/1"]);
    expect(await names("Session", "--prefix", "s", "--limit", "1")).toEqual(["s1"]);
    expect((await actors("list", "Sesion")).output).toContain("did you mean the type Session?");
    expect((await actors("call", "Session", "s1", "tuoch", "--json")).output).toContain(
      "ActorUnknownMethodError",
    );

    const before = await json("inspect", "Session", "s1");
    expect(before).toMatchObject({ type: "Session", name: "s1", outbox: [] });
    expect(before.alarm.at).toMatch(/^\d{4}-/);
    expect(before.values.length).toBeGreaterThan(0);

    const { output: exported } = await actors("export", "Session", "s1");
    const file = join(folder, "s1.jsonl");
    writeFileSync(file, exported);
    expect((await actors("import", "Session", "s3", "--file", file)).output).toMatch(
      /^imported \d+ keys? and an alarm at .* into Session s3, version 1\n$/,
    );
    expect((await actors("export", "Session", "s3")).output.replace('"s3"', '"s1"')).toBe(exported);
    expect((await actors("call", "Session", "s3", "touch")).output).toBe('"alice"\n');

    // Over an instance that a warm worker knows, with an alarm that is due soon.
    writeFileSync(file, exported.replace(/"alarm":\d+/, `"alarm":${Date.now() + 2_000}`));
    expect((await actors("import", "Session", "s2", "--file", file)).output).toContain("give --yes");
    const { version } = await json("inspect", "Session", "s2");
    expect((await json("import", "Session", "s2", "--yes", "--file", file)).imported.version).toBe(
      version + 1,
    );
    const rang = async () => !(await names()).includes("s2");
    expect(await pollUntil(rang, { deadlineMs: PATIENCE_MS, everyMs: 500 })).toBe(true);

    expect((await actors("delete", "Session", "s1", "--yes")).output).toMatch(
      /^deleted Session s1, with its /,
    );
    expect(await names("Session", "--prefix", "s")).toEqual(["s3"]);
    expect(await json("inspect", "Session", "s1")).toMatchObject({
      version: before.version + 1,
      values: [],
      alarm: null,
    });
    expect((await actors("delete", "Session", "s1", "--yes")).output).toContain(
      "there is no Session s1 in stack operated",
    );
    expect((await actors("call", "Session", "s1", "touch")).output).toBe("null\n");
    expect((await actors("call", "Session", "s1", "start", "bob", "3600000")).output).toBe('"bob"\n');
    expect(await names("Session", "--prefix", "s")).toEqual(["s1", "s3"]);
  });

  test("a table that was restored beside the stack's own is read, and what was lost is taken from it", {
    timeout: 600_000,
  }, async () => {
    expect((await actors("call", "Session", "kept", "start", "alice", "3600000")).code).toBe(0);
    const client = new DynamoDBClient(sdkOptions(url));
    const restored = await makeActorTable(client);
    await copyTable(client, await outputOf(url, "ActorTable"), restored);
    expect((await actors("delete", "Session", "kept", "--yes")).code).toBe(0);

    expect(await names("Session", "--prefix", "kept")).toEqual([]);
    expect(await names("--prefix", "kept", "--table", restored)).toEqual(["kept"]);
    expect(await json("inspect", "Session", "kept", "--table", restored)).toMatchObject({ name: "kept" });
    const table = (...args: readonly string[]) =>
      run(process.execPath, [CLI, ...args, "--table", restored], {
        env: awsEnvironment(url),
        timeoutMs: PATIENCE_MS,
      });
    const file = join(folder, "kept.jsonl");
    writeFileSync(file, (await table("export", "Session", "kept")).output);
    expect((await table("list")).output).toContain("a table does not say which types lie in it");
    expect((await table("list", "Session", "--prefix", "kept")).output).toMatch(
      /^Session {2}kept {2}version/,
    );
    expect((await actors("import", "Session", "kept", "--file", file)).output).toMatch(/^imported /);
    expect((await actors("call", "Session", "kept", "touch")).output).toBe('"alice"\n');
    expect((await actors("inspect", "Session", "kept", "--table", "nowhere")).output).toContain(
      'there is no table "nowhere"',
    );
  });

  test("what its functions log, of one type, once, while it is followed", { timeout: 600_000 }, async () => {
    expect((await actors("logs", "--type", "Session", "--since", "1h")).output).toBe(
      "the functions of stack operated logged nothing about Session in the last 1h: they log what goes wrong; --since looks further back\n",
    );
    const args = ["logs", "--stack", "operated", "--type", "Session", "--follow", "--json"];
    const follower = spawn(process.execPath, [CLI, ...args], {
      env: awsEnvironment(url),
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void follower.kill("SIGKILL"));
    const followed: { function: string; message: string; fields: object }[] = [];
    createInterface({ input: follower.stdout }).on("line", (line) => {
      const entry = JSON.parse(line);
      // What is counted of it is a line of its own.
      if (entry.level !== "METRIC") followed.push(entry);
    });
    for (const [name, failures] of [
      ["t1", 1],
      ["t2", 2],
    ] as const) {
      expect((await actors("call", "Session", name, "start", "alice", "soon")).code).toBe(1);
      const told = async () => followed.length >= failures;
      expect(await pollUntil(told, { deadlineMs: PATIENCE_MS, everyMs: 500 })).toBe(true);
    }
    expect(followed).toEqual(
      [1, 2].map(() =>
        expect.objectContaining({
          function: "worker",
          level: "WARN",
          message: "turn failed",
          fields: expect.objectContaining({
            type: "Session",
            instance: expect.stringMatching(/^[0-9a-f]{12}$/),
            method: "start",
            receives: 1,
          }),
        }),
      ),
    );
    expect((await actors("logs", "--function", "worker", "--type", "Session")).output).toMatch(
      /^\d{4}-\S+Z {2}worker {5}WARN {4}turn failed {2}.*\btype=Session {2}instance=\w+ {2}method=start {2}.*reason=/m,
    );
  });
});

async function outputOf(url: string, name: string): Promise<string> {
  const client = new CloudFormationClient(sdkOptions(url));
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: "operated" }));
  return Stacks[0]?.Outputs?.find(({ OutputKey }) => OutputKey === name)?.OutputValue ?? "";
}

/** What a restore does, as far as an emulator can: no emulator restores a table. */
async function copyTable(client: DynamoDBClient, from: string, to: string): Promise<void> {
  for await (const { Items = [] } of paginateScan({ client }, { TableName: from })) {
    for (const Item of Items) await client.send(new PutItemCommand({ TableName: to, Item }));
  }
}
