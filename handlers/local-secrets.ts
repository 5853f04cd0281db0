import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { createSecrets, type SecretBinding, SecretError, type Secrets } from "../runtime/core/secrets.ts";
import { currentTurn } from "../runtime/core/turn.ts";
import type { SecretSource } from "../runtime/ports/secret-source.ts";

/** Beside the manifest: lines such as `STRIPE_KEY=sk_test_1`. */
const SECRETS_FILE = ".secrets";

/**
 * `env.SECRETS` of a process that runs both the actors and the fetch handler: who asks is told by the turn that the asking code
 * runs in.
 */
export function processSecrets(declared: readonly SecretBinding[], source: SecretSource): Secrets {
  return createSecrets({
    declared,
    reader: () => (currentTurn.getStore() === undefined ? "fetch" : "actors"),
    source,
  });
}

/** Values from variables of the environment, else from the file `.secrets` in a folder; both are looked at each time. */
export function localSecretSource(
  dir: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): SecretSource {
  const file = join(dir, SECRETS_FILE);
  return {
    async read(binding) {
      const value = environment[binding] ?? readSecretsFile(file)[binding];
      if (value !== undefined) return value;
      throw new SecretError(
        `the secret ${binding} has no value on this machine: set the environment variable ${binding}, or write a line ${binding}=… into ${file}`,
      );
    },
  };
}

/** Which secrets have no value, to be told when a server starts; the others are not looked at any closer. */
export async function missingSecrets(
  declared: readonly SecretBinding[],
  source: SecretSource,
): Promise<readonly SecretError[]> {
  const errors = await Promise.all(
    declared.map(({ binding }) =>
      source.read(binding).then(
        () => undefined,
        (error: unknown) => error,
      ),
    ),
  );
  return errors.filter((error) => error instanceof SecretError);
}

function readSecretsFile(file: string): Readonly<Record<string, string | undefined>> {
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT") return {};
    throw new SecretError(`${file} can't be read (${code}): make it a readable file of lines NAME=value`, {
      cause: error,
    });
  }
}
