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

/** A function by its handler, as its description begins. */
export function functionOf(from: Template, handler: "Worker" | "Router" | "Forwarder"): [string, Resource] {
  return only(from, FUNCTION, ({ Description }) => String(Description).startsWith(`${handler} of `));
}

/** The queues of a stack with one construct, each with its id. */
export function queuesOf(from: Template) {
  const queue = ({ fifo, redriven }: { fifo: boolean; redriven: boolean }) =>
    only(
      from,
      QUEUE,
      ({ FifoQueue, RedrivePolicy }) =>
        (FifoQueue === true) === fifo && (RedrivePolicy !== undefined) === redriven,
    );
  return {
    mailbox: queue({ fifo: true, redriven: true }),
    deadLetters: queue({ fifo: true, redriven: false }),
    delay: queue({ fifo: false, redriven: true }),
    delayDeadLetters: queue({ fifo: false, redriven: false }),
  };
}

/** The role in which schedules are carried out, with its id. */
export function schedulerRoleOf(from: Template): [string, Resource] {
  return only(from, "AWS::IAM::Role", ({ AssumeRolePolicyDocument }) =>
    JSON.stringify(AssumeRolePolicyDocument).includes('"scheduler.amazonaws.com"'),
  );
}

/** The name of a function with that of its alias, made of the alias's ARN. */
export function qualified(aliasId: string, alias: string) {
  const name = { "Fn::Select": [6, { "Fn::Split": [":", { Ref: aliasId }] }] };
  return { "Fn::Join": ["", [name, `:${alias}`]] };
}

/** A text with the ids of published versions cut short: they end in a digest of code and settings, and so does what they name. */
export function withoutDigests(text: string): string {
  return text.replaceAll(/(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g, "$1");
}

export function variables(fn: Resource): Record<string, unknown> {
  return (fn.Properties.Environment as { Variables: Record<string, unknown> }).Variables;
}
