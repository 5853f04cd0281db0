import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { compareKeys } from "../../../runtime/core/key-order.ts";
import { holds, updated } from "../../simulation/expressions.ts";

const minds = () => true;

type Item = Record<string, AttributeValue>;

interface Input {
  readonly Key?: Item;
  readonly Item?: Item;
  readonly ConditionExpression?: string;
  readonly UpdateExpression?: string;
  readonly ExpressionAttributeValues?: Item;
  readonly TransactItems?: readonly Readonly<Partial<Record<"Put" | "Update" | "Delete", Input>>>[];
  readonly RequestItems?: Readonly<Record<string, readonly { DeleteRequest: { Key: Item } }[]>>;
}

/** An actor table with these items in it, and nothing that ever fails but conditions. */
export function tableOf(items: readonly Item[]) {
  const keyOf = ({ actor, entry }: Item) => `${actor?.S}\n${entry?.S}`;
  const table = new Map(items.map((item) => [keyOf(item), item]));
  const requests: string[] = [];
  const check = ({ Key, Item, ConditionExpression, ExpressionAttributeValues }: Input) => {
    const before = table.get(keyOf(Key ?? Item ?? {}));
    if (
      ConditionExpression &&
      !holds(ConditionExpression, before, { values: ExpressionAttributeValues, minds })
    ) {
      throw new ConditionalCheckFailedException({ message: "no", $metadata: {} });
    }
  };
  const put = (input: Input) => void (input.Item && table.set(keyOf(input.Item), input.Item));
  const update = ({ Key = {}, UpdateExpression = "", ExpressionAttributeValues }: Input) =>
    void table.set(
      keyOf(Key),
      updated(UpdateExpression, table.get(keyOf(Key)) ?? Key, ExpressionAttributeValues),
    );
  const answers: Record<string, (input: Input) => unknown> = {
    GetItemCommand: ({ Key = {} }) => ({ Item: table.get(keyOf(Key)) }),
    QueryCommand: ({ ExpressionAttributeValues: values = {} }) => ({
      Items: [...table.values()]
        .filter(
          ({ actor, entry }) =>
            actor?.S === values[":actor"]?.S &&
            compareKeys(entry?.S ?? "", values[":from"]?.S ?? "") >= 0 &&
            compareKeys(entry?.S ?? "", values[":to"]?.S ?? "") <= 0,
        )
        .sort((a, b) => compareKeys(a.entry?.S ?? "", b.entry?.S ?? "")),
    }),
    PutItemCommand: (input) => {
      check(input);
      put(input);
      return {};
    },
    UpdateItemCommand: (input) => {
      check(input);
      update(input);
      return {};
    },
    TransactWriteItemsCommand: ({ TransactItems = [] }) => {
      for (const each of TransactItems) check(each.Put ?? each.Update ?? each.Delete ?? {});
      for (const { Put, Update, Delete } of TransactItems) {
        if (Put) put(Put);
        if (Update) update(Update);
        if (Delete) table.delete(keyOf(Delete.Key ?? {}));
      }
      return {};
    },
    BatchWriteItemCommand: ({ RequestItems = {} }) => {
      for (const all of Object.values(RequestItems))
        for (const { DeleteRequest } of all) table.delete(keyOf(DeleteRequest.Key));
      return {};
    },
  };
  const send = async ({ input, constructor: { name } }: { input: Input; constructor: { name: string } }) => {
    requests.push(name);
    const answer = answers[name];
    if (!answer) throw new Error(`this table knows no ${name}`);
    return answer(input);
  };
  return { client: { send } as unknown as DynamoDBClient, requests, items: () => [...table.values()] };
}
