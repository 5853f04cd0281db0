import { dynamoClient } from "../runtime/adapters/aws/clients.ts";
import { createDynamoDirectory } from "../runtime/adapters/aws/dynamo-directory.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { CommandError } from "./command-error.ts";
import { askAws, describeStack } from "./described-stack.ts";
import type { ReadablePlace } from "./place.ts";

const TO_READ = "on the table dynamodb:Query, dynamodb:BatchGetItem, dynamodb:GetItem";

/**
 * An actor table that no worker writes to, such as one that was restored beside that of a stack.
 *
 * @param options.stack the stack that knows the types that lie in it
 * @throws CommandError
 */
export async function openTable(
  table: string,
  { stack }: { stack: string | undefined },
): Promise<ReadablePlace> {
  if (table === "") throw new CommandError("--table needs the name of a table");
  if (stack === "") throw new CommandError("--stack needs the name of a deployed stack");
  const types =
    stack === undefined ? [] : ((await describeStack(stack)).outputs.get("Types")?.split(",") ?? []);
  const client = dynamoClient();
  const directory = createDynamoDirectory({ client, table, clock: systemClock, types });
  const ask = <T>(read: () => Promise<T>) =>
    askAws(TO_READ, async () => {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof Error && error.name === "ResourceNotFoundException")) throw error;
        throw new CommandError(
          `there is no table ${JSON.stringify(table)} in this account and region: name one that is there, such as a restored one, or set AWS_REGION`,
          { cause: error },
        );
      }
    });
  return {
    label: `table ${table}`,
    directory: {
      types: () => Promise.resolve(types),
      list: (query) => ask(() => directory.list(query)),
      snapshot: (id) => ask(() => directory.snapshot(id)),
    },
    close: () => client.destroy(),
  };
}
