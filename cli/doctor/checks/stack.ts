import { duration } from "../../shown.ts";
import type { StackDescription } from "../description.ts";
import type { Verdict } from "../finding.ts";

/** Whether the last deployment has ended well, and what CloudFormation itself knows of changes by hand. */
export function checkStack({ stack, now, state }: StackDescription): Verdict[] {
  const of = `stack ${stack}`;
  if ("unseen" in state) return [{ check: "stack", of, untold: state.unseen }];
  const { status, drift, driftCheckedAt } = state.seen;
  const verdicts: Verdict[] = [];
  const look = `aws cloudformation detect-stack-drift --stack-name ${stack}`;
  if (/_FAILED$/.test(status)) {
    verdicts.push({
      severity: "error",
      check: "stack",
      of,
      found: `its last deployment ended in ${status}`,
      rule: "a deployment ends complete, or is rolled back whole: in between, functions and queues may be of two versions",
      fix: "look at its events in CloudFormation, continue the rollback or deploy again",
    });
  } else if (/_IN_PROGRESS$/.test(status)) {
    verdicts.push({
      severity: "warning",
      check: "stack",
      of,
      found: `a deployment is under way: ${status}`,
      rule: "what is half deployed is of two versions, and what is found here may be gone in a minute",
      fix: "look again when it has ended",
    });
  } else if (/ROLLBACK_COMPLETE$/.test(status)) {
    verdicts.push({
      severity: "note",
      check: "stack",
      of,
      found: `its last deployment was taken back: ${status}`,
      rule: "the version from before is at work",
      fix: "look at its events in CloudFormation, mend the cause and deploy again",
    });
  }
  if (drift === "DRIFTED") {
    const when = driftCheckedAt === undefined ? "" : `, ${duration(now - driftCheckedAt)} ago`;
    verdicts.push({
      severity: "warning",
      check: "stack",
      of,
      found: `CloudFormation has found resources that were changed by hand${when}`,
      rule: "what was changed by hand is put back, or not, by the next deployment",
      fix: `aws cloudformation describe-stack-resource-drifts --stack-name ${stack} says which; after mending, ${look}`,
    });
  }
  return verdicts;
}
