import {
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetFunctionRecursionConfigCommand,
  type LambdaClient,
  paginateListEventSourceMappings,
  ResourceNotFoundException,
} from "@aws-sdk/client-lambda";

/** A function as Lambda describes it: the version that the qualifier names, or the latest. */
export interface FunctionState {
  readonly name: string;
  readonly arn: string;
  readonly timeoutSeconds: number;
  readonly memoryMib: number;
  readonly runtime: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly codeHash: string;
  /** In ms since the epoch. */
  readonly modifiedAt: number;
  /** `Active`, `Pending`, `Inactive`, `Failed`; `undefined`: not told. */
  readonly state: string | undefined;
  /** `Successful`, `InProgress` or `Failed`. */
  readonly lastUpdate: string | undefined;
  readonly logGroup: string | undefined;
}

/** @returns `undefined`: there is no such function */
export async function functionState(
  client: LambdaClient,
  name: string,
  qualifier?: string,
): Promise<FunctionState | undefined> {
  try {
    const found = await client.send(
      new GetFunctionConfigurationCommand({
        FunctionName: name,
        ...(qualifier !== undefined && { Qualifier: qualifier }),
      }),
    );
    return {
      name,
      arn: found.FunctionArn ?? "",
      timeoutSeconds: found.Timeout ?? 0,
      memoryMib: found.MemorySize ?? 0,
      runtime: found.Runtime ?? "",
      environment: found.Environment?.Variables ?? {},
      codeHash: found.CodeSha256 ?? "",
      modifiedAt: Date.parse(found.LastModified ?? ""),
      state: found.State,
      lastUpdate: found.LastUpdateStatus,
      logGroup: found.LoggingConfig?.LogGroup,
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** `Allow` or `Terminate`. */
export async function recursiveLoop(client: LambdaClient, name: string): Promise<string | undefined> {
  return (await client.send(new GetFunctionRecursionConfigCommand({ FunctionName: name }))).RecursiveLoop;
}

/** How many of a function may run at once, where that is set for it alone. */
export async function reservedConcurrency(client: LambdaClient, name: string): Promise<number | undefined> {
  return (await client.send(new GetFunctionConcurrencyCommand({ FunctionName: name })))
    .ReservedConcurrentExecutions;
}

export interface AliasState {
  readonly name: string;
  readonly version: string;
  /** The other version that gets a part of the traffic, and which part. */
  readonly other: { readonly version: string; readonly share: number } | undefined;
}

export async function aliasState(client: LambdaClient, name: string, alias: string): Promise<AliasState> {
  const found = await client.send(new GetAliasCommand({ FunctionName: name, Name: alias }));
  const [other] = Object.entries(found.RoutingConfig?.AdditionalVersionWeights ?? {});
  return {
    name: alias,
    version: found.FunctionVersion ?? "",
    other: other && { version: other[0], share: other[1] },
  };
}

/** What takes messages from a queue and gives them to a function. */
export interface EventSourceState {
  readonly id: string;
  readonly queueArn: string;
  /** Of a function, or of a version or an alias of it. */
  readonly functionArn: string;
  /** `Enabled`, `Disabled`, or on its way to one of them. */
  readonly state: string | undefined;
  readonly batchSize: number | undefined;
  readonly windowSeconds: number | undefined;
  readonly responseTypes: readonly string[];
  readonly maximumConcurrency: number | undefined;
  /** Messages that fit none of them are deleted unseen. */
  readonly filters: number;
}

/** The event sources of a queue, or of a function. */
export async function eventSources(
  client: LambdaClient,
  of: { readonly EventSourceArn: string } | { readonly FunctionName: string },
): Promise<EventSourceState[]> {
  const sources: EventSourceState[] = [];
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client }, of)) {
    for (const each of EventSourceMappings) {
      sources.push({
        id: each.UUID ?? "",
        queueArn: each.EventSourceArn ?? "",
        functionArn: each.FunctionArn ?? "",
        state: each.State,
        batchSize: each.BatchSize,
        windowSeconds: each.MaximumBatchingWindowInSeconds,
        responseTypes: each.FunctionResponseTypes ?? [],
        maximumConcurrency: each.ScalingConfig?.MaximumConcurrency,
        filters: each.FilterCriteria?.Filters?.length ?? 0,
      });
    }
  }
  return sources;
}

/** How many functions of the account may run at once, and how many of these no function has for itself. */
export async function accountConcurrency(
  client: LambdaClient,
): Promise<{ readonly limit: number; readonly unreserved: number } | undefined> {
  const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
  const { ConcurrentExecutions: limit, UnreservedConcurrentExecutions: unreserved } = AccountLimit ?? {};
  return limit === undefined || unreserved === undefined ? undefined : { limit, unreserved };
}

/** The name of a function in its ARN, and the alias or version behind it. */
export function functionOf(arn: string): { name: string; qualifier: string | undefined } {
  const [, , , , , , name = arn, qualifier] = arn.split(":");
  return { name, qualifier };
}
