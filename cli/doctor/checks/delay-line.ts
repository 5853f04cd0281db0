import { type StackDescription, seen } from "../description.ts";
import type { Verdict } from "../finding.ts";

const CHECK = "delay line";

/** The queue in which messages and wakes lie until they are due. */
export function checkDelayLine({
  isAws,
  delayQueue,
  delayDeadLetters,
  forwarder,
}: StackDescription): Verdict[] {
  if ("unseen" in delayQueue) return [{ check: CHECK, of: "the delay queue", untold: delayQueue.unseen }];
  const queue = delayQueue.seen;
  if (queue === undefined) {
    return [
      {
        severity: "error",
        check: CHECK,
        of: "the delay queue",
        found: "it is not there",
        rule: "delayed messages and the wakes of alarms go through it: calls that set an alarm fail",
        fix: "deploy again; CloudFormation makes a queue that was deleted by hand only if its name or its logical id changes",
      },
    ];
  }
  const of = `queue ${queue.name}`;
  const verdicts: Verdict[] = [];
  const timeout = seen(forwarder.function)?.timeoutSeconds;
  if (timeout !== undefined && queue.visibilitySeconds !== undefined && queue.visibilitySeconds < timeout) {
    verdicts.push({
      severity: "error",
      check: CHECK,
      of,
      setting: "VisibilityTimeout",
      found: `its visibility timeout is ${queue.visibilitySeconds} s`,
      rule: `not below the forwarder's timeout, ${timeout} s: messages are moved on twice, and Lambda may refuse the event source`,
      fix: `deploy again, or set VisibilityTimeout=${2 * timeout}`,
    });
  }
  const target = seen(delayDeadLetters.queue);
  if (queue.redrive === undefined && !isAws) {
    verdicts.push({ check: CHECK, of, untold: "its RedrivePolicy" });
  } else if (
    queue.redrive === undefined ||
    (target !== undefined && queue.redrive.targetArn !== target.arn)
  ) {
    verdicts.push({
      severity: "error",
      check: CHECK,
      of,
      setting: "RedrivePolicy",
      found:
        queue.redrive === undefined
          ? "it has no dead-letter queue"
          : `its dead letters go to ${queue.redrive.targetArn}`,
      rule: `a message or a wake that can't be moved on is kept for the operator${target === undefined ? "" : `, in ${target.arn}`}`,
      fix: "deploy again",
    });
  }
  return verdicts;
}
