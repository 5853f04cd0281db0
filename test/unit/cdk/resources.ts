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

export function variables(fn: Resource): Record<string, unknown> {
  return (fn.Properties.Environment as { Variables: Record<string, unknown> }).Variables;
}
