import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { messageOf } from "../../core/errors.ts";
import { SecretError } from "../../core/secrets.ts";
import type { SecretSource } from "../../ports/secret-source.ts";
import { REQUEST_HANDLER } from "./clients.ts";

export function secretsManagerClient(): SecretsManagerClient {
  return new SecretsManagerClient({ maxAttempts: 4, requestHandler: REQUEST_HANDLER });
}

/**
 * Secrets in AWS Secrets Manager, in the version that is current there.
 *
 * @param ids names or ARNs, by binding
 */
export function createSecretsManager(
  client: SecretsManagerClient,
  ids: ReadonlyMap<string, string>,
): SecretSource {
  return {
    async read(binding) {
      const SecretId = ids.get(binding);
      if (SecretId === undefined) {
        throw new SecretError(
          `the secret ${binding} is not known to this function; deploy it with the CDK app`,
        );
      }
      const { SecretString } = await client
        .send(new GetSecretValueCommand({ SecretId }))
        .catch((cause: unknown) => {
          throw unreadable(binding, {
            detail: `${SecretId} can't be read: ${reasonOf(cause)}`,
            cause,
            passing: !DEFINITE.has(nameOf(cause)),
          });
        });
      if (SecretString !== undefined) return SecretString;
      throw unreadable(binding, {
        detail: `${SecretId} is binary: secrets are text, store it as a string, in Base64 for example`,
      });
    },
  };
}

/** Ids, ARNs and what AWS says of roles are for the log: the error's own message may reach anybody who calls an actor. */
function unreadable(
  binding: string,
  { detail, cause, passing = false }: { detail: string; cause?: unknown; passing?: boolean },
): SecretError {
  return new SecretError(
    `the secret ${binding} can't be read${passing ? " at the moment" : ""}; the log of the function says why`,
    { cause: new Error(detail, { cause }), passing },
  );
}

/** Answers that asking again does not change: it is gone, or taken away, or marked for deletion, or its key is. */
const DEFINITE = new Set([
  "AccessDeniedException",
  "DecryptionFailure",
  "InvalidParameterException",
  "InvalidRequestException",
  "ResourceNotFoundException",
]);

/** What the reader of a log can do about it. */
const CURES: Readonly<Record<string, string>> = {
  ResourceNotFoundException: "there is no such secret with a value; create it in this account and region",
  AccessDeniedException:
    "the function may not; if a key of its own encrypts it, give the secret to the construct: secrets: { … }",
};

function reasonOf(error: unknown): string {
  return CURES[nameOf(error)] ?? messageOf(error);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
