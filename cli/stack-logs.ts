import { type LogEvent, logsClient, readLog } from "../runtime/adapters/aws/function-log.ts";
import { askAws, describeStack } from "./described-stack.ts";
import type { FunctionKind } from "./log-entry.ts";
import { inOrder, LogTail } from "./log-tail.ts";

/** In which output of a stack the name of a function's log group is. */
const OUTPUTS: Readonly<Record<FunctionKind, string>> = {
  router: "RouterLogs",
  worker: "WorkerLogs",
  forwarder: "ForwarderLogs",
};

const TO_READ = "on the log groups of the stack's functions logs:FilterLogEvents";

export interface StackLogsOptions {
  readonly functions: readonly FunctionKind[];
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly type: string | undefined;
}

export interface StackEvent extends LogEvent {
  readonly function: FunctionKind;
}

export interface StackLogs {
  /** What no reading has given yet, in the order of time. */
  read(): AsyncIterable<StackEvent>;
  close(): void;
}

/**
 * The logs of the functions of a deployed stack.
 *
 * @throws CommandError there is no such stack, or AWS does not tell
 */
export async function openStackLogs(
  stack: string,
  { functions, since, type }: StackLogsOptions,
): Promise<StackLogs> {
  const { output } = await describeStack(stack);
  const client = logsClient();
  const logs = functions.map((kind) => ({
    kind,
    group: output(OUTPUTS[kind]),
    tail: new LogTail(since),
  }));
  async function* unread({ kind, group, tail }: (typeof logs)[number]): AsyncGenerator<StackEvent> {
    const events = readLog(client, { group, since: tail.since, type });
    for (;;) {
      const { done, value } = await askAws(TO_READ, () => events.next());
      if (done === true) return;
      if (tail.take(value)) yield { ...value, function: kind };
    }
  }
  return { read: () => inOrder(logs.map(unread)), close: () => client.destroy() };
}
