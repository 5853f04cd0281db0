import { join } from "node:path";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { sdkOptions } from "../endpoints/aws.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";

const bound = join(import.meta.dirname, "../projects/bound");

describeWith(inject("aws"), "a function that actors.bind has bound, deployed", ({ url }) => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployProject({
      endpoint: url,
      projectDir: join(bound, "../../../examples/account"),
      app: join(bound, "app.ts"),
    });
  });
  afterAll(() => deployment?.destroy());

  const invoke = async (event: object) => {
    const lambda = new LambdaClient(sdkOptions(url));
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({
        FunctionName: deployment.outputs.FunctionName ?? "",
        Payload: JSON.stringify(event),
      }),
    );
    expect([FunctionError, Payload?.transformToString()]).toEqual([undefined, expect.any(String)]);
    return JSON.parse(Payload?.transformToString() ?? "");
  };

  test("calls the instances of the stack, under the same keys and with the same errors, and sees what the door sees", async () => {
    const { request } = deployment;
    await request("POST", "/accounts/bound/deposit", { amount: 100 });
    for (let tries = 0; tries < 2; tries++) {
      expect(await invoke({ deposit: 5, key: "first" })).toEqual({
        balance: 105,
        failure: "ActorUnknownMethodError",
      });
    }
    expect((await request("GET", "/accounts/bound/balance")).json()).toEqual({
      account: "bound",
      balance: 105,
    });
  });
});
