import type { DeployedResource } from "../../../runtime/adapters/aws/deployed/formation.ts";
import type { EventSourceState, FunctionState } from "../../../runtime/adapters/aws/deployed/functions.ts";
import type { QueueState } from "../../../runtime/adapters/aws/deployed/queues.ts";
import {
  type DescribedFunction,
  type DescribedTable,
  type FunctionName,
  type Seen,
  type StackDescription,
  seen,
} from "../description.ts";
import type { Check, Verdict } from "../finding.ts";

/** A setting as it is; `undefined`: it was not told. */
type Setting = string | number | boolean | undefined;

interface Actual {
  readonly check: Check;
  readonly of: string;
  readonly physicalId: string;
  /** By the path of the property in the template. */
  readonly settings: Readonly<Record<string, Setting>>;
  /** Other names under which the rules know a property. */
  readonly alias?: Readonly<Record<string, string>>;
}

/**
 * Which settings are not what the last deployment has made them. Only what the template says as it is can be compared: what it
 * leaves to AWS, or takes from another resource, has no value there.
 */
export function checkDrift(description: StackDescription): Verdict[] {
  const { stack, deployed, isAws } = description;
  if ("unseen" in deployed) return [{ check: "stack", of: `stack ${stack}`, untold: deployed.unseen }];
  return actuals(description).flatMap((actual) => {
    const resource = deployed.seen.get(actual.physicalId);
    return resource === undefined ? [] : compare(actual, resource, isAws);
  });
}

function compare(
  { check, of, settings, alias }: Actual,
  { properties }: DeployedResource,
  isAws: boolean,
): Verdict[] {
  return Object.entries(settings).flatMap(([path, is]): Verdict[] => {
    const was = literal(at(properties, path));
    if (was === undefined || String(was) === String(is)) return [];
    const setting = alias?.[path] ?? path;
    if (is === undefined) {
      // What is not there at all is judged with the queues.
      if (path.startsWith("RedrivePolicy.")) return [];
      return [{ check, of, untold: `its ${path}, which was deployed as ${was}` }];
    }
    // Judged where the setting has a rule of its own.
    if (!isAws && FORGOTTEN.has(path)) return [];
    return [
      {
        severity: "warning",
        check,
        of,
        setting,
        found: `its ${path} is ${is}`,
        rule: `it was deployed as ${was}: the next deployment that changes the resource takes it back`,
        fix: "put the setting into the construct, or deploy again; CloudFormation leaves a resource as it is while its template does not change",
      },
    ];
  });
}

/** What stands in for AWS takes these at the deployment, and says something else later. */
const FORGOTTEN = new Set([
  "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled",
  "RecursiveLoop",
  "TimeToLiveSpecification.Enabled",
]);

function at(properties: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => {
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }, properties);
}

function literal(value: unknown): Setting {
  if (Array.isArray(value))
    return value.every((each) => typeof each === "string") ? value.join(",") : undefined;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : undefined;
}

function actuals(description: StackDescription): Actual[] {
  const { mailboxes, delayQueue, deadLetters, delayDeadLetters, delaySources } = description;
  const { actorTable, replyTable, logs } = description;
  const names: readonly FunctionName[] = ["worker", "router", "forwarder"];
  return [
    ...mailboxes.flatMap(({ queue, sources }) => [
      ...queueSettings("mailboxes", queue),
      ...(seen(sources) ?? []).map(sourceSettings),
    ]),
    ...queueSettings("delay line", delayQueue),
    ...(seen(delaySources) ?? []).map(sourceSettings),
    ...queueSettings("dead letters", deadLetters.queue),
    ...queueSettings("dead letters", delayDeadLetters.queue),
    ...tableSettings(actorTable),
    ...tableSettings(replyTable),
    ...names.flatMap((name) => functionSettings(name, description[name])),
    ...names.flatMap((name) => {
      const group = seen(logs[name]);
      if (group === undefined) return [];
      return {
        check: "logs" as const,
        of: `log of the ${name}`,
        physicalId: group.name,
        // A word, so that it differs from every number.
        settings: { RetentionInDays: group.retentionDays ?? "for ever" },
      };
    }),
  ];
}

function queueSettings(check: Check, look: Seen<QueueState | undefined>): Actual[] {
  const queue = seen(look);
  if (queue === undefined) return [];
  return [
    {
      check,
      of: `queue ${queue.name}`,
      physicalId: queue.url,
      settings: {
        VisibilityTimeout: queue.visibilitySeconds,
        MessageRetentionPeriod: queue.retentionSeconds,
        DelaySeconds: queue.delaySeconds,
        FifoThroughputLimit: queue.throughputLimit,
        DeduplicationScope: queue.deduplicationScope,
        ContentBasedDeduplication: queue.contentBasedDeduplication,
        SqsManagedSseEnabled: queue.ownKey,
        "RedrivePolicy.maxReceiveCount": queue.redrive?.maxReceives,
      },
    },
  ];
}

function sourceSettings(source: EventSourceState): Actual {
  const queue = source.queueArn.slice(source.queueArn.lastIndexOf(":") + 1);
  return {
    check: "event sources",
    of: `event source ${source.id} of queue ${queue}`,
    physicalId: source.id,
    settings: {
      BatchSize: source.batchSize,
      Enabled:
        source.state === undefined ? undefined : source.state !== "Disabled" && source.state !== "Disabling",
      FunctionResponseTypes: source.responseTypes.join(","),
      "ScalingConfig.MaximumConcurrency": source.maximumConcurrency ?? "none",
    },
  };
}

function tableSettings({ table, expiry, recoverable }: DescribedTable): Actual[] {
  const found = seen(table);
  if (found === undefined) return [];
  return [
    {
      check: "tables",
      of: `table ${found.name}`,
      physicalId: found.name,
      settings: {
        BillingMode: found.billingMode,
        DeletionProtectionEnabled: found.deletionProtection,
        ...("seen" in recoverable && {
          "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": recoverable.seen,
        }),
        ...("seen" in expiry && { "TimeToLiveSpecification.Enabled": expiry.seen !== undefined }),
      },
      alias: {
        "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": "PointInTimeRecovery",
        "TimeToLiveSpecification.Enabled": "TimeToLive",
      },
    },
  ];
}

function functionSettings(name: FunctionName, described: DescribedFunction): Actual[] {
  const found = seen(described.function);
  if (found === undefined) return [];
  const { recursiveLoop, reserved } = described;
  return [
    {
      check: "functions",
      of: `${name} ${found.name}`,
      physicalId: found.name,
      settings: {
        Timeout: found.timeoutSeconds,
        MemorySize: found.memoryMib,
        Runtime: found.runtime,
        ...("seen" in recursiveLoop && { RecursiveLoop: recursiveLoop.seen }),
        ...("seen" in reserved && { ReservedConcurrentExecutions: reserved.seen ?? "none" }),
        ...variables(found),
      },
    },
  ];
}

/** Variables of the project may be secrets: their values are not told. */
function variables({ environment }: FunctionState): Record<string, Setting> {
  const own = /^(LEASE_SECONDS|ALARM_BUDGET_SECONDS|REPLY_RETENTION_SECONDS|MAILBOX_SHARDS)$/;
  return Object.fromEntries(
    Object.entries(environment)
      .filter(([name]) => own.test(name))
      .map(([name, value]) => [`Environment.Variables.${name}`, value]),
  );
}
