import {
  type BatchGetItemCommandInput,
  type BatchWriteItemCommandInput,
  ConditionalCheckFailedException,
  type DeleteItemCommandInput,
  type DynamoDBClient,
  type GetItemCommandInput,
  type PutItemCommandInput,
  type QueryCommandInput,
  TransactionCanceledException,
  TransactionConflictException,
  type TransactWriteItemsCommandInput,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { compareKeys } from "../../runtime/core/key-order.ts";
import type { Item } from "./expressions.ts";
import type { Process } from "./process.ts";
import type { Table, Write } from "./table.ts";
import type { World } from "./world.ts";

/** Names of the keys of each table. */
const KEYS = { actors: ["actor", "entry"], replies: ["id"] } as const;

export type Tables = Readonly<Record<keyof typeof KEYS, Table>>;

/** Why a transaction may be turned away, or a single write beside one. */
const PASSING = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] as const;
const METADATA = { $metadata: {} };

interface SentCommand {
  readonly input: object;
  readonly constructor: { readonly name: string };
}

export interface DynamoOptions {
  readonly tables: Tables;
  readonly process: Process;
  /** What a process gets of an item that it reads by its key. */
  readonly bendItem: (item: Item) => Item;
}

/** DynamoDB as one process finds it: every request may fail in every way that requests do. */
export function simulatedDynamo(world: World, options: DynamoOptions) {
  const { process } = options;
  const service = new Service(world, options);
  const send = async ({ input, constructor: command }: SentCommand) => {
    const { read, answer } = await process.request(command.name.replace("Command", ""), () => ({
      read: world.timeline.now,
      answer: service.answer(command.name, input),
    }));
    // Not what lands late: nobody gets it.
    const { actor, entry } = (input as GetItemCommandInput).Key ?? {};
    if (entry?.S === "head" && actor?.S !== undefined) process.hydrated.set(actor.S, read);
    return answer;
  };
  return { send } as unknown as DynamoDBClient;
}

class Service {
  readonly #world: World;
  readonly #tables: Tables;
  readonly #bend: (item: Item) => Item;

  constructor(world: World, { tables, bendItem }: DynamoOptions) {
    this.#world = world;
    this.#tables = tables;
    this.#bend = bendItem;
  }

  answer(command: string, input: object): unknown {
    switch (command) {
      case "GetItemCommand":
        return this.#get(input as GetItemCommandInput);
      case "BatchGetItemCommand":
        return this.#batchGet(input as BatchGetItemCommandInput);
      case "QueryCommand":
        return this.#query(input as QueryCommandInput);
      case "PutItemCommand":
        return this.#write(input as PutItemCommandInput, putOf(input as PutItemCommandInput));
      case "UpdateItemCommand":
        return this.#write(input as UpdateItemCommandInput, updateOf(input as UpdateItemCommandInput));
      case "DeleteItemCommand":
        return this.#write(input as DeleteItemCommandInput, deleteOf(input as DeleteItemCommandInput));
      case "TransactWriteItemsCommand":
        return this.#transact(input as TransactWriteItemsCommandInput);
      case "BatchWriteItemCommand":
        return this.#batchWrite(input as BatchWriteItemCommandInput);
      default:
        throw new Error(`the simulation knows no ${command}`);
    }
  }

  #get({ TableName, Key, ConsistentRead, ProjectionExpression }: GetItemCommandInput) {
    const item = this.#table(TableName).get(Key ?? {}, ConsistentRead === true);
    return { Item: item && this.#bend(project(item, ProjectionExpression)) };
  }

  #batchGet({ RequestItems }: BatchGetItemCommandInput) {
    const [name, request] = only(RequestItems);
    const { Keys = [], ConsistentRead, ProjectionExpression } = request;
    if (Keys.length === 0 || Keys.length > 100) throw new Error(`a BatchGetItem of ${Keys.length} keys`);
    const left = Keys.filter(() => this.#turnsAway("throttle"));
    const items = Keys.filter((key) => !left.includes(key)).flatMap((key) => {
      const item = this.#table(name).get(key, ConsistentRead === true);
      return item ? [project(item, ProjectionExpression)] : [];
    });
    return {
      Responses: { [name]: items },
      UnprocessedKeys: left.length > 0 ? { [name]: { Keys: left } } : {},
    };
  }

  #query(input: QueryCommandInput) {
    const { TableName, KeyConditionExpression, ExpressionAttributeValues: values, Limit } = input;
    if (
      KeyConditionExpression !== "actor = :actor AND entry BETWEEN :from AND :to" ||
      !input.ConsistentRead
    ) {
      throw new Error(`the simulation knows no query ${KeyConditionExpression}`);
    }
    const [partition, from, to] = [":actor", ":from", ":to"].map((name) => values?.[name]?.S ?? "");
    const items = this.#table(TableName).range(partition as string, from as string, to as string);
    if (input.ScanIndexForward === false) items.reverse();
    const last = input.ExclusiveStartKey?.entry?.S;
    const direction = input.ScanIndexForward === false ? -1 : 1;
    const rest = items.filter(
      ({ entry }) => last === undefined || compareKeys(entry?.S ?? "", last) * direction > 0,
    );
    // A page ends at 1 MB, wherever that is.
    const most = Math.min(Limit ?? Number.POSITIVE_INFINITY, this.#world.random.pick([2, 40, 1_000]));
    const page = rest.slice(0, most);
    const end = page.at(-1);
    return {
      Items: page.map((item) => project(item, input.ProjectionExpression)),
      ...(end &&
        rest.length > page.length && {
          LastEvaluatedKey: { actor: end.actor, entry: end.entry },
        }),
    };
  }

