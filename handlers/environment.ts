/** The value of an environment variable that the stack must have set. */
export function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`the environment variable ${name} is not set; deploy the function with the CDK app`);
  return value;
}

/** The value of an environment variable that the stack sets only where it is needed. */
export function optional(name: string): string | undefined {
  return process.env[name] || undefined;
}

/** A whole number of seconds from the environment, in ms. */
export function requiredSeconds(name: string): number {
  const seconds = Number(required(name));
  if (!Number.isInteger(seconds) || seconds <= 0)
    throw new Error(`${name} must be a whole number of seconds`);
  return seconds * 1000;
}

/** How many mailbox queues there are, in digits. A wrong count would send calls to mailboxes that nobody looks at. */
export function shardCount(shards: string): number {
  const count = Number(shards);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`a count of mailbox queues must be a whole number from 1, not ${JSON.stringify(shards)}`);
}
