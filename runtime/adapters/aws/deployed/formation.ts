import {
  type CloudFormationClient,
  DescribeStacksCommand,
  GetTemplateCommand,
  paginateListStackResources,
} from "@aws-sdk/client-cloudformation";

/** What CloudFormation says of a stack as a whole. */
export interface StackState {
  /** Such as `UPDATE_COMPLETE`. */
  readonly status: string;
  /** `DRIFTED`, `IN_SYNC`, `NOT_CHECKED` or `UNKNOWN`; `undefined`: not told. */
  readonly drift: string | undefined;
  /** When somebody last let CloudFormation look for drift, in ms since the epoch. */
  readonly driftCheckedAt: number | undefined;
}

/** A resource as it was deployed last. */
export interface DeployedResource {
  readonly logicalId: string;
  readonly type: string;
  /** When it was last changed by a deployment, in ms since the epoch. */
  readonly updatedAt: number | undefined;
  /** As the template has them: some are literal, some refer to other resources. */
  readonly properties: Readonly<Record<string, unknown>>;
}

export async function stackState(client: CloudFormationClient, stack: string): Promise<StackState> {
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
  const [found] = Stacks;
  return {
    status: found?.StackStatus ?? "",
    drift: found?.DriftInformation?.StackDriftStatus,
    driftCheckedAt: found?.DriftInformation?.LastCheckTimestamp?.getTime(),
  };
}

/** The resources of a stack by their physical ids: queues by URL, functions, tables and log groups by name, event sources by UUID. */
export async function deployedResources(
  client: CloudFormationClient,
  stack: string,
): Promise<ReadonlyMap<string, DeployedResource>> {
  const { TemplateBody = "" } = await client.send(
    new GetTemplateCommand({ StackName: stack, TemplateStage: "Processed" }),
  );
  const template = JSON.parse(TemplateBody) as { Resources?: Record<string, { Properties?: object }> };
  const resources = new Map<string, DeployedResource>();
  for await (const page of paginateListStackResources({ client }, { StackName: stack })) {
    for (const each of page.StackResourceSummaries ?? []) {
      const { LogicalResourceId = "", PhysicalResourceId, ResourceType = "", LastUpdatedTimestamp } = each;
      if (PhysicalResourceId === undefined) continue;
      resources.set(PhysicalResourceId, {
        logicalId: LogicalResourceId,
        type: ResourceType,
        updatedAt: LastUpdatedTimestamp && new Date(LastUpdatedTimestamp).getTime(),
        properties: { ...template.Resources?.[LogicalResourceId]?.Properties },
      });
    }
  }
  return resources;
}
