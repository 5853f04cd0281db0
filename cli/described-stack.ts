import { stackOutputs } from "../runtime/adapters/aws/stack-outputs.ts";
import { SnapshotError } from "../runtime/core/directory.ts";
import { ActorError, messageOf } from "../runtime/core/errors.ts";
import { CommandError } from "./command-error.ts";

export interface DescribedStack {
  readonly outputs: ReadonlyMap<string, string>;
  /**
   * @throws CommandError it has no such output
   */
  output(name: string): string;
}

/**
 * What a deployed stack says of itself.
 *
 * @throws CommandError there is none, or AWS does not tell
 */
export async function describeStack(stack: string): Promise<DescribedStack> {
  const outputs = await askAws("cloudformation:DescribeStacks", () => stackOutputs(stack));
  if (outputs === undefined) {
    throw new CommandError(
      `there is no stack ${JSON.stringify(stack)} in this account and region: name a deployed one, or set AWS_REGION and the credentials of its account`,
    );
  }
  return {
    outputs,
    output(name) {
      const value = outputs.get(name);
      if (value !== undefined) return value;
      throw new CommandError(
        `the stack ${JSON.stringify(stack)} has no output ${name}: name a stack of actors, deployed with this version or a later one`,
      );
    },
  };
}

/** What AWS refuses is told with the rights that it takes. */
export async function askAws<T>(rights: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof CommandError || error instanceof ActorError || error instanceof SnapshotError)
      throw error;
    throw new CommandError(
      `AWS did not do it: ${messageOf(error)}: check the region, the credentials and their rights (${rights})`,
      { cause: error },
    );
  }
}