  #write({ TableName }: { TableName: string | undefined }, write: Write) {
    if (TableName === "actors" && this.#turnsAway("conflict")) {
      throw new TransactionConflictException({ message: "conflict", ...METADATA });
    }
    if (this.#table(TableName).write([write]).includes(false)) {
      throw new ConditionalCheckFailedException({ message: "the condition does not hold", ...METADATA });
    }
    return {};
  }

  #transact({ TransactItems = [] }: TransactWriteItemsCommandInput) {
    if (TransactItems.length > 100) throw new Error(`a transaction of ${TransactItems.length} items`);
    const writes = TransactItems.map(({ Put, Update, Delete, ConditionCheck }) => {
      if (Put) return { name: Put.TableName, write: putOf(Put) };
      if (Update) return { name: Update.TableName, write: updateOf(Update) };
      if (Delete) return { name: Delete.TableName, write: deleteOf(Delete) };
      throw new Error(`the simulation knows no ${JSON.stringify(ConditionCheck)}`);
    });
    const names = new Set(writes.map(({ name }) => name));
    if (names.size !== 1) throw new Error(`a transaction over ${names.size} tables`);
    if (this.#turnsAway("conflict")) {
      const Code = this.#world.random.pick(PASSING);
      throw cancelled(writes.map((_, index) => (index === 0 ? Code : "None")));
    }
    const held = this.#table([...names][0]).write(writes.map(({ write }) => write));
    if (held.includes(false)) throw cancelled(held.map((ok) => (ok ? "None" : "ConditionalCheckFailed")));
    return {};
  }

  #batchWrite({ RequestItems }: BatchWriteItemCommandInput) {
    const [name, requests] = only(RequestItems);
    if (requests.length === 0 || requests.length > 25)
      throw new Error(`a batch of ${requests.length} writes`);
    const left = requests.filter(() => this.#turnsAway("throttle"));
    for (const { DeleteRequest } of requests.filter((request) => !left.includes(request))) {
      if (!DeleteRequest?.Key) throw new Error("the simulation knows only deletes in a BatchWriteItem");
      this.#table(name).write([{ kind: "delete", key: DeleteRequest.Key }]);
    }
    return { UnprocessedItems: left.length > 0 ? { [name]: left } : {} };
  }

  #turnsAway(kind: "throttle" | "conflict"): boolean {
    const away = this.#world.chaos.happens(kind);
    if (away) this.#world.journal.count("turned away");
    return away;
  }

  #table(name: string | undefined): Table {
    const table = this.#tables[name as keyof Tables];
    if (!table) throw new Error(`there is no table ${name}`);
    return table;
  }
}

function putOf({
  TableName,
  Item = {},
  ConditionExpression,
  ExpressionAttributeValues,
}: PutItemCommandInput): Write {
  const key = Object.fromEntries(
    KEYS[TableName as keyof typeof KEYS].flatMap((name) => (Item[name] ? [[name, Item[name]]] : [])),
  );
  return { kind: "put", key, item: Item, condition: ConditionExpression, values: ExpressionAttributeValues };
}

function updateOf(
  input: Pick<
    UpdateItemCommandInput,
    "Key" | "UpdateExpression" | "ConditionExpression" | "ExpressionAttributeValues"
  >,
): Write {
  const { Key = {}, UpdateExpression, ConditionExpression, ExpressionAttributeValues } = input;
  return {
    kind: "update",
    key: Key,
    update: UpdateExpression,
    condition: ConditionExpression,
    values: ExpressionAttributeValues,
  };
}

function deleteOf(
  input: Pick<DeleteItemCommandInput, "Key" | "ConditionExpression" | "ExpressionAttributeValues">,
): Write {
  const { Key = {}, ConditionExpression, ExpressionAttributeValues } = input;
  return { kind: "delete", key: Key, condition: ConditionExpression, values: ExpressionAttributeValues };
}

function cancelled(codes: readonly string[]): TransactionCanceledException {
  return new TransactionCanceledException({
    message: `cancelled: ${codes.join(", ")}`,
    CancellationReasons: codes.map((Code) => ({ Code })),
    ...METADATA,
  });
}

function only<T>(requests: Record<string, T> | undefined): [string, T] {
  const [first, ...more] = Object.entries(requests ?? {});
  if (!first || more.length > 0) throw new Error("the simulation knows only requests to one table");
  return first;
}

function project(item: Item, expression: string | undefined): Item {
  if (expression === undefined) return item;
  const names = expression.split(/\s*,\s*/);
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));
}
