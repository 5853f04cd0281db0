/** How late an alarm may be before somebody should look, in ms: a wake that is a minute late counts as lost, and calls may stand before it. */
export const OVERDUE_MS = 5 * 60_000;

/** How long a large commit may take to be applied, in ms: longer than any worker runs. */
export const UNFINISHED_MS = 15 * 60_000;

/** The most messages of a FIFO queue that SQS looks at, and the most that may be in flight: "Amazon SQS message quotas". */
export const QUEUE_REACH = 120_000;

/** Schedules of an account in a region: "Quotas for Amazon EventBridge Scheduler". */
export const MAX_SCHEDULES = 10_000_000;

/** What an on-demand table takes a second unless the quota is raised: "Quotas in Amazon DynamoDB". */
export const TABLE_UNITS = 40_000;

/** From which part of a quota on it is said to be near. */
export const NEAR = 0.8;
