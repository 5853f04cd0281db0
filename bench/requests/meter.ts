import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { SQSClient } from "@aws-sdk/client-sqs";

/** What one side has asked AWS for. */
export interface Requests {
  /** Requests, by the name of their command; a retry of the SDK is not one more. */
  readonly commands: Readonly<Record<string, number>>;
  /** Read and write units as DynamoDB reports them, by table. */
  readonly read: Readonly<Record<string, number>>;
  readonly write: Readonly<Record<string, number>>;
}

export interface Meter {
  /** How many requests have no answer yet. */
  readonly underWay: number;
  /** What was asked for since the last time. */
  take(): Requests;
}

/** DynamoDB Local reports the units of a transaction once, AWS charges them twice. */
const TRANSACTION_FACTOR = 2;
/** What AWS charges for a passing look at an item that is not there. DynamoDB Local reports nothing. */
const CHEAP_LOOK_UNITS = 0.5;

/** Counts what these clients ask for from now on. Only here the consumed capacity is asked for: it makes answers longer. */
export function meter(clients: { readonly dynamo: DynamoDBClient; readonly sqs: SQSClient }): Meter {
  let underWay = 0;
  let commands: Record<string, number> = {};
  let units: Record<"read" | "write", Record<string, number>> = { read: {}, write: {} };
  const count = (command: string, input: BatchInput, output: unknown) => {
    add(commands, command, 1);
    const { ConsumedCapacity = [] } = (output ?? {}) as { ConsumedCapacity?: Consumed | Consumed[] };
    const kind = /^(Get|BatchGet|Query)/.test(command) ? "read" : "write";
    const factor = command === "TransactWriteItems" ? TRANSACTION_FACTOR : 1;
    for (const { TableName = "", CapacityUnits = 0 } of [ConsumedCapacity].flat()) {
      const least = (input.RequestItems?.[TableName]?.Keys?.length ?? 0) * CHEAP_LOOK_UNITS;
      add(units[kind], TableName, Math.max(CapacityUnits * factor, least));
    }
  };
  for (const client of [clients.dynamo, clients.sqs]) {
    (client as DynamoDBClient).middlewareStack.add(
      (next, context) => async (args) => {
        if (client === clients.dynamo) askForCapacity(args.input);
        underWay++;
        try {
          const result = await next(args);
          count(String(context.commandName).replace(/Command$/, ""), args.input as BatchInput, result.output);
          return result;
        } finally {
          underWay--;
        }
      },
      { step: "initialize", name: "meter" },
    );
  }
  return {
    get underWay() {
      return underWay;
    },
    take() {
      const taken = { commands, ...units };
      commands = {};
      units = { read: {}, write: {} };
      return taken;
    },
  };
}

function askForCapacity(input: object): void {
  if ("ReturnConsumedCapacity" in input) throw new Error("the product asks for consumed capacity itself");
  Object.assign(input, { ReturnConsumedCapacity: "TOTAL" });
}

interface BatchInput {
  readonly RequestItems?: Readonly<Record<string, { readonly Keys?: readonly unknown[] }>>;
}

interface Consumed {
  readonly TableName?: string;
  readonly CapacityUnits?: number;
}

function add(sums: Record<string, number>, name: string, count: number): void {
  sums[name] = (sums[name] ?? 0) + count;
}
