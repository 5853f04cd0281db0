import type { Template } from "aws-cdk-lib/assertions";
import { type Resource, resources } from "./resources.ts";

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

interface PolicyDocument {
  readonly Statement: Statement | Statement[];
}

export const statements = (document: PolicyDocument): Statement[] => [document.Statement].flat();

/** Every policy document in a template, wherever it hangs. */
export function policyDocuments(node: unknown): PolicyDocument[] {
  if (typeof node !== "object" || node === null) return [];
  const here = "Statement" in node ? [node as PolicyDocument] : [];
  return [...here, ...Object.values(node).flatMap(policyDocuments)];
}

/** What a function may do, by resource, and by partition keys where these are said: all policies of its role together. */
export function rightsOf(from: Template, fn: Resource): Record<string, string[]> {
  const [roleId] = (fn.Properties.Role as { "Fn::GetAtt": [string, string] })["Fn::GetAtt"];
  return rightsOfRole(from, roleId);
}

/** What a role may do, by resource: all its policies together. */
export function rightsOfRole(from: Template, roleId: string): Record<string, string[]> {
  const role = resources(from, "AWS::IAM::Role")[roleId];
  const inline = policyDocuments(role?.Properties.Policies);
  const attached = Object.values(resources(from, "AWS::IAM::Policy"))
    .filter((policy) => JSON.stringify(policy.Properties.Roles).includes(`"${roleId}"`))
    .flatMap((policy) => policyDocuments(policy.Properties));
  const found: Record<string, string[]> = {};
  for (const statement of [...inline, ...attached].flatMap(statements)) {
    for (const resource of [statement.Resource].flat()) {
      const key = `${resourceKey(resource)}${leadingKeys(statement)}`;
      found[key] = [...(found[key] ?? []), statement.Action].flat().sort();
    }
  }
  return found;
}

/** ` of <partition keys>`, where a statement is for some of a table's only. */
function leadingKeys({ Condition }: Statement): string {
  const condition = (Condition as Record<string, Record<string, string | string[]>> | undefined)?.[
    "ForAllValues:StringLike"
  ];
  const keys = condition?.["dynamodb:LeadingKeys"];
  return keys === undefined ? "" : ` of ${[keys].flat().join(" ")}`;
}

/** `<logical id>.<attribute>`, the name of an export, a literal, or else JSON. */
function resourceKey(resource: unknown): string {
  if (typeof resource === "string") return resource;
  const { "Fn::GetAtt": attribute, "Fn::ImportValue": imported } = resource as Record<string, unknown>;
  if (Array.isArray(attribute)) return attribute.join(".");
  return typeof imported === "string" ? imported : JSON.stringify(resource);
}
