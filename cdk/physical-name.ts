import { createHash } from "node:crypto";
import { Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";

const HASH_LENGTH = 8;

/**
 * A name for a resource that CloudFormation can't name itself: at most `maxLength` characters, the same at every synth, and
 * different for every construct of every stack of one account and region.
 */
export function physicalName(construct: Construct, { suffix = "", maxLength = 80 } = {}): string {
  const stack = outermostStack(construct);
  // The path inside the stack, not the whole one: moving a stack into a stage must not rename its queues.
  const path = construct.node.path.slice(stack.node.path.length);
  const hash = createHash("sha256").update(`${stack.stackName}${path}`).digest("hex").slice(0, HASH_LENGTH);
  const readable = `${stack.stackName}-${construct.node.id}`;
  return `${readable.slice(0, maxLength - HASH_LENGTH - 1 - suffix.length)}-${hash}${suffix}`;
}

// The name of a nested stack is known only at deployment.
function outermostStack(construct: Construct): Stack {
  let stack = Stack.of(construct);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  return stack;
}
