import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  ResourceNotFoundException,
} from "@aws-sdk/client-dynamodb";

/** A table as DynamoDB describes it. What is `undefined` was not told. */
export interface TableState {
  readonly name: string;
  readonly status: string;
  /** Names of the keys: the partition's, then the sort key if there is one. */
  readonly keys: readonly string[];
  /** `PAY_PER_REQUEST` or `PROVISIONED`. */
  readonly billingMode: string;
  /** The most units a second, where somebody has set one. */
  readonly maxReadUnits: number | undefined;
  readonly maxWriteUnits: number | undefined;
  readonly deletionProtection: boolean | undefined;
  /** Both are counted every six hours or so. */
  readonly items: number;
  readonly bytes: number;
  /** Regions that hold a copy which takes writes. */
  readonly replicas: readonly string[];
}

/** @returns `undefined`: there is no such table */
export async function tableState(client: DynamoDBClient, name: string): Promise<TableState | undefined> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    const keys = Table?.KeySchema ?? [];
    return {
      name,
      status: Table?.TableStatus ?? "",
      keys: ["HASH", "RANGE"].flatMap((kind) =>
        keys.flatMap(({ AttributeName = "", KeyType }) => (KeyType === kind ? [AttributeName] : [])),
      ),
      billingMode: Table?.BillingModeSummary?.BillingMode ?? "PROVISIONED",
      maxReadUnits: limit(Table?.OnDemandThroughput?.MaxReadRequestUnits),
      maxWriteUnits: limit(Table?.OnDemandThroughput?.MaxWriteRequestUnits),
      deletionProtection: Table?.DeletionProtectionEnabled,
      items: Table?.ItemCount ?? 0,
      bytes: Table?.TableSizeBytes ?? 0,
      replicas: (Table?.Replicas ?? []).flatMap(({ RegionName }) => RegionName ?? []),
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** DynamoDB says -1 where there is none. */
function limit(units: number | undefined): number | undefined {
  return units === undefined || units < 0 ? undefined : units;
}

/** The attribute by which items expire; `undefined`: they do not. */
export async function expiryAttribute(client: DynamoDBClient, name: string): Promise<string | undefined> {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: name }));
  const { TimeToLiveStatus, AttributeName } = TimeToLiveDescription ?? {};
  return TimeToLiveStatus === "ENABLED" || TimeToLiveStatus === "ENABLING" ? AttributeName : undefined;
}

/** Whether the table can be restored to any second of the last weeks; `undefined`: not told. */
export async function isRecoverable(client: DynamoDBClient, name: string): Promise<boolean | undefined> {
  const { ContinuousBackupsDescription } = await client.send(
    new DescribeContinuousBackupsCommand({ TableName: name }),
  );
  const status = ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
  return status && status === "ENABLED";
}
