import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { localSecretSource, missingSecrets } from "../../../handlers/local-secrets.ts";
import { SecretError } from "../../../runtime/core/secrets.ts";
import { projectFolder } from "../project/project-folder.ts";

describe("a secret on this machine", () => {
  test("is the variable of the environment, else the line in .secrets", async () => {
    const dir = projectFolder({ ".secrets": "# not in git\nSTRIPE=from the file\nJWT='two words'\n" });
    const source = localSecretSource(dir, { STRIPE: "from the environment" });
    expect(await source.read("STRIPE")).toBe("from the environment");
    expect(await source.read("JWT")).toBe("two words");
  });

  test("is found in a file that was written since", async () => {
    const dir = projectFolder({});
    const source = localSecretSource(dir, {});
    const file = join(dir, ".secrets");
    const refused = source.read("STRIPE");
    await expect(refused).rejects.toBeInstanceOf(SecretError);
    await expect(refused).rejects.toThrow(
      `the secret STRIPE has no value on this machine: set the environment variable STRIPE, or write a line STRIPE=… into ${file}`,
    );
    writeFileSync(file, "STRIPE=1\n");
    expect(await source.read("STRIPE")).toBe("1");
    writeFileSync(file, "STRIPE=2\n");
    expect(await source.read("STRIPE")).toBe("2");
  });

  test("can't be read from a folder in the place of the file", async () => {
    const dir = projectFolder({ ".secrets/inner": "" });
    await expect(localSecretSource(dir, {}).read("STRIPE")).rejects.toThrow(
      `${join(dir, ".secrets")} can't be read (EISDIR)`,
    );
  });

  test("that is missing is told of at the start, each with its name, and none with its value", async () => {
    const dir = projectFolder({ ".secrets": "JWT=1\n" });
    const declared = ["STRIPE", "JWT"].map((binding) => ({
      binding,
      name: binding,
      readers: ["fetch" as const],
    }));
    const missing = await missingSecrets(declared, localSecretSource(dir, {}));
    expect(missing.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^the secret STRIPE has no value on this machine: /),
    ]);
  });
});
