import { systemClock } from "../runtime/adapters/system/clock.ts";
import { rememberSecrets } from "../runtime/core/remembered-secrets.ts";
import {
  createSecrets,
  type SecretBinding,
  type SecretReader,
  type Secrets,
} from "../runtime/core/secrets.ts";
import type { SecretSource } from "../runtime/ports/secret-source.ts";
import { lambdaTelemetry } from "./aws-telemetry.ts";
import { optional } from "./environment.ts";

/** `env.SECRETS` of a function, from Secrets Manager; `reader`: whose code this function runs. */
export function lambdaSecrets(declared: readonly SecretBinding[], reader: SecretReader): Secrets {
  const ids = new Map<string, string>(Object.entries(JSON.parse(optional("SECRET_IDS") ?? "{}")));
  const source = rememberSecrets(lazySource(ids), { clock: systemClock, telemetry: lambdaTelemetry() });
  return createSecrets({ declared, reader: () => reader, source });
}

/** Its client is loaded with the first secret that is asked for: the start of a function does not wait for it. */
function lazySource(ids: ReadonlyMap<string, string>): SecretSource {
  let made: Promise<SecretSource> | undefined;
  const make = async () => {
    const { createSecretsManager, secretsManagerClient } = await import(
      "../runtime/adapters/aws/secrets-manager.ts"
    );
    return createSecretsManager(secretsManagerClient(), ids);
  };
  return {
    async read(binding) {
      made ??= make();
      return (await made).read(binding);
    },
  };
}
