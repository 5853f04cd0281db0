import type { Clock } from "../ports/clock.ts";
import type { SecretSource } from "../ports/secret-source.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { messageOf } from "./errors.ts";
import { SecretError } from "./secrets.ts";

/** How long a value is taken for the present one, in ms: so long both must be valid when a secret is rotated. */
const REMEMBERED_MS = 300_000;

/** How long a value that could not be refreshed goes on, in ms, until the next try. */
const RETRY_MS = 60_000;

/** How long a value that could not be refreshed goes on at most, in ms, counted from when it was read. */
const LONGEST_MS = 3_600_000;

interface Remembered {
  readonly value: string;
  readonly readAt: number;
  readonly until: number;
}

/**
 * A source that is asked once in five minutes for each secret, by all that ask for it meanwhile. When it is out of reach, what it said last
 * stands for up to an hour, so that no call fails of that. A secret that was taken away (a definite answer) is gone with the next asking.
 */
export function rememberSecrets(
  source: SecretSource,
  { clock, telemetry }: { readonly clock: Clock; readonly telemetry: Telemetry },
): SecretSource {
  const remembered = new Map<string, Remembered>();
  const underWay = new Map<string, Promise<string>>();

  const refresh = async (binding: string): Promise<string> => {
    try {
      const value = await source.read(binding);
      const readAt = clock.now();
      remembered.set(binding, { value, readAt, until: readAt + REMEMBERED_MS });
      return value;
    } catch (error) {
      const old = remembered.get(binding);
      const detail = { binding, reason: reasonOf(error) };
      const isDefinite = error instanceof SecretError && !error.passing;
      if (old === undefined || isDefinite || clock.now() >= old.readAt + LONGEST_MS) {
        remembered.delete(binding);
        telemetry.problem("secret not read", detail);
        throw error;
      }
      telemetry.problem("secret not refreshed", detail);
      const until = Math.min(clock.now() + RETRY_MS, old.readAt + LONGEST_MS);
      remembered.set(binding, { ...old, until });
      return old.value;
    }
  };

  return {
    async read(binding) {
      const known = remembered.get(binding);
      if (known !== undefined && clock.now() < known.until) return known.value;
      const reading = underWay.get(binding) ?? refresh(binding).finally(() => underWay.delete(binding));
      underWay.set(binding, reading);
      return reading;
    },
  };
}

/** What the error itself leaves to the log. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof SecretError ? (error.cause ?? error) : error);
}
