import { Arn, ArnFormat, Aws, Fn, Token } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { CallTarget } from "./call-target.ts";
import { CallableActors } from "./callable-actors.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { isKeyArn } from "./encryption.ts";
import { checkedShards } from "./mailbox.ts";
import { isStackName, STACK_NAME_RULE } from "./stack-name.ts";

/** Actors of another stack, by what their stack made; an ARN may be a token. */
export interface StatefulActorsAttributes {
  readonly mailboxArn: string;
  readonly delayQueueArn: string;
  readonly replyTableArn: string;
  /**
   * How many mailbox queues there are (`shards` of the actors' construct, the stack's output `MailboxShards`). While it is
   * wrong, calls go to mailboxes other than those of the instances.
   * @default 1
   */
  readonly shards?: number;
  /**
   * The ARNs of the owner's `encryptionKey` and of its `otherEncryptionKeys`: callers may use each of them. Before the owner turns a key
   * on or changes it, callers need the right to the next one.
   * @default it has none
   */
  readonly encryptionKeyArns?: readonly string[];
  /**
   * The types that live there. Names what `bind` takes.
   * @default not known: `bind` takes any type, and a call of one that is not there fails when it is made
   */
  readonly types?: readonly string[];
}

/** What a stack's exports do not tell. */
export type Untold = Pick<StatefulActorsAttributes, "shards" | "encryptionKeyArns">;

type Arns = Omit<StatefulActorsAttributes, "types" | "shards" | "encryptionKeyArns">;

const ARNS: Readonly<Record<keyof Arns, { readonly form: RegExp; readonly example: string }>> = {
  mailboxArn: {
    form: /^arn:[^:]+:sqs:[^:]+:[^:]+:[^:/]+\.fifo$/,
    example: "arn:aws:sqs:eu-central-1:123456789012:bank-Envelopes-12ab34cd.fifo",
  },
  delayQueueArn: {
    form: /^arn:[^:]+:sqs:[^:]+:[^:]+:[^:/]+(?<!\.fifo)$/,
    example: "arn:aws:sqs:eu-central-1:123456789012:bank-Delayed-12AB34CD",
  },
  replyTableArn: {
    form: /^arn:[^:]+:dynamodb:[^:]+:[^:]+:table\/[^:/]+$/,
    example: "arn:aws:dynamodb:eu-central-1:123456789012:table/bank-ReplyTable-12AB34CD",
  },
};

/** What the stack that makes actors says of them to other stacks, by the end of the export's name. */
export function callExports({ callTarget }: CallableActors): Readonly<Record<string, string>> {
  const { mailboxArn, delayQueueArn, replyTableArn } = callTarget;
  return { MailboxArn: mailboxArn, DelayQueueArn: delayQueueArn, ReplyTableArn: replyTableArn };
}

export function exportName(stackName: string, output: string): string {
  return `${stackName}-${output}`;
}

/** Actors that another stack made: nothing of them is in this one. */
export class ImportedActors extends CallableActors {
  readonly types: ReadonlySet<string> | undefined;
  readonly callTarget: CallTarget;

  constructor(
    scope: Construct,
    id: string,
    { types, shards = 1, encryptionKeyArns = [], ...arns }: StatefulActorsAttributes,
  ) {
    super(scope, id);
    checkedShards("shards", shards, 1);
    for (const [name, { form, example }] of Object.entries(ARNS)) {
      const arn = arns[name as keyof Arns];
      if (Token.isUnresolved(arn) || form.test(arn)) continue;
      throw new ConfigurationError(`${name} ${arn}: give an ARN such as ${example}`);
    }
    this.types = types && new Set(types);
    const noKey = encryptionKeyArns.find((arn) => !isKeyArn(arn));
    if (noKey !== undefined) {
      throw new ConfigurationError(
        `encryptionKeyArns ${noKey}: IAM knows keys by their own ARNs, not by aliases; give the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
      );
    }
    this.callTarget = {
      ...arns,
      keyArns: [...new Set(encryptionKeyArns)],
      mailboxUrl: queueUrl(arns.mailboxArn),
      shards: `${shards}`,
      shardArns: Array.from({ length: shards - 1 }, (_, index) => shardArn(arns.mailboxArn, index + 1)),
      delayQueueUrl: queueUrl(arns.delayQueueArn),
      replyTableName: Arn.split(arns.replyTableArn, ArnFormat.SLASH_RESOURCE_NAME).resourceName ?? "",
    };
  }

  /** The actors of an ActorsStack, by what that stack exports. */
  static ofStack(
    scope: Construct,
    id: string,
    stackName: string,
    { shards = 1, encryptionKeyArns = [] }: Untold = {},
  ): ImportedActors {
    if (!isStackName(stackName)) {
      throw new ConfigurationError(
        `stack ${stackName}: ${STACK_NAME_RULE}; give the name of the owner's stack`,
      );
    }
    const imported = (output: string) => Fn.importValue(exportName(stackName, output));
    return new ImportedActors(scope, id, {
      mailboxArn: imported("MailboxArn"),
      delayQueueArn: imported("DelayQueueArn"),
      replyTableArn: imported("ReplyTableArn"),
      // No exports of their own: CloudFormation does not let one change while it is in use.
      shards,
      encryptionKeyArns,
    });
  }
}

/** As the owner's construct names it. */
function shardArn(firstArn: string, shard: number): string {
  return `${Fn.select(0, Fn.split(".fifo", firstArn))}-${shard}.fifo`;
}

function queueUrl(arn: string): string {
  const { region, account, resource } = Arn.split(arn, ArnFormat.NO_RESOURCE_NAME);
  return `https://sqs.${region}.${Aws.URL_SUFFIX}/${account}/${resource}`;
}
