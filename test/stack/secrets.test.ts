import { join } from "node:path";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sdkOptions } from "../endpoints/aws.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeOnBoth } from "../endpoints/gate.ts";

const PROJECT = join(import.meta.dirname, "../projects/keeper");
const NAMED = { Name: "keeper/named", SecretString: "made by hand" };

describeOnBoth("secrets, behind a key of one's own, deployed", ({ url, httpApis }) => {
  const secretsManager = new SecretsManagerClient(sdkOptions(url));
  let deployment: Deployment;
  beforeAll(async () => {
    await secretsManager.send(new CreateSecretCommand(NAMED));
    deployment = await deployProject({
      endpoint: url,
      projectDir: PROJECT,
      app: join(PROJECT, "app.ts"),
      context: { frontDoor: httpApis ? "http-api" : "function-url" },
    });
  });
  afterAll(async () => {
    await deployment?.destroy();
    const gone = { SecretId: NAMED.Name, ForceDeleteWithoutRecovery: true };
    await secretsManager.send(new DeleteSecretCommand(gone));
  });

  test("are read by those whose code may, by name and by ARN", async () => {
    const ask = async (path: string) => (await deployment.request("GET", path)).json();
    const named = { length: NAMED.SecretString.length };
    const made = { length: "made by the app".length };
    expect([await ask("/fetch/NAMED"), await ask("/actor/NAMED")]).toEqual([named, named]);
    expect([await ask("/fetch/MADE"), await ask("/actor/MADE")]).toEqual([made, made]);
    expect(await ask("/fetch/SESSION")).toEqual(named);
    expect(await ask("/actor/SESSION")).toEqual({
      error: expect.stringContaining("the secret SESSION is not for actors"),
    });
  });

  test("queues and tables work, and alarms that lie in the Scheduler", async () => {
    expect(await (await deployment.request("GET", "/wake")).json()).toEqual({ woken: null });
  });
});
