import { type CloudWatchLogsClient, DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";

export interface LogGroupState {
  readonly name: string;
  /** `undefined`: its events are kept for ever. */
  readonly retentionDays: number | undefined;
}

/** @returns `undefined`: there is no such log group */
export async function logGroupState(
  client: CloudWatchLogsClient,
  name: string,
): Promise<LogGroupState | undefined> {
  const { logGroups = [] } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name }));
  const found = logGroups.find(({ logGroupName }) => logGroupName === name);
  return found && { name, retentionDays: found.retentionInDays };
}
