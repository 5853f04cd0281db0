import { type EventSourceState, functionOf } from "../../../runtime/adapters/aws/deployed/functions.ts";
import type { Seen, StackDescription } from "../description.ts";
import type { Finding, Verdict } from "../finding.ts";

const CHECK = "event sources";
const BATCH = 10;

/** What takes messages out of the queues and gives them to the functions. */
export function checkEventSources(description: StackDescription): Verdict[] {
  const { outputs, mailboxes, delaySources, delayQueue } = description;
  const shards = Number(outputs.get("MailboxShards") ?? 1);
  const worker = outputs.get("WorkerName");
  const delayed = "seen" in delayQueue ? delayQueue.seen : undefined;
  return [
    // One that only lies there is looked at with the mailboxes.
    ...mailboxes
      .filter(({ number, sources }) => number < shards || ("seen" in sources && sources.seen.length > 0))
      .flatMap(({ name, sources }) => checkQueue(`queue ${name}`, sources, { worker, what: "calls" })),
    ...checkQueue(`queue ${delayed?.name ?? "of the delay line"}`, delaySources, {
      worker: undefined,
      what: "delayed messages and alarms",
    }),
  ];
}

function checkQueue(
  of: string,
  look: Seen<readonly EventSourceState[]>,
  { worker, what }: { worker: string | undefined; what: string },
): Verdict[] {
  if ("unseen" in look) return [{ check: CHECK, of, untold: look.unseen }];
  const sources = look.seen;
  const error = (found: string, rule: string, fix: string): Finding => ({
    severity: "error",
    check: CHECK,
    of,
    found,
    rule,
    fix,
  });
  if (sources.length === 0) {
    return [
      error(
        "nothing takes messages out of it",
        `its ${what} wait, and are gone after four days`,
        "deploy again",
      ),
    ];
  }
  const names = sources.map(({ functionArn }) => functionOf(functionArn).name);
  const strangers = worker === undefined ? [] : [...new Set(names.filter((name) => name !== worker))];
  const verdicts: Verdict[] = [];
  if (strangers.length > 0) {
    verdicts.push(
      error(
        `${strangers.join(", ")} takes messages out of it`,
        `only the worker, ${worker}, runs ${what}: what another function takes is never answered`,
        "aws lambda delete-event-source-mapping for its mapping, and deploy again if the worker has none",
      ),
    );
  } else if (sources.length > 1) {
    verdicts.push({
      ...error(
        `${sources.length} event sources take messages out of it`,
        "one does: each more is polled, and paid, beside it",
        "look which of them CloudFormation knows, and delete the others",
      ),
      severity: "warning",
    });
  }
  return [...verdicts, ...sources.flatMap((source) => checkSource(of, source, what))];
}

function checkSource(of: string, source: EventSourceState, what: string): Verdict[] {
  const change = `aws lambda update-event-source-mapping --uuid ${source.id}`;
  const error = (setting: string, found: string, rule: string, fix: string): Finding => ({
    severity: "error",
    check: CHECK,
    of: `event source ${source.id} of ${of}`,
    setting,
    found,
    rule,
    fix,
  });
  const verdicts: Verdict[] = [];
  if (source.state === undefined) {
    verdicts.push({ check: CHECK, of, untold: `whether its event source ${source.id} is enabled` });
  } else if (source.state !== "Enabled" && source.state !== "Enabling" && source.state !== "Updating") {
    verdicts.push(
      error(
        "Enabled",
        `it is ${source.state}`,
        `while it is, ${what} wait, for four days at most`,
        `${change} --enabled, unless somebody has switched it off for a restore`,
      ),
    );
  }
  if (source.batchSize === undefined) {
    verdicts.push({ check: CHECK, of, untold: `the batch size of its event source ${source.id}` });
  } else if (source.batchSize !== BATCH) {
    verdicts.push({
      ...error(
        "BatchSize",
        `it hands out ${source.batchSize} messages at a time`,
        `${BATCH}, the most that a FIFO queue gives: fewer make a hot instance slower and every call dearer`,
        `deploy again, or ${change} --batch-size ${BATCH}`,
      ),
      severity: "warning",
    });
  }
  if ((source.windowSeconds ?? 0) > 0) {
    verdicts.push({
      ...error(
        "MaximumBatchingWindowInSeconds",
        `it waits up to ${source.windowSeconds} s for a batch to fill`,
        "there is no window: it makes every message late",
        `deploy again, or ${change} --maximum-batching-window-in-seconds 0`,
      ),
      severity: "warning",
    });
  }
  if (!source.responseTypes.includes("ReportBatchItemFailures")) {
    verdicts.push(
      error(
        "FunctionResponseTypes",
        "it does not listen to which messages have failed",
        "ReportBatchItemFailures: without it what a worker gives back is deleted, and its calls are lost",
        `deploy again, or ${change} --function-response-types ReportBatchItemFailures`,
      ),
    );
  }
  if (source.filters > 0) {
    verdicts.push(
      error(
        "FilterCriteria",
        `it has ${source.filters} filters`,
        "none: messages that fit no filter are deleted unseen",
        `deploy again, or ${change} --filter-criteria '{"Filters":[]}'`,
      ),
    );
  }
  return verdicts;
}
