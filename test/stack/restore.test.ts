import { join } from "node:path";
import {
  CreateBackupCommand,
  DeleteTableCommand,
  DynamoDBClient,
  RestoreTableFromBackupCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import {
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { awsEnvironment, sdkOptions } from "../endpoints/aws.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";
import { run } from "../endpoints/processes.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const CLI = join(CHECKOUT, "cli/actors.ts");

/** The runbook of docs/operations.md, step by step, with the restore of the endpoint. */
describeWith(inject("aws"), "a stack whose table is restored from a backup", ({ url }) => {
  let deployment: Deployment;
  beforeAll(async () => {
    const projectDir = join(CHECKOUT, "examples/account");
    deployment = await deployProject({ endpoint: url, projectDir, stack: "restored" });
  });
  afterAll(() => deployment?.destroy());

  const actors = async (...args: readonly string[]) => {
    const { output } = await run(process.execPath, [CLI, ...args, "--stack", "restored"], {
      env: awsEnvironment(url),
      timeoutMs: 300_000,
    });
    return output;
  };

  test("goes on from the backup, and nobody sees what came after it", { timeout: 600_000 }, async () => {
    const client = new DynamoDBClient(sdkOptions(url));
    const lambda = new LambdaClient(sdkOptions(url));
    const table = deployment.outputs.ActorTable ?? "";
    const deposit = (amount: number) => actors("call", "Account", "ann", "deposit", `${amount}`);
    const backup = async (TableName: string) => {
      const { BackupDetails } = await client.send(new CreateBackupCommand({ TableName, BackupName: "b" }));
      return BackupDetails?.BackupArn;
    };
    const restore = async (BackupArn: string | undefined, TargetTableName: string) => {
      await client.send(new RestoreTableFromBackupCommand({ BackupArn, TargetTableName }));
      await waitUntilTableExists({ client, maxWaitTime: 300 }, { TableName: TargetTableName });
    };
    const queues = [deployment.outputs.MailboxArn, deployment.outputs.DelayQueueArn];
    const enable = async (Enabled: boolean) => {
      for (const EventSourceArn of queues) {
        const { EventSourceMappings = [] } = await lambda.send(
          new ListEventSourceMappingsCommand({ EventSourceArn }),
        );
        for (const { UUID } of EventSourceMappings)
          await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
      }
    };

    expect(await deposit(10)).toBe("10\n");
    expect(await deposit(20)).toBe("30\n");
    const good = await backup(table);
    expect(await deposit(300)).toBe("330\n");

    await enable(false);
    expect(await actors("doctor")).toMatch(/ERROR {4}event source \S+ of queue \S+: it is Disabled/);
    await restore(good, `${table}-look`);
    expect(await actors("inspect", "Account", "ann", "--table", `${table}-look`)).toMatch(
      /balance +\d+ B +30\n/,
    );
    const looked = await backup(`${table}-look`);
    await client.send(new DeleteTableCommand({ TableName: table }));
    await waitUntilTableNotExists({ client, maxWaitTime: 300 }, { TableName: table });
    expect(await actors("doctor")).toMatch(/ERROR {4}the actor table: it is not there/);
    await restore(looked, table);
    await enable(true);

    // The worker of before still runs, and has the balance of 330 in its memory.
    expect(await deposit(1)).toBe("31\n");
    expect(await actors("list", "Account")).toMatch(/^Account {2}ann {2}version 3\n$/);
    expect(await actors("doctor")).toMatch(/: 0 errors, /);
    await client.send(new DeleteTableCommand({ TableName: `${table}-look` }));
  });
});
