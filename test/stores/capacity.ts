import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

export interface Consumed {
  requests: number;
  read: number;
  write: number;
}

/** Counts what a client consumes from now on, as DynamoDB reports it. */
export function meter(client: DynamoDBClient): { take(): Consumed } {
  let consumed: Consumed = { requests: 0, read: 0, write: 0 };
  client.middlewareStack.add(
    (next) => async (args) => {
      (args.input as { ReturnConsumedCapacity?: string }).ReturnConsumedCapacity = "INDEXES";
      const result = await next(args);
      const reported = (result.output as { ConsumedCapacity?: unknown }).ConsumedCapacity;
      const isRead = /^(Get|Query|BatchGet)/.test(args.constructor.name) || isReading(args.input);
      consumed.requests++;
      for (const each of [reported ?? []].flat() as { CapacityUnits?: number }[]) {
        consumed[isRead ? "read" : "write"] += each.CapacityUnits ?? 0;
      }
      return result;
    },
    { step: "initialize", name: "meter" },
  );
  return {
    take() {
      const taken = consumed;
      consumed = { requests: 0, read: 0, write: 0 };
      return taken;
    },
  };
}

function isReading(input: object): boolean {
  return "ConsistentRead" in input;
}
