import type { ActorId } from "../../../runtime/ports/mailbox.ts";
import { duration, shownName } from "../../shown.ts";
import { type StackDescription, seen } from "../description.ts";
import type { Verdict } from "../finding.ts";
import { UNFINISHED_MS } from "../limits.ts";

const CHECK = "unfinished";
const NAMED = 5;

/** What lies in the actor table that somebody has begun, and nobody has ended. */
export function checkUnfinished({ now, actorTable, unfinished, stack }: StackDescription): Verdict[] {
  const of = `table ${seen(actorTable.table)?.name ?? `of ${stack}`}`;
  if ("unseen" in unfinished) return [{ check: CHECK, of, untold: unfinished.unseen }];
  const { journals, strayParts, overdue, trials } = unfinished.seen;
  const verdicts: Verdict[] = [];
  const old = journals.filter(({ since }) => since !== undefined && since < now - UNFINISHED_MS);
  if (old.length > 0) {
    const oldest = Math.min(...old.map(({ since = now }) => since));
    verdicts.push({
      severity: "warning",
      check: CHECK,
      of,
      found: `${old.length} large commits are not applied, the oldest from ${duration(now - oldest)} ago: ${named(old)}`,
      rule: "they hold, and whoever reads the instance finishes them; a worker that goes on for longer than it may run has died or is throttled",
      fix: "call any method of the instances, which applies the rest; actors logs says why it was not",
    });
  }
  const ageless = journals.filter(({ since }) => since === undefined);
  if (ageless.length > 0) {
    verdicts.push({
      severity: "note",
      check: CHECK,
      of,
      found: `${ageless.length} large commits are not applied, and do not say since when: ${named(ageless)}`,
      rule: "they hold; those that are still there in a quarter of an hour are nobody's",
      fix: "look again, or call any method of the instances",
    });
  }
  const stray = strayParts.filter(({ since }) => since === undefined || since < now - UNFINISHED_MS);
  if (stray.length > 0) {
    verdicts.push({
      severity: "note",
      check: CHECK,
      of,
      found: `${stray.length} parts of large commits belong to none any more: ${named(distinct(stray))}`,
      rule: "harmless: a commit that was fenced leaves them, and the next large commit of the instance takes them along",
      fix: "nothing",
    });
  }
  if (overdue.length > 0) {
    const oldest = Math.min(...overdue.map(({ alarm }) => alarm.at));
    verdicts.push({
      severity: "warning",
      check: CHECK,
      of,
      found: `${overdue.length} alarms are overdue, the oldest by ${duration(now - oldest)}: ${named(overdue)}`,
      rule: "a wake comes within seconds of its time: these were lost (a dead letter, a schedule that was deleted, a restore), or calls of minutes stand before them",
      fix: "look at actors dlq list; any call of an instance arms its alarm anew",
    });
  }
  if (trials.length > 0) {
    verdicts.push({
      severity: "note",
      check: CHECK,
      of,
      found: `${trials.length} calls are under suspicion to end their workers: ${named(trials)}`,
      rule: "after four starts without an end a call becomes a dead letter",
      fix: "actors inspect shows the head; docs/operations.md, A poison envelope",
    });
  }
  return verdicts;
}

function distinct<T extends { readonly id: ActorId }>(found: readonly T[]): T[] {
  const keys = new Set<string>();
  return found.filter(({ id }) => {
    const key = `${id.type}/${id.name}`;
    if (keys.has(key)) return false;
    keys.add(key);
    return true;
  });
}

function named(found: readonly { readonly id: ActorId }[]): string {
  const names = found.slice(0, NAMED).map(({ id }) => `${id.type} ${shownName(id.name)}`);
  const more = found.length - names.length;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
