import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";

/** What a deployed stack says of itself, by the names of its outputs; `undefined` when there is no such stack. */
export async function stackOutputs(stack: string): Promise<ReadonlyMap<string, string> | undefined> {
  const client = new CloudFormationClient({ maxAttempts: 4 });
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const outputs = Stacks[0]?.Outputs ?? [];
    return new Map(outputs.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]));
  } catch (error) {
    if (error instanceof Error && / does not exist$/.test(error.message)) return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}
