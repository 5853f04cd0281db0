import { Aws, Stack, Token } from "aws-cdk-lib";
import { TableEncryption, type TableProps } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { ConfigurationError } from "./configuration-error.ts";

/** By which key things are encrypted at rest. */
export interface EncryptionProps {
  /**
   * A key of your own for both tables, all queues and all logs. What AWS encrypts with otherwise costs nothing; a key costs a dollar a
   * month, and three cents for 10,000 requests, of which there are few: DynamoDB and SQS keep what they have decrypted for five
   * minutes. Without the key there is no state: while it is disabled nothing works, and when it is deleted all is lost.
   *
   * Its policy must let IAM of this account decide, as that of a key made by the CDK does. To a key of this app the right of CloudWatch
   * to encrypt logs is added; a key from elsewhere must have it already. Not an alias: rights are on keys.
   *
   * Before it is turned on, changed or taken away, all functions need the rights to old and new: see `otherEncryptionKeys`.
   * @default keys of AWS
   */
  readonly encryptionKey?: IKey;
  /**
   * Keys that encrypt nothing here, and that the functions may use as they may use the `encryptionKey`: the next one before a rotation, so
   * that rights are everywhere when it is switched to, and the one of before after it. What lies in queues, and a table until DynamoDB
   * has changed over, is encrypted with the key of its time. docs/operations.md, "Rotate the key", has the steps.
   * @default none
   */
  readonly otherEncryptionKeys?: readonly IKey[];
}

/** Keys that have passed the checks. */
export interface Encryption {
  /** Encrypts everything; undefined: AWS's own keys do. */
  readonly encryptionKey: IKey | undefined;
  /** Of all keys that functions may use, each once, in an order that a rotation does not change. */
  readonly keyArns: readonly string[];
}

/** Throws a ConfigurationError for an alias; lets CloudWatch use the keys. */
export function checkedEncryption(scope: Construct, props: EncryptionProps): Encryption {
  const { encryptionKey, otherEncryptionKeys = [] } = props;
  if (encryptionKey) checkKey("encryptionKey", encryptionKey);
  for (const key of otherEncryptionKeys) checkKey("otherEncryptionKeys", key);
  const keys = [...(encryptionKey ? [encryptionKey] : []), ...otherEncryptionKeys];
  for (const key of new Set(keys)) letLogsUse(scope, key);
  return { encryptionKey, keyArns: inOrder(scope, keys) };
}

/** So that no policy changes when two keys change places. */
function inOrder(scope: Construct, keys: readonly IKey[]): string[] {
  const resolved = keys.map(
    ({ keyArn }) => [JSON.stringify(Stack.of(scope).resolve(keyArn)), keyArn] as const,
  );
  return [...new Map(resolved.sort(([a], [b]) => (a < b ? -1 : 1))).values()];
}

/** Throws a ConfigurationError for an alias. */
export function checkKey(property: string, key: IKey): void {
  // An alias that this app makes has a name that is known at deployment only.
  if (!("aliasName" in key) && !isAlias(key.keyArn)) return;
  const name = Token.isUnresolved(key.keyArn) ? key.node.path : key.keyArn;
  throw new ConfigurationError(
    `${property} ${name} is an alias: IAM does not look behind aliases, so no function could use the key; give the key itself, such as Key.fromLookup(…, { aliasName }) or Key.fromKeyArn`,
  );
}

/** Whether an ARN, also one that is known in part, is that of an alias. */
function isAlias(arn: string): boolean {
  return /(^|:)alias\//.test(arn);
}

/** Whether an ARN may be one of a key: IAM compares the key itself. */
export function isKeyArn(arn: string): boolean {
  if (isAlias(arn)) return false;
  return Token.isUnresolved(arn) || /^arn:[^:]+:kms:[^:]+:[^:]+:key\/.+$/.test(arn);
}

const READ_TABLE = ["kms:Decrypt", "kms:DescribeKey"];

/**
 * What a role needs of a key for what it does with encrypted things. Emulators know nothing of this: it is what AWS documents, and
 * what the CDK's own grants have.
 */
const USES = {
  readsTable: { service: "dynamodb", actions: READ_TABLE },
  writesTable: {
    service: "dynamodb",
    actions: [...READ_TABLE, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
  },
  // Whoever sends makes data keys, and checks them; a message that becomes a dead letter is sent by whoever receives it.
  sends: { service: "sqs", actions: ["kms:Decrypt", "kms:GenerateDataKey"] },
  readsSecret: { service: "secretsmanager", actions: ["kms:Decrypt"] },
} as const satisfies Record<string, { service: string; actions: readonly string[] }>;

export type KeyUse = keyof typeof USES;

/** The rights to use keys, each through the one service that keeps the data; none without a key. */
export function keyStatements(keyArns: readonly string[], ...uses: readonly KeyUse[]): PolicyStatement[] {
  if (keyArns.length === 0) return [];
  return uses.map((use) => {
    const { service, actions } = USES[use];
    return new PolicyStatement({
      actions: [...actions],
      resources: [...keyArns],
      conditions: { StringLike: { "kms:ViaService": viaService(service) } },
    });
  });
}

/** AWS does not say which ending this has where names end otherwise, as in China: it means the same service. */
function viaService(service: string): string {
  return `${service}.${Aws.REGION}.amazonaws.com*`;
}

export function tableEncryption(key: IKey | undefined): Pick<TableProps, "encryption" | "encryptionKey"> {
  return key === undefined ? {} : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key };
}

export function queueEncryption(
  key: IKey | undefined,
): Pick<QueueProps, "encryption" | "encryptionMasterKey"> {
  return key === undefined
    ? { encryption: QueueEncryption.SQS_MANAGED }
    : { encryption: QueueEncryption.KMS, encryptionMasterKey: key };
}

/** Lets CloudWatch encrypt the logs of this account and region; the log groups have no names yet. */
function letLogsUse(scope: Construct, key: IKey): void {
  const logs = Stack.of(scope).formatArn({ service: "logs", resource: "*" });
  key.addToResourcePolicy(
    new PolicyStatement({
      // In China it is `.amazonaws.com.cn`, unlike most principals.
      principals: [new ServicePrincipal(`logs.${Aws.REGION}.${Aws.URL_SUFFIX}`)],
      actions: [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ],
      // In the policy of a key: the key itself.
      resources: ["*"],
      conditions: { ArnLike: { "kms:EncryptionContext:aws:logs:arn": logs } },
    }),
  );
}
