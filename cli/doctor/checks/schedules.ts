import { isSameWake } from "../../../runtime/core/alarm.ts";
import { duration, shownName } from "../../shown.ts";
import { type DescribedSchedule, type StackDescription, seen } from "../description.ts";
import type { Verdict } from "../finding.ts";

const CHECK = "schedules";

/** How long after its time a schedule may still be there, in ms: the Scheduler tries for a day to send what it holds. */
const PAST_MS = 24 * 3_600_000;

/** How many are named, of those that are alike. */
const NAMED = 5;

/** One-time schedules that bring back the wakes of far alarms. */
export function checkSchedules({ stack, now, outputs, schedules, delayQueue }: StackDescription): Verdict[] {
  const of = `schedule group ${outputs.get("ScheduleGroup") ?? `of ${stack}`}`;
  if ("unseen" in schedules) return [{ check: CHECK, of, untold: schedules.unseen }];
  const group = schedules.seen;
  if (group === undefined) {
    return [
      {
        severity: "error",
        check: CHECK,
        of,
        found: "it is not there, and its schedules with it",
        rule: "alarms that are more than 15 minutes ahead lie in it; without it the delay queue carries each in steps of 15 minutes, and those that were there are lost",
        fix: `deploy again; then call each instance that has an alarm, which arms it anew (actors list --stack ${stack} --json has them)`,
      },
    ];
  }
  const unseen = group.found.flatMap(({ head }) => ("unseen" in head ? head.unseen : []));
  const past = group.found.filter(({ at }) => at !== undefined && at < now - PAST_MS);
  const off = group.found.filter(({ enabled, at }) => !enabled && !past.some((each) => each.at === at));
  const foreign = group.found.filter(({ wake }) => wake === undefined);
  const orphans = group.found.filter((each) => isOrphan(each) && !past.includes(each));
  const target = seen(delayQueue)?.arn;
  const elsewhere = group.found.filter(
    ({ targetArn, wake }) => wake !== undefined && target !== undefined && targetArn !== target,
  );
  const verdicts: Verdict[] = [];
  const tell = (
    severity: "error" | "warning" | "note",
    which: readonly DescribedSchedule[],
    { found, rule, fix }: { found: string; rule: string; fix: string },
  ) => {
    if (which.length === 0) return;
    verdicts.push({ severity, check: CHECK, of, found: `${found}: ${named(which)}`, rule, fix });
  };
  tell("warning", past, {
    found: `${past.length} should have fired more than a day ago (the oldest ${duration(now - Math.min(...past.map(({ at = now }) => at)))} ago)`,
    rule: "a schedule that has fired is deleted: these never will",
    fix: "call the instances that they name, which fires what is overdue; then aws scheduler delete-schedule",
  });
  tell("error", off, {
    found: `${off.length} are disabled`,
    rule: "the alarm of a disabled schedule comes only with the next call of its instance",
    fix: "enable them, or call the instances",
  });
  tell("error", elsewhere, {
    found: `${elsewhere.length} send to another queue than the stack's delay queue`,
    rule: "a wake comes into the mailbox by the delay queue; elsewhere nobody knows it, and its alarm comes only with the next call of its instance",
    fix: "a schedule keeps the queue of its time: call the instances when the alarm is due, or change its target",
  });
  tell("warning", foreign, {
    found: `${foreign.length} hold no wake`,
    rule: "the group is the stack's own: what else is sent to the delay queue is refused a hundred times, and then a dead letter",
    fix: "delete what somebody has put there",
  });
  tell("note", orphans, {
    found: `${orphans.length} wake an instance that does not count on it any more`,
    rule: "harmless: an alarm that was moved or deleted leaves its wake, which costs two messages and a read when it comes",
    fix: "nothing, or aws scheduler delete-schedule",
  });
  if (unseen[0] !== undefined) {
    verdicts.push({ check: CHECK, of, untold: `which of them are still counted on: ${unseen[0]}` });
  }
  return verdicts;
}

/** A wake whose version is still to come may yet be counted on. */
function isOrphan({ wake, head }: DescribedSchedule): boolean {
  if (wake === undefined || "unseen" in head) return false;
  if (head.seen === undefined) return true;
  return !isSameWake(wake.wake, head.seen.wake) && head.seen.version >= wake.wake.version;
}

function named(schedules: readonly DescribedSchedule[]): string {
  const names = schedules
    .slice(0, NAMED)
    .map(({ name, wake }) =>
      wake === undefined
        ? shownName(name)
        : `${shownName(name)} (${wake.id.type} ${shownName(wake.id.name)})`,
    );
  const more = schedules.length - names.length;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
