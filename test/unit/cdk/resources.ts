import type { Template } from "aws-cdk-lib/assertions";

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export const QUEUE = "AWS::SQS::Queue";
const TABLE = "AWS::DynamoDB::Table";
export const FUNCTION = "AWS::Lambda::Function";

export function resources(from: Template, type: string): Record<string, Resource> {
  return from.findResources(type) as Record<string, Resource>;
}

export function only(
  from: Template,
  type: string,
  matches: (properties: Resource["Properties"]) => boolean,
): [string, Resource] {
  const [found, ...others] = Object.entries(resources(from, type)).filter(([, r]) => matches(r.Properties));
  if (found === undefined || others.length > 0) throw new Error(`not exactly one such ${type}`);
  return found;
}

export function tableWithKey(from: Template, key: string): [string, Resource] {
  return only(from, TABLE, (table) =>
    JSON.stringify(table.KeySchema).startsWith(`[{"AttributeName":"${key}"`),
  );
}

export function isWorker(properties: Resource["Properties"]): boolean {
  return String(properties.Description).startsWith("Worker");
}

export function variables(fn: Resource): Record<string, unknown> {
  return (fn.Properties.Environment as { Variables: Record<string, unknown> }).Variables;
}
