import { shownTime } from "../../shown.ts";
import type { DescribedDeadLetters, StackDescription } from "../description.ts";
import type { Verdict } from "../finding.ts";

const CHECK = "dead letters";
const DAY_SECONDS = 86_400;
/** As the construct deploys it, and the longest that SQS allows. */
const KEPT_DAYS = 14;

export function checkDeadLetters(description: StackDescription): Verdict[] {
  return [
    ...checkQueue("the dead-letter queue", description.deadLetters, description),
    ...checkQueue("the delay line's dead-letter queue", description.delayDeadLetters, description),
  ];
}

function checkQueue(
  label: string,
  { queue: look, oldest }: DescribedDeadLetters,
  { stack, now }: StackDescription,
): Verdict[] {
  if ("unseen" in look) return [{ check: CHECK, of: label, untold: look.unseen }];
  const queue = look.seen;
  if (queue === undefined) {
    return [
      {
        severity: "error",
        check: CHECK,
        of: label,
        found: "it is not there",
        rule: "what no worker could settle is kept for the operator: without it, it is received for ever or lost",
        fix: "deploy again; CloudFormation makes a queue that was deleted by hand only if its name or its logical id changes",
      },
    ];
  }
  const of = `queue ${queue.name}`;
  const verdicts: Verdict[] = [];
  const count = queue.waiting + queue.inFlight;
  if (count > 0) {
    const age =
      "seen" in oldest && oldest.seen !== undefined
        ? `, the oldest to be seen from ${shownTime(oldest.seen, now)}`
        : "";
    verdicts.push({
      severity: "error",
      check: CHECK,
      of,
      found: `about ${count} dead letter${count === 1 ? "" : "s"}${age}`,
      rule: "nobody has settled them, and after 14 days they are gone",
      fix: `actors dlq list --stack ${stack}, mend the cause, then actors dlq redrive`,
    });
  }
  if ("unseen" in oldest) verdicts.push({ check: CHECK, of, untold: `how old they are: ${oldest.unseen}` });
  if (queue.retentionSeconds !== undefined && queue.retentionSeconds < KEPT_DAYS * DAY_SECONDS) {
    verdicts.push({
      severity: "warning",
      check: CHECK,
      of,
      setting: "MessageRetentionPeriod",
      found: `dead letters are kept for ${(queue.retentionSeconds / DAY_SECONDS).toFixed(1)} days`,
      rule: `${KEPT_DAYS} days, so that somebody has time to look`,
      fix: `deploy again, or set MessageRetentionPeriod=${KEPT_DAYS * DAY_SECONDS}`,
    });
  }
  return verdicts;
}
