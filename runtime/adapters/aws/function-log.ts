import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";

export interface LogEvent {
  /** Of its own among all events of its log group. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
}

export interface LogQuery {
  readonly group: string;
  /** Milliseconds since the epoch; what was logged then is part of it. */
  readonly since: number;
  /** Only lines that say they are about this type; an emulator may give others, too. */
  readonly type: string | undefined;
}

/** A search of a large log takes CloudWatch a while. */
export function logsClient(): CloudWatchLogsClient {
  return new CloudWatchLogsClient({
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
  });
}

/** What a function has logged, page by page, each page in the order of time. */
export async function* readLog(
  client: CloudWatchLogsClient,
  { group, since, type }: LogQuery,
): AsyncGenerator<LogEvent> {
  let nextToken: string | undefined;
  do {
    const page = await client.send(
      new FilterLogEventsCommand({
        logGroupName: group,
        startTime: since,
        ...(type !== undefined && { filterPattern: `{ $.type = ${JSON.stringify(type)} }` }),
        ...(nextToken !== undefined && { nextToken }),
      }),
    );
    const events = (page.events ?? []).map(({ eventId, logStreamName, timestamp = 0, message = "" }) => ({
      // Emulators give no ids.
      id: eventId ?? `${logStreamName}/${timestamp}/${message}`,
      at: timestamp,
      text: message,
    }));
    yield* events.sort((one, other) => one.at - other.at);
    // A page may be empty, and more may follow all the same.
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}
