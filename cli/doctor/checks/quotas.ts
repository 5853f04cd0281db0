import { type StackDescription, seen } from "../description.ts";
import type { Finding, Verdict } from "../finding.ts";
import { MAX_SCHEDULES, NEAR, TABLE_UNITS } from "../limits.ts";

const CHECK = "quotas";
/** What Lambda keeps for functions without a reserve of their own, and what the worker needs to get on at all. */
const LEAST_UNRESERVED = 100;
const MINUTE = 60;
/** How long the oldest call may have waited, in seconds, before somebody should look: its caller has given up by then. */
const WAITED_SECONDS = 60;

/** What the account and the services allow, and how near the last hour came to it. */
export function checkQuotas({ stack, concurrency, metrics, schedules }: StackDescription): Verdict[] {
  const of = `stack ${stack}`;
  const verdicts: Verdict[] = [];
  const warning = (about: string, found: string, rule: string, fix: string): Finding => ({
    severity: "warning",
    check: CHECK,
    of: about,
    found,
    rule,
    fix,
  });
  const account = seen(concurrency);
  if ("unseen" in concurrency) verdicts.push({ check: CHECK, of: "Lambda", untold: concurrency.unseen });
  if (account !== undefined && account.unreserved < LEAST_UNRESERVED) {
    verdicts.push(
      warning(
        "Lambda",
        `of ${account.limit} functions at once ${account.unreserved} are left for those without a reserve`,
        `at least ${LEAST_UNRESERVED}: worker, router and forwarder take theirs from there, together with all other functions of the account`,
        'reserve less elsewhere, or raise the quota "Concurrent executions"',
      ),
    );
  }
  if ("unseen" in metrics) verdicts.push({ check: CHECK, of: "CloudWatch", untold: metrics.unseen });
  const last = seen(metrics);
  const peak = last?.functionsAtOnce?.peak;
  if (account !== undefined && peak !== undefined && peak >= NEAR * account.limit) {
    verdicts.push(
      warning(
        "Lambda",
        `${peak} functions ran at once in the last hour, of ${account.limit}`,
        "beyond that messages wait, and requests are refused with 429 or 503",
        'raise the quota "Concurrent executions"; docs/scale.md says what a rate of calls takes',
      ),
    );
  }
  const throttled = [
    ["worker", last?.workerThrottles, "batches were put back: calls come late, and count a receive"],
    ["router", last?.routerThrottles, "requests were refused"],
  ] as const;
  for (const [name, throttles, meaning] of throttled) {
    if (throttles === undefined || throttles.sum === 0) continue;
    verdicts.push(
      warning(
        `the ${name}`,
        `it was throttled ${throttles.sum} times in the last hour`,
        meaning,
        "raise the account's concurrency, or reserve less for other functions (docs/operations.md, Throttling)",
      ),
    );
  }
  if ((last?.workerErrors?.sum ?? 0) > 0) {
    verdicts.push(
      warning(
        "the worker",
        `${last?.workerErrors?.sum} invocations failed in the last hour`,
        "a worker tells of what fails by itself: one that fails as a whole ran out of memory or time, or was ended by user code",
        `actors logs --stack ${stack} --function worker --since 1h (docs/operations.md, A poison envelope)`,
      ),
    );
  }
  const tableThrottles = (last?.tableWriteThrottles?.sum ?? 0) + (last?.tableReadThrottles?.sum ?? 0);
  if (tableThrottles > 0) {
    verdicts.push(
      warning(
        "the actor table",
        `${tableThrottles} of its requests were throttled in the last hour`,
        "batches come again after 1 to 20 s; no commit is half made",
        "docs/operations.md, Throttling: a partition (one hot instance), a maximum of the table, or the quota",
      ),
    );
  }
  const units = last?.tableWriteUnits && last.tableWriteUnits.peak / MINUTE;
  if (units !== undefined && units >= NEAR * TABLE_UNITS) {
    verdicts.push(
      warning(
        "the actor table",
        `it took ${Math.round(units)} write units a second in the last hour`,
        `${TABLE_UNITS} are the quota of a table unless it was raised`,
        'raise "Table-level write throughput limit", or spread the instances over several stacks (docs/scale.md)',
      ),
    );
  }
  if ((last?.oldestMessage?.peak ?? 0) >= WAITED_SECONDS) {
    verdicts.push(
      warning(
        of,
        `a call waited for ${Math.round(last?.oldestMessage?.peak ?? 0)} s in the last hour`,
        "callers give up after 28 s: an instance is hot, the workers are throttled, or one dies again and again",
        "docs/operations.md: A hot actor, Throttling, A poison envelope",
      ),
    );
  }
  const found = seen(schedules)?.found.length ?? 0;
  if (found >= NEAR * MAX_SCHEDULES) {
    verdicts.push(
      warning(
        of,
        `${found} alarms lie in the Scheduler`,
        `${MAX_SCHEDULES} are the quota of the account: beyond it the delay queue carries each in steps of 15 minutes`,
        'raise the quota "Schedules"',
      ),
    );
  }
  return verdicts;
}
