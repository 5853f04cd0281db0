import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { shardOf } from "../../runtime/adapters/aws/mailbox-shards.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

describeWith(inject("aws"), "mailboxes in two queues behind a function URL, deployed", ({ url }) => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployProject({
      endpoint: url,
      projectDir: join(CHECKOUT, "examples/account"),
      app: join(CHECKOUT, "test/projects/sharded/app.ts"),
    });
  });
  afterAll(() => deployment?.destroy());

  test("instances of both are called, each in order, and answered", async () => {
    const names = ["alice", "bob", "carol", "dave", "erin", "frank"];
    expect(new Set(names.map((name) => shardOf({ type: "Account", name }, 2)))).toEqual(new Set([0, 1]));
    expect(deployment.outputs.MailboxShards).toBe("2");
    const { request } = deployment;
    const balances = await Promise.all(
      names.map(async (name, index) => {
        await request("POST", `/accounts/${name}/deposit`, { amount: 100 });
        await request("POST", `/accounts/${name}/debit`, { amount: index + 1 });
        return (await request("GET", `/accounts/${name}/balance`)).json();
      }),
    );
    expect(balances).toEqual(names.map((account, index) => ({ account, balance: 99 - index })));
  });
});
