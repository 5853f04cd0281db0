import type { Template } from "aws-cdk-lib/assertions";
import { withoutDigests } from "./resources.ts";

/** What a reader of a template wants to know of a resource, by type: what is lost, or opened, when it changes. */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  "AWS::ApiGatewayV2::Api": ["ProtocolType", "CorsConfiguration", "DisableExecuteApiEndpoint"],
  "AWS::ApiGatewayV2::Route": ["RouteKey", "AuthorizationType"],
  "AWS::ApiGatewayV2::Stage": ["StageName", "AutoDeploy", "DefaultRouteSettings"],
  "AWS::CloudWatch::Alarm": ["MetricName", "Threshold", "Period", "EvaluationPeriods"],
  "AWS::DynamoDB::Table": [
    "KeySchema",
    "BillingMode",
    "PointInTimeRecoverySpecification",
    "DeletionProtectionEnabled",
    "TimeToLiveSpecification",
  ],
  "AWS::IAM::Role": [],
  "AWS::Lambda::Alias": ["Name"],
  "AWS::Lambda::EventSourceMapping": ["BatchSize", "FunctionResponseTypes", "ScalingConfig"],
  "AWS::Lambda::Function": ["Runtime", "MemorySize", "Timeout", "RecursiveLoop"],
  "AWS::Lambda::Permission": ["Principal"],
  "AWS::Logs::LogGroup": ["RetentionInDays"],
  "AWS::SQS::Queue": [
    "FifoQueue",
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "SqsManagedSseEnabled",
    "DeduplicationScope",
    "FifoThroughputLimit",
  ],
};

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}

/** A template in a line for each resource: logical id, type, what becomes of it with the stack, and the settings that matter. */
export function summary(template: Template): string {
  const { Resources } = template.toJSON() as { Resources: Record<string, Resource> };
  return Object.entries(Resources)
    .map(([id, resource]) => line(id, resource))
    .sort()
    .join("\n");
}

function line(id: string, { Type, Properties = {}, DeletionPolicy }: Resource): string {
  const settings = (SETTINGS[Type] ?? [])
    .filter((name) => Properties[name] !== undefined)
    .map((name) => `${name}=${plain(Properties[name])}`);
  return [withoutDigests(id), Type.replace(/^AWS::/, ""), DeletionPolicy, ...settings]
    .filter((part) => part !== undefined)
    .join(" ");
}

/** Without the quotes and the words that tell nothing. */
function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value).replaceAll('"', "");
}
