import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { mockClient } from "aws-sdk-client-mock";
import { expect, onTestFinished, test } from "vitest";
import { createSecretsManager } from "../../../runtime/adapters/aws/secrets-manager.ts";
import { toWireError } from "../../../runtime/core/errors.ts";
import { SecretError } from "../../../runtime/core/secrets.ts";

function secrets() {
  const client = mockClient(SecretsManagerClient);
  onTestFinished(() => client.restore());
  const source = createSecretsManager(
    new SecretsManagerClient({ region: "us-east-1" }),
    new Map([["STRIPE", "prod/stripe"]]),
  );
  return { client, source };
}

const DETAIL = "User: arn:aws:sts::123456789012:assumed-role/worker is not authorized";

async function failure(name: string): Promise<unknown> {
  const { client, source } = secrets();
  client.on(GetSecretValueCommand).rejects(Object.assign(new Error(DETAIL), { name }));
  const error = await source.read("STRIPE").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SecretError);
  return error;
}

test("a secret is read by the name that its binding has, in its current version", async () => {
  const { client, source } = secrets();
  client.on(GetSecretValueCommand).resolves({ SecretString: "sk_live_1" });
  expect(await source.read("STRIPE")).toBe("sk_live_1");
  expect(client.commandCalls(GetSecretValueCommand).map(({ args: [{ input }] }) => input)).toEqual([
    { SecretId: "prod/stripe" },
  ]);
});

test("an empty value is a value", async () => {
  const { client, source } = secrets();
  client.on(GetSecretValueCommand).resolves({ SecretString: "" });
  expect(await source.read("STRIPE")).toBe("");
});

test("a binary secret is refused", async () => {
  const { client, source } = secrets();
  client.on(GetSecretValueCommand).resolves({ SecretBinary: new Uint8Array([1]) });
  await expect(source.read("STRIPE")).rejects.toMatchObject({
    passing: false,
    cause: { message: expect.stringMatching(/^prod\/stripe is binary: /) },
  });
});

test.each([
  ["ResourceNotFoundException", "there is no such secret with a value; create it in this account and region"],
  ["AccessDeniedException", "the function may not; if a key of its own encrypts it, "],
  ["InvalidRequestException", DETAIL],
  ["DecryptionFailure", DETAIL],
])(
  "%s is for good: the caller learns the binding alone, and the cause says what to do",
  async (name, text) => {
    const error = await failure(name);
    expect(error).toMatchObject({
      message: "the secret STRIPE can't be read; the log of the function says why",
      passing: false,
      cause: {
        message: expect.stringContaining(`prod/stripe can't be read: ${text}`),
        cause: { name, message: DETAIL },
      },
    });
  },
);

test.each(["InternalServiceError", "ThrottlingException", "TimeoutError", "ExpiredTokenException"])(
  "%s may pass",
  async (name) => {
    expect(await failure(name)).toMatchObject({
      message: "the secret STRIPE can't be read at the moment; the log of the function says why",
      passing: true,
      cause: { message: `prod/stripe can't be read: ${DETAIL}` },
    });
  },
);

test("a caller of an actor learns neither account nor role nor name of the secret, unless causes are exposed", async () => {
  const error = await failure("AccessDeniedException");
  const wire = JSON.stringify(toWireError(error, { exposeStacks: false }));
  expect(wire).toContain("STRIPE");
  expect(wire).not.toMatch(/arn:|123456789012|prod.stripe/);
  expect(JSON.stringify(toWireError(error, { exposeStacks: true }))).toContain("123456789012");
});

test("a binding that the function was not given is not asked for", async () => {
  const { client, source } = secrets();
  await expect(source.read("OTHER")).rejects.toThrow("the secret OTHER is not known to this function");
  expect(client.calls()).toEqual([]);
});
