import { ArnFormat, Stack } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import {
  IDENTIFIER_RULE,
  isIdentifier,
  type Manifest,
  SECRET_READERS,
  SECRETS,
  type SecretBinding,
  type SecretReader,
} from "../project/manifest.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { checkKey, keyStatements } from "./encryption.ts";

/** A secret of a module without a manifest, and whose code may read it. */
export interface DeclaredSecret {
  readonly secret: ISecret;
  /**
   * `actors` are turns, `fetch` is the module's handler.
   * @default both
   */
  readonly readers?: readonly SecretReader[];
}

/** Where the secrets of a project are. */
export interface SecretsProps {
  /**
   * Secrets by binding, as in `{ STRIPE_KEY: secret }` for `env.SECRETS.get("STRIPE_KEY")`.
   *
   * With `project`, the manifest's `[[secrets]]` say which there are and who reads them; here are those that this app makes, and those that a key
   * of their own encrypts. All others are found by the name that the manifest gives, in this account and region. With `entry`, these are
   * all that there are.
   * @default all are found by their names; none with `entry`
   */
  readonly secrets?: Readonly<Record<string, ISecret | DeclaredSecret>>;
}

/** What a function gets that reads secrets: their names or ARNs, and the right to read exactly these. */
export interface SecretAccess {
  readonly statements: readonly PolicyStatement[];
  /** What it reads from its environment; undefined: it reads none. */
  readonly ids: string | undefined;
}

/**
 * What a manifest would say of the secrets of a module without one; throws a ConfigurationError for what it could not say.
 *
 * @param taken the bindings of the actors
 */
export function declaredSecrets(
  given: NonNullable<SecretsProps["secrets"]>,
  taken: readonly string[],
): readonly SecretBinding[] {
  const declared = Object.entries(given).map(([binding, each]) => {
    if (!isIdentifier(binding)) {
      throw new ConfigurationError(
        `secrets: of ${JSON.stringify(binding)}, ${IDENTIFIER_RULE}; choose another name`,
      );
    }
    if (taken.includes(binding)) {
      throw new ConfigurationError(
        `secrets: ${binding}: an actor has this binding, and one is used once in a project; choose another`,
      );
    }
    // The name is for secrets that are found by it; these are given.
    return { binding, name: binding, readers: checkedReaders(binding, each) };
  });
  if (declared.length > 0 && taken.includes(SECRETS)) {
    throw new ConfigurationError(
      `actors ${SECRETS}: this is the binding of all secrets together; choose another for the actor`,
    );
  }
  return declared;
}

function checkedReaders(binding: string, given: ISecret | DeclaredSecret): readonly SecretReader[] {
  const readers = readersOf(given) ?? SECRET_READERS;
  if (readers.length > 0 && readers.every((each) => SECRET_READERS.includes(each))) {
    return SECRET_READERS.filter((each) => readers.includes(each));
  }
  throw new ConfigurationError(
    `secrets: ${binding}: its readers are ${JSON.stringify(readers)}; give "actors", "fetch" or both, or leave them out`,
  );
}

/** Who may read a secret, where it is said beside it. */
export function readersOf(given: ISecret | DeclaredSecret): readonly SecretReader[] | undefined {
  return "secretArn" in given ? undefined : given.readers;
}

/** Throws a ConfigurationError for a secret that the manifest does not declare. */
export function checkedSecrets(
  given: NonNullable<SecretsProps["secrets"]>,
  { name, secrets }: Manifest,
): Readonly<Record<string, ISecret>> {
  const found: Record<string, ISecret> = {};
  for (const [binding, each] of Object.entries(given)) {
    if (!secrets.some((declared) => declared.binding === binding)) {
      const declared = secrets.map((secret) => secret.binding).join(", ") || "none";
      throw new ConfigurationError(
        `secrets: ${binding}: the manifest of ${name} declares no such secret; add a [[secrets]] with this binding, or choose one that it declares: ${declared}`,
      );
    }
    found[binding] = "secretArn" in each ? each : each.secret;
  }
  return found;
}

/** What a function gets whose code is that of a reader. */
export function secretAccess(
  scope: Construct,
  options: {
    readonly manifest: Manifest;
    readonly given: Readonly<Record<string, ISecret>>;
    readonly reader: SecretReader;
  },
): SecretAccess {
  const { manifest, given, reader } = options;
  const readable = manifest.secrets.filter(({ readers }) => readers.includes(reader));
  if (readable.length === 0) return { statements: [], ids: undefined };
  const stack = Stack.of(scope);
  const found = readable.map(({ binding, name }) => {
    const secret = given[binding];
    if (secret?.encryptionKey) checkKey(`secrets: ${binding}: encryptionKey`, secret.encryptionKey);
    const arn = secret
      ? (secret.secretFullArn ?? withSuffix(secret.secretArn))
      : withSuffix(
          stack.formatArn({
            service: "secretsmanager",
            resource: "secret",
            resourceName: name,
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        );
    return { binding, id: secret?.secretArn ?? name, arn, key: secret?.encryptionKey };
  });
  const keys = new Set(found.flatMap(({ key }) => key?.keyArn ?? []));
  return {
    statements: [
      new PolicyStatement({
        actions: ["secretsmanager:GetSecretValue"],
        resources: found.map(({ arn }) => arn),
      }),
      ...keyStatements([...keys], "readsSecret"),
    ],
    ids: stack.toJsonString(Object.fromEntries(found.map(({ binding, id }) => [binding, id]))),
  };
}

/** An ARN ends in six characters of AWS's choice, which a name does not tell. */
function withSuffix(arn: string): string {
  return `${arn}-??????`;
}
