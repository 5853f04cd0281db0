import {
  GetScheduleCommand,
  ListSchedulesCommand,
  ResourceNotFoundException,
  type SchedulerClient,
} from "@aws-sdk/client-scheduler";

/** Most names in one request. */
const PAGE = 100;

export interface ScheduleState {
  readonly name: string;
  /** When it is to fire, in ms since the epoch; `undefined`: it is no one-time schedule. */
  readonly at: number | undefined;
  /** Whether the Scheduler will fire it at all. */
  readonly enabled: boolean;
  readonly targetArn: string;
  /** What it sends. */
  readonly input: string;
}

/**
 * The schedules of a group, with what each sends, up to a limit.
 *
 * @returns whether there are more; `undefined`: there is no such group
 */
export async function schedulesOf(
  client: SchedulerClient,
  { group, limit }: { group: string; limit: number },
): Promise<{ readonly schedules: readonly ScheduleState[]; readonly more: boolean } | undefined> {
  const schedules: ScheduleState[] = [];
  let NextToken: string | undefined;
  do {
    const page = await namesOf(client, group, NextToken);
    if (page === undefined) return undefined;
    const left = limit - schedules.length;
    const found = await Promise.all(page.names.slice(0, left).map((name) => scheduleOf(client, group, name)));
    // One that has fired meanwhile is gone.
    schedules.push(...found.filter((each) => each !== undefined));
    if (page.names.length > left) return { schedules, more: true };
    NextToken = page.next;
  } while (NextToken !== undefined && schedules.length < limit);
  return { schedules, more: NextToken !== undefined };
}

async function namesOf(client: SchedulerClient, group: string, NextToken: string | undefined) {
  try {
    const page = await client.send(
      new ListSchedulesCommand({
        GroupName: group,
        MaxResults: PAGE,
        ...(NextToken !== undefined && { NextToken }),
      }),
    );
    return { names: (page.Schedules ?? []).map(({ Name = "" }) => Name), next: page.NextToken };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function scheduleOf(
  client: SchedulerClient,
  group: string,
  name: string,
): Promise<ScheduleState | undefined> {
  try {
    const found = await client.send(new GetScheduleCommand({ GroupName: group, Name: name }));
    return {
      name,
      at: oneTime(found.ScheduleExpression ?? ""),
      enabled: found.State !== "DISABLED",
      targetArn: found.Target?.Arn ?? "",
      input: found.Target?.Input ?? "",
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** Of an expression in UTC, as the worker writes it. */
function oneTime(expression: string): number | undefined {
  const time = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/.exec(expression)?.[1];
  return time === undefined ? undefined : Date.parse(`${time}Z`);
}
