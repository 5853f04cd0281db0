import type { SecretSource } from "../ports/secret-source.ts";

/** Who may read a secret: turns of actors, or the project's fetch handler. */
export type SecretReader = "actors" | "fetch";

/** One secret of a project's manifest. */
export interface SecretBinding {
  /** By which code asks for it. */
  readonly binding: string;
  /** Of the secret where it is kept. */
  readonly name: string;
  /** At least one. */
  readonly readers: readonly SecretReader[];
}

/** The project's secrets: `env.SECRETS`. It holds none of their values itself, so that logging it shows nothing. */
export interface Secrets<Binding extends string = string> {
  /**
   * The value of a secret, by the binding that the manifest gives to it. Ask whenever it is needed, and keep it nowhere: it is remembered
   * here for some minutes, so that asking costs nothing, and one that was rotated is found.
   *
   * @throws SecretError there is no such secret, it is not for this code, or it can't be read
   */
  get(binding: Binding): Promise<string>;
}

/**
 * A secret can't be had. The message travels to whoever has called an actor: it names the binding that was asked for, and neither a value nor
 * where the secret is kept. What more there is to say is the `cause`, and in the log.
 */
export class SecretError extends Error {
  override readonly name = "SecretError";
  /** Whether the same may work a moment later: where the secret is kept was out of reach. */
  readonly passing: boolean;

  constructor(
    message: string,
    { cause, passing = false }: ErrorOptions & { readonly passing?: boolean } = {},
  ) {
    super(message, { cause });
    this.passing = passing;
  }
}

export interface SecretsOptions {
  /** All that the manifest declares. */
  readonly declared: readonly SecretBinding[];
  /** Whose code asks. */
  readonly reader: () => SecretReader;
  readonly source: SecretSource;
}

/** `env.SECRETS` of a project. */
export function createSecrets({ declared, reader, source }: SecretsOptions): Secrets {
  const byBinding = new Map(declared.map((secret) => [secret.binding, secret]));
  return Object.freeze({
    async get(binding: string) {
      const secret = byBinding.get(binding);
      if (secret === undefined) {
        throw new SecretError(
          `there is no secret ${JSON.stringify(binding)}: the manifest declares none with this binding; add a [[secrets]], or ask for one that is there`,
        );
      }
      const who = reader();
      if (!secret.readers.includes(who)) {
        throw new SecretError(
          `the secret ${binding} is not for ${who === "actors" ? "actors" : "the fetch handler"}: its readers are ${secret.readers.join(" and ")}; add "${who}" to them`,
        );
      }
      return source.read(binding);
    },
  });
}
