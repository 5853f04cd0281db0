import type { Template } from "aws-cdk-lib/assertions";
import type { Statement } from "./iam.ts";
import { deployed, type Known } from "./intrinsics.ts";
import { policyDocuments, statements } from "./policies.ts";
import { type Resource, resources } from "./resources.ts";

export const ACCOUNT = "111122223333";
export const REGION = "eu-west-1";

/** Where a stack is deployed to. */
export interface Place {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  /** Of the names of endpoints. */
  readonly suffix: string;
}

const PLACE: Place = { account: ACCOUNT, region: REGION, partition: "aws", suffix: "amazonaws.com" };

/** What `Ref` and `Fn::GetAtt` of a resource become, by type: its logical id stands for its name. */
function attributes(type: string, id: string, { account, region, partition, suffix }: Place): Known {
  const arn = (service: string, resource: string, of = region) =>
    `arn:${partition}:${service}:${of}:${account}:${resource}`;
  switch (type) {
    case "AWS::SQS::Queue":
      return {
        [id]: `https://sqs.${region}.${suffix}/${account}/${id}`,
        [`${id}.Arn`]: arn("sqs", id),
        [`${id}.QueueName`]: id,
      };
    case "AWS::DynamoDB::Table":
      return { [id]: id, [`${id}.Arn`]: arn("dynamodb", `table/${id}`) };
    case "AWS::Logs::LogGroup":
      return { [id]: id, [`${id}.Arn`]: arn("logs", `log-group:${id}:*`) };
    case "AWS::IAM::Role":
      return { [id]: id, [`${id}.Arn`]: arn("iam", `role/${id}`, "") };
    case "AWS::Scheduler::ScheduleGroup":
      return { [id]: id, [`${id}.Arn`]: arn("scheduler", `schedule-group/${id}`) };
    case "AWS::KMS::Key":
      return { [id]: id, [`${id}.Arn`]: arn("kms", `key/${id}`) };
    case "AWS::SecretsManager::Secret":
      return { [id]: arn("secretsmanager", `secret:${id}-a1B2c3`) };
    default:
      return {};
  }
}

/** What a template leaves open, as if it were deployed to one account and region. */
export function knownOf(template: Template, place: Place = PLACE): Known {
  const all = template.toJSON().Resources as Record<string, Resource>;
  return Object.assign(
    {
      "AWS::Partition": place.partition,
      "AWS::Region": place.region,
      "AWS::AccountId": place.account,
      "AWS::URLSuffix": place.suffix,
    },
    ...Object.entries(all).map(([id, { Type }]) => attributes(Type, id, place)),
  );
}

/** The statements of a role as deployed: its own, and those of policies that were attached to it. */
export function statementsOf(template: Template, roleId: string, place: Place = PLACE): Statement[] {
  const known = knownOf(template, place);
  const role = resources(template, "AWS::IAM::Role")[roleId];
  const attached = Object.values(resources(template, "AWS::IAM::Policy")).filter(({ Properties }) =>
    (Properties.Roles as { Ref?: string }[]).some(({ Ref }) => Ref === roleId),
  );
  const documents = [role?.Properties.Policies, ...attached.map(({ Properties }) => Properties)];
  return documents
    .flatMap(policyDocuments)
    .flatMap(statements)
    .map((statement) => withoutTokens(statement, known));
}

/** The id of the role of a function. */
export function roleOf(fn: Resource): string {
  return (fn.Properties.Role as { "Fn::GetAtt": [string, string] })["Fn::GetAtt"][0];
}

function withoutTokens(statement: object, known: Known): Statement {
  const resolve = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(resolve);
    const [first = ""] = Object.keys(value);
    if (first === "Ref" || first.startsWith("Fn::")) return deployed(value, known);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each)]));
  };
  return resolve(statement) as Statement;
}
