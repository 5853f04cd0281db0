import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { AccessRequest } from "./iam.ts";

/** A request as the SDK sends it. */
export interface SdkRequest {
  /** `PutItem` */
  readonly command: string;
  readonly input: object;
}

/** ARNs of what requests name. */
export interface Names {
  /** By name. */
  readonly tables: Readonly<Record<string, string>>;
  /** By URL. */
  readonly queues: Readonly<Record<string, string>>;
  /** By name; an ARN that its schedules begin with. */
  readonly scheduleGroups: Readonly<Record<string, string>>;
  /** By ARN or name as the product has it. */
  readonly roles: Readonly<Record<string, string>>;
}

type Item = Readonly<Record<string, AttributeValue>>;

interface TableInput {
  readonly TableName?: string;
  readonly Key?: Item;
  readonly Item?: Item;
  readonly ExpressionAttributeValues?: Item;
}

/** The names of partition keys, and of what a Query puts in their place. */
const PARTITION_KEYS = ["actor", "id", ":actor", ":index"] as const;

/** What IAM is asked for a request: one question for each resource and part of it. */
export function accessOf({ command, input }: SdkRequest, names: Names): AccessRequest[] {
  const found = KINDS.find(({ commands }) => commands.includes(command));
  if (found === undefined) throw new Error(`this test does not know which rights ${command} needs`);
  return found.access(command, { input: input as never, names });
}

interface Kind {
  readonly commands: readonly string[];
  readonly access: (command: string, of: { input: never; names: Names }) => AccessRequest[];
}

const KINDS: readonly Kind[] = [
  {
    commands: ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"],
    access: (command, { input, names }) => [onTable(command, input, names)],
  },
  {
    commands: ["BatchGetItem", "BatchWriteItem"],
    access: (command, { input, names }) => {
      const { RequestItems } = input as { RequestItems: Record<string, BatchPart> };
      return Object.entries(RequestItems).flatMap(([TableName, part]) =>
        keysOfBatch(part).map((Key) => onTable(command, { TableName, Key }, names)),
      );
    },
  },
  {
    commands: ["TransactWriteItems"],
    access: (command, { input, names }) => {
      const { TransactItems } = input as { TransactItems: Record<string, TableInput>[] };
      return TransactItems.flatMap((item) =>
        Object.entries(item).map(([part, partInput]) => {
          const access = onTable(`${part}Item`, partInput, names);
          return { ...access, context: { ...access.context, "dynamodb:EnclosingOperation": command } };
        }),
      );
    },
  },
  {
    commands: [
      "SendMessage",
      "SendMessageBatch",
      "DeleteMessageBatch",
      "ChangeMessageVisibility",
      "ChangeMessageVisibilityBatch",
    ],
    access: (command, { input, names }) => [
      {
        action: `sqs:${command.replace(/Batch$/, "")}`,
        resource: arnOf(names.queues, (input as { QueueUrl: string }).QueueUrl),
      },
    ],
  },
  {
    commands: ["CreateSchedule"],
    access: (_, { input, names }) => {
      const { GroupName, Name, Target } = input as {
        GroupName: string;
        Name: string;
        Target: { RoleArn: string };
      };
      return [
        { action: "scheduler:CreateSchedule", resource: `${arnOf(names.scheduleGroups, GroupName)}${Name}` },
        {
          action: "iam:PassRole",
          resource: arnOf(names.roles, Target.RoleArn),
          context: { "iam:PassedToService": "scheduler.amazonaws.com" },
        },
      ];
    },
  },
];

type BatchPart =
  | { readonly Keys: readonly Item[] }
  | readonly { readonly DeleteRequest?: { Key: Item }; readonly PutRequest?: { Item: Item } }[];

function keysOfBatch(part: BatchPart): readonly Item[] {
  if ("Keys" in part) return part.Keys;
  return part.map(({ DeleteRequest, PutRequest }) => DeleteRequest?.Key ?? PutRequest?.Item ?? {});
}

function onTable(command: string, input: TableInput, names: Names): AccessRequest {
  const { TableName = "", Key, Item, ExpressionAttributeValues } = input;
  const key = { ...ExpressionAttributeValues, ...Key, ...Item };
  const partition = PARTITION_KEYS.map((name) => key[name]?.S).find((value) => value !== undefined);
  if (partition === undefined) throw new Error(`${command} names no partition key`);
  return {
    action: `dynamodb:${command}`,
    resource: arnOf(names.tables, TableName),
    context: { "dynamodb:LeadingKeys": [partition] },
  };
}

function arnOf(arns: Readonly<Record<string, string>>, name: string): string {
  const found = arns[name];
  if (found === undefined) throw new Error(`this test knows no ${name}`);
  return found;
}
